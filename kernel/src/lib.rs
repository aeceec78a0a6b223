//! The kernel of a Callisto guest: what stands between Xen and a Rust workload.
//!
//! One virtual CPU, cooperative threads, everything in one address space. The kernel owns
//! what a paravirtualised domain is given at its start (memory, the shared info page, the
//! console and xenstore rings) and what it can ask for (event channels, grants, time), and
//! offers each as a small module. It knows no driver: `pvcalls-front` and the kernel meet
//! in `rt`, in one file.
//!
//! Modules without `cfg(guest)` are plain Rust and run in host tests; the rest only means
//! something inside a PV guest and is built by `cargo boot`, which sets the cfg.
//!
//! From the bottom up:
//! - [`hypercall`]: the calls into Xen, with typed errors.
//! - [`boot`]: first instruction to `main`.
//! - [`mem`]: page tables, page frames, heap.
//! - [`trap`], [`panic`], [`backtrace`]: what is printed when something is wrong.
//! - [`event`], [`grant`]: the two things PV drivers are made of.
//! - [`time`], [`thread`]: clock, timers, scheduler; the idle path is `thread::sched`.
//! - [`console`], [`xenstore`], [`shutdown`], [`entropy`]: the host's services.

#![cfg_attr(not(test), no_std)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "x86-64 only: usize and u64 are one; a narrower cast says why it fits"
)]
#![cfg_attr(
    any(guest, test),
    expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "finding a field in a shared page and accessing it are one thing to argue"
    )
)]

const _: () = assert!(usize::BITS == 64);

extern crate alloc;

pub mod cmdline;
pub mod errno;
pub mod mem;
pub mod memops;
pub mod symbols;
pub mod time;

#[cfg(guest)]
pub mod backtrace;
#[cfg(guest)]
pub mod boot;
#[cfg(guest)]
pub mod console;
#[cfg(guest)]
pub mod entropy;
#[cfg(guest)]
pub mod event;
#[cfg(guest)]
pub mod grant;
#[cfg(guest)]
pub mod hypercall;
#[cfg(guest)]
pub mod panic;
#[cfg(guest)]
pub mod shutdown;
#[cfg(guest)]
pub mod thread;
#[cfg(guest)]
mod trap;
#[cfg(any(guest, test))]
pub mod xenstore;
