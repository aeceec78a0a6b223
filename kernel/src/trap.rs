//! Exceptions. None is expected: each prints what happened and ends the domain as crashed.
//!
//! Xen enters a handler on the current stack with rcx, r11, (error code,) rip, cs, rflags,
//! rsp, ss pushed, rsp lowest. The stubs complete that to one [`Frame`] for all vectors.
//!
//! A guest's kernel has no second stack for exceptions: Xen always continues on the current
//! one. When a thread runs over its guard page there is no stack left to push a frame on,
//! so Xen ends the domain itself and logs the registers; see docs/debugging.md.

use core::arch::global_asm;
use core::sync::atomic::{AtomicBool, Ordering};

use xen_sys as xen;

use crate::hypercall::{self, ShutdownReason};
use crate::{backtrace, console, event, shutdown};

/// Registers at the exception, in the order in which the stubs push them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Frame {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rbp: u64,
    rdi: u64,
    rsi: u64,
    rdx: u64,
    rcx: u64,
    rbx: u64,
    rax: u64,
    vector: u64,
    error_code: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

const NAMES: [&str; 20] = [
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor segment overrun",
    "invalid task state segment",
    "segment not present",
    "stack-segment fault",
    "general protection fault",
    "page fault",
    "spurious interrupt",
    "floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point exception",
];
const PAGE_FAULT: u64 = 14;

// One stub per vector, 16 bytes apart, so that the table needs one symbol. Xen's two words
// on top, rcx and r11, are taken off first; vectors without an error code get a zero.
global_asm!(
    r#"
    .pushsection .text, "ax"
    .balign 16
    callisto_trap_stubs:
    .set vector, 0
    .rept 20
        .balign 16
        pop     rcx
        pop     r11
        .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17)
        .else
        push    0
        .endif
        push    vector
        jmp     callisto_trap_common
        .set vector, vector + 1
    .endr

    .type callisto_trap_common, @function
    callisto_trap_common:
        push    rax
        push    rbx
        push    rcx
        push    rdx
        push    rsi
        push    rdi
        push    rbp
        push    r8
        push    r9
        push    r10
        push    r11
        push    r12
        push    r13
        push    r14
        push    r15
        mov     rdi, rsp
        and     rsp, -16
        cld
        call    {handler}
        ud2
    .size callisto_trap_common, . - callisto_trap_common
    .popsection
    "#,
    handler = sym exception,
);

unsafe extern "C" {
    static callisto_trap_stubs: u8;
}

/// Xen reads the table once; it must not move, and its last entry is zero.
struct Table(core::cell::UnsafeCell<[xen::trap_info; NAMES.len() + 1]>);
// SAFETY: written once in `init`, on the only vCPU, before anybody reads it.
unsafe impl Sync for Table {}
static TABLE: Table = Table(core::cell::UnsafeCell::new(
    [xen::trap_info {
        vector: 0,
        flags: 0,
        cs: 0,
        address: 0,
    }; NAMES.len() + 1],
));

/// Registers the handlers with Xen.
pub(crate) fn init() {
    let stubs = (&raw const callisto_trap_stubs).addr() as u64;
    // SAFETY: see `Table`.
    let table = unsafe { &mut *TABLE.0.get() };
    for (vector, entry) in (0u8..).zip(&mut table[..NAMES.len()]) {
        *entry = xen::trap_info {
            vector,
            flags: 0,
            cs: xen::FLAT_KERNEL_CS64 as u16,
            address: stubs + u64::from(vector) * 16,
        };
    }
    // SAFETY: each address is that vector's stub.
    unsafe { hypercall::set_trap_table(table) }.expect("Xen takes a table of code addresses");
}

/// What a page fault tells about itself.
struct Access(u64);

impl core::fmt::Display for Access {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let kind = match self.0 {
            code if code & 1 << 4 != 0 => "executing",
            code if code & 1 << 1 != 0 => "writing",
            _ => "reading",
        };
        let why = if self.0 & 1 == 0 {
            "nothing is mapped there"
        } else {
            "not allowed there"
        };
        write!(f, "{kind}, {why}")
    }
}

extern "C" fn exception(frame: &Frame) -> ! {
    static ENTERED: AtomicBool = AtomicBool::new(false);
    if ENTERED.swap(true, Ordering::Relaxed) {
        // A fault while reporting a fault: say no more.
        hypercall::shutdown(ShutdownReason::Crash);
    }
    let name = NAMES
        .get(frame.vector as usize)
        .copied()
        .unwrap_or("unknown exception");
    console::begin_emergency();
    console::emergency(format_args!("\nfatal exception {}: {name}", frame.vector));
    if frame.vector == PAGE_FAULT {
        let address = event::fault_address().unwrap_or(0);
        console::emergency(format_args!(
            " at {address:#018x} ({})",
            Access(frame.error_code)
        ));
    } else if frame.error_code != 0 {
        console::emergency(format_args!(", error code {:#x}", frame.error_code));
    }
    console::emergency(format_args!(
        " in thread '{}'\n",
        crate::thread::CurrentName
    ));
    let Frame {
        rax,
        rbx,
        rcx,
        rdx,
        rsi,
        rdi,
        rbp,
        r8,
        r9,
        r10,
        r11,
        r12,
        r13,
        r14,
        r15,
        ..
    } = *frame;
    let Frame {
        rip,
        cs,
        rflags,
        rsp,
        ss,
        ..
    } = *frame;
    console::emergency(format_args!(
        "rip {rip:016x}  cs {cs:04x}  rflags {rflags:08x}  rsp {rsp:016x}  ss {ss:04x}\n\
         rax {rax:016x}  rbx {rbx:016x}  rcx {rcx:016x}  rdx {rdx:016x}\n\
         rsi {rsi:016x}  rdi {rdi:016x}  rbp {rbp:016x}  r8  {r8:016x}\n\
         r9  {r9:016x}  r10 {r10:016x}  r11 {r11:016x}  r12 {r12:016x}\n\
         r13 {r13:016x}  r14 {r14:016x}  r15 {r15:016x}\n"
    ));
    backtrace::print(Some(rip), rbp);
    shutdown::crash()
}
