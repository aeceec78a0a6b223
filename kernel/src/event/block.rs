//! The one place where event upcalls may enter: around the hypercall that blocks.
//!
//! The precompiled `core` keeps data below the stack pointer (the red zone), and Xen pushes
//! the upcall's frame just there. So upcalls are masked whenever Rust runs, and open only
//! between the two `syscall`-side instructions of this window, which keeps nothing below
//! the stack pointer. SCHEDOP_block itself clears the mask and looks for events in one
//! step, so none is slept through.
//!
//! The upcall does no work: it drops Xen's frame by restoring the stack pointer from rbx
//! (which a hypercall preserves and nothing here changes) and returns from the window, with
//! the mask set by Xen. No return through Xen is needed.
//!
//! After linking, `cargo boot` disassembles what lies between `__upcall_window_start` and
//! `__upcall_window_end` and refuses an image where that uses memory below the stack
//! pointer or calls out.

use core::arch::global_asm;

use xen_sys as xen;

use super::two_level::upcall_mask;
use crate::hypercall;

global_asm!(
    r#"
    .pushsection .text.upcall_window, "ax"

    # fn(mask: *mut u8): sleeps until an event is pending. rdi is the vCPU's upcall mask.
    .type callisto_block, @function
    callisto_block:
        push    rbx
        push    r12
        mov     r12, rdi
        mov     rbx, rsp
        mov     eax, {sched_op}
        mov     edi, {block}
        xor     esi, esi
        syscall                             # upcalls open somewhere in here
    1:  mov     byte ptr [r12], 1           # and are closed here, if none came
        mov     rsp, rbx                    # (the same, unless an upcall pushed its frame)
        pop     r12
        pop     rbx
        ret
    .size callisto_block, . - callisto_block

    # Xen enters here with the mask set and its frame on the stack.
    .type callisto_upcall, @function
    callisto_upcall:
        mov     rsp, rbx
        jmp     1b
    .size callisto_upcall, . - callisto_upcall

    .popsection
    "#,
    sched_op = const xen::__HYPERVISOR_sched_op,
    block = const xen::SCHEDOP_block,
);

unsafe extern "C" {
    fn callisto_block(mask: *mut u8);
    fn callisto_upcall();
    fn callisto_failsafe();
}

// Xen enters here when it cannot return to the guest as asked (a bad segment). That cannot
// happen to a guest that never changes its segments, so it is a fault like any other.
global_asm!(
    r#"
    .pushsection .text, "ax"
    .type callisto_failsafe, @function
    callisto_failsafe:
        ud2
    .size callisto_failsafe, . - callisto_failsafe
    .popsection
    "#
);

/// Tells Xen where upcalls enter.
pub(super) fn init() {
    let upcall: unsafe extern "C" fn() = callisto_upcall;
    let failsafe: unsafe extern "C" fn() = callisto_failsafe;
    // SAFETY: both are written for these entries, above.
    unsafe { hypercall::set_callbacks(upcall as usize, failsafe as usize) }
        .expect("Xen takes two code addresses");
}

/// Sleeps until an event is pending; returns at once when one is.
pub(crate) fn block() {
    // SAFETY: the assembly keeps the callee-saved registers and the stack, and leaves
    // upcalls masked, as they were.
    unsafe { callisto_block(upcall_mask()) };
}
