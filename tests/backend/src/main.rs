//! A guest that speaks PV Calls by hand, rightly and wrongly, to see what a backend makes of it.
//!
//! It does not use our frontend driver: rings, requests and states are its own, after the
//! specification, so it can send what no frontend would. The first argument chooses a probe;
//! each checks what a guest can see, prints it, and fails if it is wrong. The cases have the
//! other ends and check dom0.
//!
//! | file | |
//! |---|---|
//! | `memory.rs` `channel.rs` | shared pages; event channels, waiting |
//! | `wire.rs` `ring.rs` `stream.rs` | requests and responses; command ring; data ring |
//! | `device.rs` `socket.rs` | xenstore keys and states, commands and answers; whole sockets |
//! | `probes/` | what is tried |
//!
//! Never run a probe of `hostile`, `bad-*` or `accept-early` against Linux's backend: it brings
//! dom0 down.
#![no_std]
#![no_main]

extern crate alloc;

mod channel;
mod device;
mod memory;
mod pattern;
mod probes;
mod ring;
mod socket;
mod stream;
mod wire;

use alloc::string::String;
use alloc::vec::Vec;

use rt::env;
use rt::io::{Error, ErrorKind, Result};

/// Fails, with a message as for `format!`, unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::failure(alloc::format!($($message)+)));
        }
    };
}

#[rt::main]
fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.split_first() {
        Some((probe, args)) => probes::run(probe, args),
        None => Err(Error::new(
            ErrorKind::InvalidInput,
            "usage: back-probe PROBE ...",
        )),
    }
}

/// The error of a check that failed.
fn failure(what: impl Into<String>) -> Error {
    Error::other(what.into())
}

fn address<T: core::str::FromStr>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, alloc::format!("address {text:?}")))
}

fn number<T: core::str::FromStr>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, alloc::format!("number {text:?}")))
}
