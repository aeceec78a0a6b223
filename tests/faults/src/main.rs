//! A guest that fails in the way its argument names; the cases check what the host learns.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::black_box;

use rt::io::{Error, ErrorKind};
use rt::process::ExitCode;
use rt::{env, println, process, thread};

#[rt::main]
fn main() -> Result<ExitCode, Error> {
    let what = env::args().nth(1).unwrap_or_default();
    println!("about to: {what}");
    match what.as_str() {
        "panic" => panic!("as asked"),
        "panic-in-thread" => {
            let builder = thread::Builder::new().name("worker".into());
            builder
                .spawn(|| panic!("in a thread"))?
                .join()
                .expect("never reached");
        }
        "stack-overflow" => println!("{}", dig(1)),
        "stack-overflow-in-thread" => println!("{:?}", thread::spawn(|| dig(1)).join().ok()),
        "out-of-memory" => fill_memory(),
        "read-null" => println!("{}", peek(8)),
        "read-unmapped" => println!("{}", peek(0x1234_5678_9000)),
        // The lowest address of the image is text: not writable.
        "write-text" => poke(0xffff_ffff_8010_0000),
        // A static that is constant.
        "write-constant" => poke((&raw const CONSTANT).addr()),
        "execute-data" => call((&raw const CODE_IN_DATA).addr()),
        "execute-heap" => {
            let code: Vec<u8> = alloc::vec![0xc3; 64];
            call(code.as_ptr().addr());
        }
        // The builder's mapping of page tables and start_info is gone.
        "read-start-info" => println!("{}", peek(0xffff_ffff_8000_0000)),
        "divide" => divide(),
        "invalid-opcode" => invalid_opcode(),
        "exit-42" => process::exit(42),
        "code-7" => return Ok(ExitCode::from(7)),
        "error" => return Err(Error::new(ErrorKind::Other, "the error that main returns")),
        other => println!("do not know how to {other}"),
    }
    println!("still alive");
    Ok(ExitCode::SUCCESS)
}

static CONSTANT: [u64; 4] = [1, 2, 3, 4];
/// `ret`, in a place for data.
static mut CODE_IN_DATA: [u8; 16] = [0xc3; 16];

/// Recurses for ever, with a frame that grows the stack.
#[inline(never)]
#[expect(unconditional_recursion, reason = "the point")]
fn dig(depth: u64) -> u64 {
    let here = black_box([depth; 16]);
    dig(black_box(depth + 1)) + here[3]
}

fn fill_memory() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(alloc::vec![1; 1024 * 1024]);
        black_box(&kept);
    }
}

fn peek(address: usize) -> u64 {
    let pointer: *const u64 = core::ptr::with_exposed_provenance(address);
    // SAFETY: none: that this faults is the point.
    unsafe { pointer.read_volatile() }
}

fn poke(address: usize) {
    let pointer: *mut u64 = core::ptr::with_exposed_provenance_mut(address);
    // SAFETY: none: that this faults is the point.
    unsafe { pointer.write_volatile(1) };
}

fn call(address: usize) {
    // SAFETY: none: that this faults is the point. If it does not, `ret` comes back.
    unsafe { asm!("call {}", in(reg) address, clobber_abi("C")) };
}

fn divide() {
    // SAFETY: none: that this faults is the point.
    unsafe { asm!("xor edx, edx", "div edx", out("eax") _, out("edx") _) };
}

fn invalid_opcode() {
    // SAFETY: none: that this faults is the point.
    unsafe { asm!("ud2") };
}
