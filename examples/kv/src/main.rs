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
//! | `--appendonly FILE` | what changes is kept in this file, on a mounted volume, and loaded at start |
//! | `--appendfsync W` | when the file is synchronised: `always` (before answers are sent, one for all that came meanwhile), `everysec` (once in a second; if not given), `no` |
//! | `--auto-aof-rewrite-min-size MIB` | the file is written anew when it has so much, and twice as much as it had when it was new; 64 if not given, 0: only by `BGREWRITEAOF` |
//!
//! It speaks RESP2 and knows the commands for texts, lists, sets, hashes, sorted sets and times to
//! live that redis-benchmark tests, and their kin ([`commands`](kv::commands) has the list). What
//! it does not know is an error. When the memory is used up, what would add to it is answered with
//! `-OOM …`, and all else goes on.
//!
//! # What is kept
//!
//! ```text
//! $ cargo boot run --volume ~/kv:keys:/data kv -- --appendonly /data/kv.aof --appendfsync always
//! kv: 3 commands loaded from /data/kv.aof, 94 bytes
//! ```
//!
//! Without `--appendonly` nothing is. With it, options, names, defaults and the file are Redis':
//! `redis-server` loads it (`appendonly yes`, `appendfilename kv.aof`), `redis-check-aof` checks
//! it, and one that Redis has written without its binary preamble (`aof-use-rdb-preamble no`) and without
//! transactions is loaded here. An answer is sent when what it promises is in the file; with
//! `always` also on the host's disk. If the guest ends in any way, `xl destroy` among them,
//! nothing that was answered is lost; if the host does, nothing with `always`, and a second's with
//! `everysec`.
//!
//! A command that is cut off at the end is removed from the file when it is loaded, with a warning.
//! Anything else that is wrong with it is an error that names the place, and ends the guest. If
//! the file cannot be written, because the disk is full, say, then whoever wants to change
//! something is answered with `-MISCONF …`, reads go on, and it is tried again once in a second.
//! While the file is written anew, changes wait and reads go on.
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
mod guest;

#[cfg(not(guest))]
fn main() {
    eprintln!("kv is a guest: cargo boot run kv");
    std::process::exit(2);
}
