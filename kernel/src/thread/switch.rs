//! The switch from one thread's stack to another's.

use core::arch::naked_asm;

/// Registers that a switch keeps on the stack, lowest address first: the control words of
/// the floating-point units, r15, r14, r13, r12, rbx, rbp, the return address.
const SAVED_WORDS: usize = 8;

/// Control words of a fresh thread as the ABI wants them: MXCSR 0x1f80, x87 0x037f.
const FLOAT_CONTROL: u64 = 0x1f80 | (0x037f << 32);

/// Saves the current context, stores the stack pointer at `save` and continues with the
/// context saved at stack pointer `resume`.
///
/// # Safety
/// `resume` must come from an earlier switch or [`prepare`], not resumed since, on a stack
/// that is still there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn switch(save: *mut usize, resume: usize) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "ldmxcsr [rsp]",
        "fldcw [rsp + 4]",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// Lays out a stack so that the first [`switch`] to it calls `entry`, and returns the stack
/// pointer to resume.
///
/// # Safety
/// `top` must be one past the end of unused, writable memory of at least a page, 16-byte
/// aligned. `entry` must not return.
pub(super) unsafe fn prepare(top: *mut u64, entry: extern "C" fn() -> !) -> usize {
    // Above the context one zero word: it ends backtraces, and it is there instead of the
    // return address, so that the stack is aligned at `entry` as after a call.
    let context = top.wrapping_sub(SAVED_WORDS + 1);
    // SAFETY: within the page below `top`.
    unsafe { context.write_bytes(0, SAVED_WORDS + 1) };
    // SAFETY: as above.
    unsafe { context.write(FLOAT_CONTROL) };
    let entry: usize = entry as usize;
    // SAFETY: as above.
    unsafe { context.add(SAVED_WORDS - 1).write(entry as u64) };
    context.expose_provenance()
}
