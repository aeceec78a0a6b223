//! The upcall window: the few instructions of a guest that run with event upcalls unmasked.
//!
//! Xen delivers an upcall by pushing a frame on the current stack. Ordinary Rust code may
//! keep data below the stack pointer (the precompiled `core` does), so upcalls are masked
//! while it runs, and the kernel opens them only in a few lines of assembly between two
//! symbols. This module disassembles those lines in the linked image and refuses what would
//! break the argument: an access below the stack pointer, or a way out into other code.

use super::elf::Elf;
use anyhow::{Context, Result, bail, ensure};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};
use std::ops::Range;

const START: &str = "__upcall_window_start";
const END: &str = "__upcall_window_end";
/// The page that Xen fills with hypercall stubs.
const HYPERCALL_PAGE: &str = "hypercall_page";

/// The window is assembly that one can read at a glance.
const MAX_BYTES: u64 = 256;

/// Checks the window of a linked guest.
pub(crate) fn check(elf: &Elf) -> Result<()> {
    let symbol = |name: &str| {
        elf.symbol(name)
            .with_context(|| format!("it has no symbol `{name}`, which the kernel crate defines"))
    };
    let window = symbol(START)?..symbol(END)?;
    let pages = elf
        .symbol(HYPERCALL_PAGE)
        .map_or(0..0, |page| page..page + 4096);
    let code = elf
        .at(window.clone())
        .context("the upcall window is not in the file")?;
    check_code(code, window, &pages)
}

fn check_code(code: &[u8], window: Range<u64>, hypercalls: &Range<u64>) -> Result<()> {
    let bytes = code.len() as u64;
    ensure!(
        bytes < MAX_BYTES,
        "the upcall window is {bytes} bytes long; less than {MAX_BYTES} are allowed"
    );
    for instruction in &mut Decoder::with_ip(64, code, window.start, DecoderOptions::NONE) {
        let at = instruction.ip();
        ensure!(
            !instruction.is_invalid(),
            "the upcall window has no valid instruction at {at:#x}"
        );
        ensure!(
            !touches_below_stack(&instruction),
            "the upcall window accesses memory below the stack pointer at {at:#x}, where Xen may push a frame"
        );
        check_flow(&instruction, &window, hypercalls)?;
    }
    Ok(())
}

fn touches_below_stack(instruction: &Instruction) -> bool {
    let accesses = instruction.op_kinds().any(|kind| kind == OpKind::Memory)
        && instruction.mnemonic() != Mnemonic::Lea;
    accesses
        && instruction.memory_base() == Register::RSP
        && instruction.memory_displacement64().cast_signed() < 0
}

fn check_flow(
    instruction: &Instruction,
    window: &Range<u64>,
    hypercalls: &Range<u64>,
) -> Result<()> {
    let at = instruction.ip();
    match instruction.flow_control() {
        FlowControl::Next
        | FlowControl::Return
        | FlowControl::Interrupt
        | FlowControl::Exception => Ok(()),
        FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch | FlowControl::Call => {
            // `syscall` counts as a call and has no target here.
            if instruction.mnemonic() == Mnemonic::Syscall {
                return Ok(());
            }
            let target = instruction.near_branch_target();
            if window.contains(&target) || hypercalls.contains(&target) {
                return Ok(());
            }
            bail!(
                "the upcall window goes to {target:#x} at {at:#x}: neither in the window nor a hypercall"
            )
        }
        _ => bail!(
            "the upcall window has an indirect jump or call at {at:#x}, whose target cannot be checked"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 0x1000;

    fn check(code: &[u8]) -> Result<()> {
        check_code(code, WINDOW..WINDOW + code.len() as u64, &(0x2000..0x3000))
    }

    fn error(code: &[u8]) -> String {
        check(code).unwrap_err().to_string()
    }

    #[test]
    fn plain_code_passes() {
        // push rbp; mov rax, [rsp+8]; lea rsp, [rsp-8]; syscall; pop rbp; ret
        check(&[
            0x55, 0x48, 0x8b, 0x44, 0x24, 0x08, 0x48, 0x8d, 0x64, 0x24, 0xf8, 0x0f, 0x05, 0x5d,
            0xc3,
        ])
        .unwrap();
    }

    #[test]
    fn the_red_zone_is_off_limits() {
        // nop; mov [rsp-8], rax
        assert!(error(&[0x90, 0x48, 0x89, 0x44, 0x24, 0xf8]).contains("0x1001"));
    }

    #[test]
    fn calls_may_only_go_to_the_window_and_the_hypercall_page() {
        check(&[0xe8, 0xfb, 0x0f, 0x00, 0x00]).unwrap(); // call 0x2000
        check(&[0xeb, 0xfe]).unwrap(); // jmp to itself
        assert!(error(&[0xe8, 0xfb, 0x1f, 0x00, 0x00]).contains("0x3000"));
        assert!(error(&[0x74, 0x10]).contains("0x1012")); // je out
        assert!(error(&[0xff, 0xd0]).contains("indirect")); // call rax
    }

    #[test]
    fn rubbish_and_size_are_errors() {
        assert!(error(&[0x06]).contains("valid instruction"));
        assert!(error(&[0x90; 256]).contains("256 bytes"));
    }
}
