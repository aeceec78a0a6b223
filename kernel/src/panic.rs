//! Panics end the domain as crashed, after the message and a backtrace.
//!
//! Guests are built with `panic = "abort"`: there is no unwinding on stable Rust without
//! std. The two symbols below are what the precompiled `core` and `alloc` still refer to;
//! nothing ever calls them.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::hypercall::{self, ShutdownReason};
use crate::{backtrace, console, shutdown, thread};

static PANICKING: AtomicBool = AtomicBool::new(false);

/// Whether the domain ends by a panic: seen by nobody but what the message is made of.
pub fn panicking() -> bool {
    PANICKING.load(Ordering::Relaxed)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if PANICKING.swap(true, Ordering::Relaxed) {
        // A panic while reporting a panic: say no more.
        hypercall::shutdown(ShutdownReason::Crash);
    }
    console::begin_emergency();
    console::emergency(format_args!("\nthread '{}' panicked", thread::CurrentName));
    if let Some(location) = info.location() {
        console::emergency(format_args!(" at {location}"));
    }
    console::emergency(format_args!(":\n{}\n", info.message()));
    backtrace::print_here();
    shutdown::crash()
}

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    unreachable!("guests do not unwind")
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    unreachable!("guests do not unwind")
}
