//! Backtraces by frame pointers, with names from the table that `cargo boot` appended.
//!
//! Guests are compiled with frame pointers, and the precompiled `core` and `alloc` have them
//! in every function that calls, so walking rbp is complete and needs no unwinder.

use crate::boot::image;
use crate::{console, thread};

const MAX_FRAMES: usize = 48;

/// Prints the callers of the current function.
pub(crate) fn print_here() {
    let rbp: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack)) };
    print(None, rbp);
}

/// Prints a backtrace from a frame pointer, with the innermost address where it is known.
pub(crate) fn print(rip: Option<u64>, rbp: u64) {
    console::emergency(format_args!("backtrace:\n"));
    if let Some(rip) = rip {
        print_frame(rip);
    }
    let stack = thread::current_stack();
    let mut rbp = rbp as usize;
    for _ in 0..MAX_FRAMES {
        // A frame is [saved rbp, return address]; believe it only inside the stack.
        if !rbp.is_multiple_of(8) || !stack.contains(&rbp) || !stack.contains(&(rbp + 15)) {
            return;
        }
        let frame: *const u64 = core::ptr::with_exposed_provenance(rbp);
        // SAFETY: aligned, and both words inside the current thread's stack, which is mapped.
        let saved = unsafe { frame.read_volatile() };
        // SAFETY: as above.
        let return_address = unsafe { frame.add(1).read_volatile() };
        if return_address == 0 {
            return;
        }
        // The call is just before the address it returns to.
        print_frame(return_address.wrapping_sub(1));
        let next = saved as usize;
        if next <= rbp {
            return;
        }
        rbp = next;
    }
    console::emergency(format_args!("  ... (more than {MAX_FRAMES} frames)\n"));
}

fn print_frame(address: u64) {
    match image::symbols()
        .as_ref()
        .and_then(|symbols| symbols.lookup(address))
    {
        Some((name, offset)) => {
            console::emergency(format_args!("  {address:016x}  {name} + {offset:#x}\n"));
        }
        None => console::emergency(format_args!("  {address:016x}\n")),
    }
}
