//! A key-value server that redis-cli, redis-benchmark and Redis' client libraries take for Redis.
//!
//! ```text
//! $ cargo boot run kv -- --port 6379 --memory 24
//! kv: listening on 0.0.0.0:6379, 24 MiB for keys
//! ```
//!
//! | option | |
//! |---|---|
//! | `--port N` | listen there; 6379 if not given |
//! | `--memory MIB` | what keys, values and large requests may take; half of the free memory if not given |
//! | `--clients N` | how many may be connected; 256 if not given. Others get an error |
//! | `--timeout S` | a client that is silent for so long is let go; 300 if not given, 0: never |
//!
//! It speaks RESP2 and knows the commands for texts, lists, sets, hashes, sorted sets and times to
//! live that redis-benchmark tests, and their kin ([`commands`](kv::commands) has the list). What
//! it does not know is an error. Nothing is written to a disk: there is none. When the memory
//! is used up, what would add to it is answered with `-OOM …`, and all else goes on.
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
mod guest;

#[cfg(not(guest))]
fn main() {
    eprintln!("kv is a guest: cargo boot run kv");
    std::process::exit(2);
}
