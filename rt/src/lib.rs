//! What a workload sees of a Callisto guest: std's names on the Callisto kernel.
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//!
//! use rt::io::{Read, Write};
//! use rt::net::TcpStream;
//! use rt::println;
//!
//! #[rt::main]
//! fn main() -> rt::io::Result<()> {
//!     let mut stream = TcpStream::connect("192.0.2.1:80")?;
//!     stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
//!     let mut page = [0; 1024];
//!     let count = stream.read(&mut page)?;
//!     println!("{}", String::from_utf8_lossy(&page[..count]));
//!     Ok(())
//! }
//! ```
//!
//! Modules are called as in std and mean the same; where the machine below cannot do what
//! std promises, the call returns an error that says so, never a silent success.
//!
//! | module | what |
//! |---|---|
//! | [`net`] | TCP through the host's sockets (PV Calls); no network stack in here |
//! | [`fs`], [`path`] | files on volumes of the host |
//! | [`thread`], [`sync`], [`time`] | cooperative threads; locks; clocks |
//! | [`task`] | async code beside threads: an executor and timers |
//! | [`xenstore`] | the host's tree of small values: configuration, and what others may know |
//! | [`os`], [`ffi`] | what std has on Unix; strings of C and of systems |
//! | [`env`](mod@env) | the command line: arguments and variables |
//! | [`io`] | errors, the traits to read and write, buffers, the console |
//! | [`random`] | the processor's random numbers |
//! | [`collections`], [`hash`] | hash tables with random keys, and alloc's collections |
//! | [`process`] | the end of the domain and its exit code |
//!
//! `xen/`, `net/driver/` and `fs/driver/` are the modules where drivers and the kernel meet.
//!
//! Modules without `cfg(guest)` know no kernel and run in host tests (`cargo test -p rt`); the
//! rest only means something inside a PV guest and is built by `cargo boot`, which sets the cfg.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

#[cfg(guest)]
#[macro_use]
mod macros;

#[cfg(any(guest, test))]
pub mod collections;
#[cfg(guest)]
pub mod compat;
#[cfg(guest)]
pub mod env;
pub mod ffi;
#[cfg(any(guest, test))]
pub mod fs;
#[cfg(any(guest, test))]
pub mod hash;
pub mod io;
#[cfg(guest)]
pub mod net;
pub mod os;
pub mod path;
#[cfg(guest)]
pub mod prelude;
#[cfg(guest)]
pub mod process;
#[cfg(guest)]
pub mod random;
#[cfg(any(guest, test))]
pub mod sync;
#[cfg(guest)]
pub mod task;
#[cfg(guest)]
pub mod thread;
#[cfg(guest)]
pub mod time;
#[cfg(guest)]
mod xen;
#[cfg(guest)]
pub mod xenstore;

// What std re-exports, so that code that says `std::` finds it here: `use rt as std`.
pub use alloc::{borrow, boxed, fmt, format, rc, slice, str, string, vec};
pub use core::{
    any, arch, array, ascii, assert, assert_eq, assert_ne, cell, cfg, char, clone, cmp, column,
    compile_error, concat, convert, debug_assert, debug_assert_eq, debug_assert_ne, default, env,
    error, f32, f64, file, format_args, future, hint, include, include_bytes, include_str, iter,
    line, marker, matches, mem, module_path, num, ops, option, option_env, panic, pin, primitive,
    ptr, result, stringify, todo, unimplemented, unreachable, write, writeln,
};

/// Turns `fn main` into the entry of a guest image.
///
/// The function takes no arguments (see [`env::args`]) and returns what
/// [`process::Termination`] knows: nothing, an exit code, or a `Result` whose error is
/// printed and makes the exit code 1.
pub use rt_macros::main;

/// What the kernel offers to those who build systems rather than workloads: events, grants,
/// xenstore, the memory of the domain.
pub use kernel;
pub use log;

/// For the code that `#[rt::main]` makes. Not for others.
#[cfg(guest)]
#[doc(hidden)]
pub mod __private {
    pub use crate::process::run;
}
