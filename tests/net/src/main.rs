//! A guest that tries what its arguments say on the network. It checks what a guest can
//! check and fails if that is wrong; the cases check the rest: the console, the exit code
//! and the other end of the connections.
//!
//! | file | what is tried |
//! |---|---|
//! | `connect.rs` | connections that are refused, unreachable, late or never there |
//! | `inside.rs` | a guest that talks to itself |
//! | `listeners.rs` | listeners that come and go, or outlive the backend |
//! | `transfer.rs` | data both ways, from several threads, and right before the end |
//! | `reconnect.rs` | a backend that goes away and comes back |
//! | `resources.rs` | that connections give back what they take |
//! | `limits.rs` | what version 1 of the protocol cannot do, and time-outs |
//! | `streams.rs` | streams as std's: clones, non-blocking, bad arguments |
//! | `serve.rs` | servers |
//! | `bulk.rs` | a lot of data |
//! | `extensions.rs` | half-close, names and options |
//! | `datagrams.rs` | UDP |
//! | `exhaust.rs` | more sockets than there is memory for |
//! | `wakers.rs` | sockets that go with a waker |
//! | `wait.rs` | waiting for ever, so that the host can end it |
//! | `names.rs` | what names of hosts mean |
//! | `pattern.rs` | the bytes that are sent |
#![no_std]
#![no_main]

extern crate alloc;

mod bulk;
mod connect;
mod datagrams;
mod exhaust;
mod extensions;
mod inside;
mod limits;
mod listeners;
mod names;
mod pattern;
mod reconnect;
mod resources;
mod serve;
mod streams;
mod transfer;
mod wait;
mod wakers;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;

use rt::env;
use rt::io::{Error, ErrorKind, Result};
use rt::net::SocketAddr;
use rt::println;

#[rt::main]
fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["connect", addresses @ ..] => connect::try_each(addresses),
        ["connect-until-it-works", address] => connect::until_it_works(address),
        ["connect-timeout", echo, silent] => {
            connect::timeout(address(echo)?, address(silent)?, true)
        }
        ["connect-timeout-and-leave", echo, silent] => {
            connect::timeout(address(echo)?, address(silent)?, false)
        }
        ["echo", echo, bytes] => transfer::echo(address(echo)?, number(bytes)?),
        ["echo-parallel", echo, threads, bytes] => {
            transfer::echo_parallel(address(echo)?, number(threads)?, number(bytes)?)
        }
        ["write-and-drop", sink, count, bytes] => {
            transfer::write_and_drop(address(sink)?, number(count)?, number(bytes)?)
        }
        ["write-and-exit", sink, bytes] => transfer::write_and_exit(address(sink)?, number(bytes)?),
        ["many", echo, count] => resources::many(address(echo)?, number(count)?),
        ["reconnect", echo, rounds, streams] => {
            reconnect::check(address(echo)?, number(rounds)?, number(streams)?)
        }
        ["connect-during-outage", echo] => reconnect::connect_during_outage(address(echo)?),
        ["limits", echo] => limits::check(address(echo)?),
        ["extensions", echo, late, watched] => {
            extensions::check(address(echo)?, address(late)?, address(watched)?)
        }
        ["inside", streams, bytes] => inside::check(number(streams)?, number(bytes)?),
        ["everywhere", at, outside] => inside::everywhere(address(at)?, number(outside)?),
        ["look-up", names @ ..] => names::look_up(names),
        ["streams", echo, silent, closed] => {
            streams::check(address(echo)?, address(silent)?, address(closed)?)
        }
        ["bulk", server, up, down] => bulk::transfer(address(server)?, number(up)?, number(down)?),
        ["echo-server", at, threads, connections, bytes] => serve::echo(
            address(at)?,
            number(threads)?,
            number(connections)?,
            number(bytes)?,
        ),
        ["echo-one-by-one", at, count] => serve::one_by_one(address(at)?, number(count)?),
        ["send-server", at, count, bytes] => {
            serve::send(address(at)?, number(count)?, number(bytes)?)
        }
        ["listen-and-leave", at, threads] => serve::leave(address(at)?, number(threads)?),
        ["try-to-listen", at] => serve::try_to_listen(address(at)?),
        ["listeners-come-and-go", at, rounds] => {
            let rounds = u16::try_from(number(rounds)?);
            listeners::come_and_go(address(at)?, rounds.map_err(|_| failure("too many"))?)
        }
        ["listen-through-outage", at, connections] => {
            listeners::survive(address(at)?, number(connections)?)
        }
        ["datagrams", echo, closed] => datagrams::check(address(echo)?, address(closed)?),
        ["datagram-server", at, count] => datagrams::serve(address(at)?, number(count)?),
        ["datagram-query", server, name] => datagrams::query(address(server)?, name),
        ["datagrams-inside"] => datagrams::inside(),
        ["no-datagrams", at] => datagrams::unsupported(address(at)?),
        ["wakers", echo] => wakers::check(address(echo)?),
        ["exhaust", echo, spare] => exhaust::check(address(echo)?, address(spare)?),
        ["read", silent] => wait::read(address(silent)?),
        ["sleep"] => wait::sleep(),
        other => Err(failure(alloc::format!("do not know how to {other:?}"))),
    }
}

/// The error of a check that failed.
fn failure(what: impl Into<String>) -> Error {
    Error::other(what.into())
}

/// Checks that something fails as it should.
fn expect_error<T: Debug>(what: &str, kind: ErrorKind, result: Result<T>) -> Result<()> {
    match result {
        Err(error) if error.kind() == kind => {
            println!("{what}: {kind:?}: {error}");
            Ok(())
        }
        other => Err(failure(alloc::format!(
            "{what}: {other:?}, expected {kind:?}"
        ))),
    }
}

fn address(text: &str) -> Result<SocketAddr> {
    text.parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, alloc::format!("address {text:?}")))
}

fn number(text: &str) -> Result<usize> {
    text.parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, alloc::format!("number {text:?}")))
}
