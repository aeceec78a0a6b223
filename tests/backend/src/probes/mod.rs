//! What is tried: each probe by the name that cases call it.

mod commands;
mod datagrams;
mod extensions;
mod hostile;
mod last_words;
mod listeners;
mod matrix;
mod rings;
mod states;

use rt::io::{Error, ErrorKind, Result};

use crate::stream::Tell;
use crate::{address, number};

/// Runs the probe `name`.
pub(crate) fn run(name: &str, args: &[&str]) -> Result<()> {
    match (name, args) {
        ("first-write", [echo, count, order]) => {
            matrix::first_write(address(echo)?, number(count)?, number(order)?)
        }
        ("consumer-notify", [echo, count]) => {
            matrix::consumer_notify(address(echo)?, number(count)?)
        }
        ("download", [source, bytes, "when-full"]) => {
            matrix::download(address(source)?, number(bytes)?, Tell::WhenFull)
        }
        ("download", [source, bytes, "always"]) => {
            matrix::download(address(source)?, number(bytes)?, Tell::Always)
        }
        ("end", [source, bytes, count]) => {
            matrix::end(address(source)?, number(bytes)?, number(count)?)
        }
        ("reset", [resetting]) => matrix::reset(address(resetting)?),
        ("half-closed", [peer]) => matrix::half_closed(address(peer)?),
        ("write-release", [sink, bytes, count]) => {
            matrix::write_release(address(sink)?, number(bytes)?, number(count)?)
        }
        ("slow-connect", [silent, echo]) => matrix::slow_connect(address(silent)?, address(echo)?),
        ("stalled", [deaf, seconds]) => matrix::stalled(address(deaf)?, number(seconds)?),
        ("reconnect", [echo]) => states::reconnect(address(echo)?),
        ("short-cut", [echo]) => states::short_cut(address(echo)?),
        ("garbage-keys", [echo]) => states::garbage_keys(address(echo)?),
        ("flip-states", [echo, count]) => states::flip(address(echo)?, number(count)?),
        ("arguments", [echo, refused]) => commands::arguments(address(echo)?, address(refused)?),
        ("ids", [echo]) => commands::ids(address(echo)?),
        ("reuse", [echo]) => commands::reuse(address(echo)?),
        ("orders", [echo]) => commands::orders(address(echo)?),
        ("listen", [at, more]) => listeners::listen(address(at)?, address(more)?),
        ("parked", [at]) => listeners::parked(address(at)?),
        ("accept-data", [at, count]) => listeners::accept_data(address(at)?, number(count)?),
        ("poll", [at]) => listeners::poll(address(at)?),
        ("full-ring", [at, echo]) => listeners::full_ring(address(at)?, address(echo)?),
        ("accept-early", [echo]) => listeners::accept_early(address(echo)?),
        ("bad-rings", [echo]) => rings::bad(address(echo)?),
        ("bad-indexes", [echo]) => rings::bad_indexes(address(echo)?),
        ("shared-twice", [echo]) => rings::shared_twice(address(echo)?),
        ("overflow", [echo, kind]) => hostile::overflow(address(echo)?, kind),
        ("garbage", [echo, count]) => hostile::garbage(address(echo)?, number(count)?),
        ("storm", [echo, seconds]) => hostile::storm(address(echo)?, number(seconds)?),
        ("too-fast", [echo, seconds]) => hostile::too_fast(address(echo)?, number(seconds)?),
        ("too-many", [deaf, count]) => hostile::too_many(address(deaf)?, number(count)?),
        ("be-busy", [echo, silent, source, at]) => hostile::be_busy(
            address(echo)?,
            address(silent)?,
            address(source)?,
            address(at)?,
        ),
        ("extensions-none", [echo]) => extensions::none(address(echo)?),
        ("names", [at]) => extensions::names(address(at)?),
        ("shutdown", [answering, echo]) => {
            extensions::shutdown(address(answering)?, address(echo)?)
        }
        ("options", [sink]) => extensions::options(address(sink)?),
        ("event-idx", [echo, closing]) => extensions::event_idx(address(echo)?, address(closing)?),
        ("outlive", [echo, at]) => extensions::outlive(address(echo)?, address(at)?),
        ("udp", [at]) => datagrams::udp(address(at)?),
        ("ipv6", [at]) => datagrams::ipv6(address(at)?),
        ("resolve", [name, at]) => datagrams::resolve(name, address(at)?),
        ("write-on", [late, count]) => last_words::write_on(address(late)?, number(count)?),
        ("reset-stalled", [peer]) => last_words::reset_stalled(address(peer)?),
        ("bad-index", [sink]) => last_words::bad_index(address(sink)?),
        ("shut-and-write", [late]) => last_words::shut_and_write(address(late)?),
        ("hang-many", [silent, count]) => hostile::hang_many(address(silent)?, number(count)?),
        ("unread", [peer, count]) => last_words::unread(address(peer)?, number(count)?),
        ("greedy", [deaf, count]) => hostile::greedy(address(deaf)?, number(count)?),
        (name, args) => Err(Error::new(
            ErrorKind::InvalidInput,
            alloc::format!("do not know how to {name} {args:?}"),
        )),
    }
}
