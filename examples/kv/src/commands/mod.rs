//! The commands: what arrives is checked, done in the [`Store`], and answered.
//!
//! A command that changes the store says so ([`Effect::Changed`]), and is recorded in the
//! [`Journal`]. What depends on the time, or would be chosen otherwise by Redis, is recorded as what
//! came of it.

mod collections;
mod keys;
mod server;
mod sorted;
mod strings;

use alloc::vec::Vec;

use crate::journal::Journal;
use crate::reply;
use crate::resp::{self, Args};
use crate::store::{Refused, Store};

/// An answer may have that many bytes; one that would be longer is an error.
pub const MOST_REPLY: usize = 16 << 20;

/// What a command did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that the store would remember.
    None,
    /// The store is, or may be, another one.
    Changed,
    /// The client goes.
    Quit,
}

/// Where and when a command is carried out.
#[derive(Debug)]
pub struct Context<'a> {
    /// The keys.
    pub store: &'a mut Store,
    /// Milliseconds since 1970.
    pub now: u64,
    /// Facts for `INFO` that the store does not have.
    pub server: &'a Server,
    /// Where it is recorded what has changed.
    pub journal: &'a mut Journal,
    /// Where the answer goes.
    pub out: &'a mut Vec<u8>,
}

impl Context<'_> {
    /// Records this instead of the request: the request would do something else at another time,
    /// or in another program.
    fn note<const N: usize>(&mut self, record: [&[u8]; N]) {
        self.journal.note(self.store, record.into_iter());
    }
}

/// What is known of the server as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Server {
    /// The port that is listened on.
    pub port: u16,
    /// Clients connected now.
    pub clients: usize,
    /// Clients that may be connected at a time.
    pub most_clients: usize,
    /// Connections since the start.
    pub connections: u64,
    /// Commands since the start.
    pub commands: u64,
    /// Seconds since the start.
    pub uptime_s: u64,
}

/// Why a command has no answer but an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Refused(Refused),
    Syntax,
    NotAnInteger,
    NotAFloat,
    Overflow,
    BadTime,
    OutOfRange,
    TooLong,
    Arguments,
    /// Some other text.
    Text(&'static str),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Failure::Refused(refused)
    }
}

impl Failure {
    fn text(self) -> &'static str {
        match self {
            Failure::Refused(Refused::WrongKind) => {
                "WRONGTYPE Operation against a key holding the wrong kind of value"
            }
            Failure::Refused(Refused::OutOfMemory) => {
                "OOM command not allowed when used memory > 'maxmemory'."
            }
            Failure::Syntax => "ERR syntax error",
            Failure::NotAnInteger => "ERR value is not an integer or out of range",
            Failure::NotAFloat => "ERR value is not a valid float",
            Failure::Overflow => "ERR increment or decrement would overflow",
            Failure::BadTime => "ERR invalid expire time",
            Failure::OutOfRange => "ERR value is out of range, must be positive",
            Failure::TooLong => "ERR the answer would be too long",
            Failure::Arguments => "ERR wrong number of arguments",
            Failure::Text(text) => text,
        }
    }
}

type Result<T = Effect> = core::result::Result<T, Failure>;
type Run = fn(&mut Context<'_>, Args<'_>) -> Result;

/// Carries out one request and adds its answer to `context.out`. An empty request has none.
pub fn execute(context: &mut Context<'_>, args: Args<'_>) -> Effect {
    if args.is_empty() {
        return Effect::None;
    }
    context.store.expire(context.now);
    let mut upper = [0; 16];
    let name = uppercase(args.get(0), &mut upper);
    let Some(command) = find(name) else {
        unknown(context.out, args.get(0));
        return Effect::None;
    };
    if args.len() < command.least || args.len() > command.most {
        let shown = core::str::from_utf8(name).unwrap_or_default();
        let text = alloc::format!(
            "ERR wrong number of arguments for '{}' command",
            shown.to_ascii_lowercase()
        );
        reply::error(context.out, &text);
        return Effect::None;
    }
    if command.writes
        && let Some(text) = context.journal.refusal()
    {
        reply::error(context.out, &text);
        return Effect::None;
    }
    context.journal.begin();
    let start = context.out.len();
    let effect = match (command.run)(context, args) {
        Ok(effect) => effect,
        Err(failure) => {
            context.out.truncate(start);
            reply::error(context.out, failure.text());
            Effect::None
        }
    };
    if effect == Effect::Changed && !context.journal.is_noted() {
        context.journal.note(context.store, args.from(0));
    } else {
        context.journal.note_ends(context.store);
    }
    effect
}

fn unknown(out: &mut Vec<u8>, name: &[u8]) {
    let shown = &name[..name.len().min(64)];
    let text = alloc::format!("ERR unknown command '{}'", shown.escape_ascii());
    reply::error(out, &text);
}

/// `text` in capitals, if it is short enough to be the name of anything; otherwise nothing.
fn uppercase<'a>(text: &[u8], room: &'a mut [u8; 16]) -> &'a [u8] {
    let Some(room) = room.get_mut(..text.len()) else {
        return &[];
    };
    room.copy_from_slice(text);
    room.make_ascii_uppercase();
    room
}

/// Whether an argument is the word `word`, in capitals or not.
fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

#[derive(Clone, Copy)]
struct Command {
    /// The least arguments, the name included.
    least: usize,
    /// The most.
    most: usize,
    /// It may change the store.
    writes: bool,
    /// What does it.
    run: Run,
}

/// Whether this request may change the store.
pub fn writes(args: Args<'_>) -> bool {
    let mut upper = [0; 16];
    find(uppercase(args.get(0), &mut upper)).is_some_and(|command| command.writes)
}

fn find(name: &[u8]) -> Option<Command> {
    const ANY: usize = usize::MAX;
    const READS: bool = false;
    const WRITES: bool = true;
    let (least, most, writes, run): (usize, usize, bool, Run) = match name {
        b"PING" => (1, 2, READS, server::ping),
        b"ECHO" => (2, 2, READS, server::echo),
        b"QUIT" => (1, ANY, READS, server::quit),
        b"SELECT" => (2, 2, READS, server::select),
        b"INFO" => (1, ANY, READS, server::info),
        b"CONFIG" => (2, ANY, READS, server::config),
        b"COMMAND" => (1, ANY, READS, server::command),
        b"BGREWRITEAOF" => (1, 1, READS, server::rewrite),
        b"CLIENT" => (2, ANY, READS, server::client),
        b"HELLO" => (1, ANY, READS, server::hello),

        b"SET" => (3, ANY, WRITES, strings::set),
        b"SETNX" => (3, 3, WRITES, strings::setnx),
        b"SETEX" => (4, 4, WRITES, strings::setex),
        b"PSETEX" => (4, 4, WRITES, strings::psetex),
        b"GET" => (2, 2, READS, strings::get),
        b"GETSET" => (3, 3, WRITES, strings::getset),
        b"GETDEL" => (2, 2, WRITES, strings::getdel),
        b"MSET" => (3, ANY, WRITES, strings::mset),
        b"MGET" => (2, ANY, READS, strings::mget),
        b"APPEND" => (3, 3, WRITES, strings::append),
        b"STRLEN" => (2, 2, READS, strings::strlen),
        b"INCR" => (2, 2, WRITES, strings::incr),
        b"DECR" => (2, 2, WRITES, strings::decr),
        b"INCRBY" => (3, 3, WRITES, strings::incrby),
        b"DECRBY" => (3, 3, WRITES, strings::decrby),

        b"DEL" | b"UNLINK" => (2, ANY, WRITES, keys::del),
        b"EXISTS" => (2, ANY, READS, keys::exists),
        b"TYPE" => (2, 2, READS, keys::kind),
        b"KEYS" => (2, 2, READS, keys::keys),
        b"EXPIRE" => (3, 3, WRITES, keys::expire),
        b"PEXPIRE" => (3, 3, WRITES, keys::pexpire),
        b"EXPIREAT" => (3, 3, WRITES, keys::expireat),
        b"PEXPIREAT" => (3, 3, WRITES, keys::pexpireat),
        b"TTL" => (2, 2, READS, keys::ttl),
        b"PTTL" => (2, 2, READS, keys::pttl),
        b"PERSIST" => (2, 2, WRITES, keys::persist),
        b"DBSIZE" => (1, 1, READS, keys::dbsize),
        b"FLUSHALL" | b"FLUSHDB" => (1, 2, WRITES, keys::flush),

        b"LPUSH" => (3, ANY, WRITES, collections::lpush),
        b"RPUSH" => (3, ANY, WRITES, collections::rpush),
        b"LPOP" => (2, 3, WRITES, collections::lpop),
        b"RPOP" => (2, 3, WRITES, collections::rpop),
        b"LLEN" => (2, 2, READS, collections::llen),
        b"LINDEX" => (3, 3, READS, collections::lindex),
        b"LRANGE" => (4, 4, READS, collections::lrange),
        b"SADD" => (3, ANY, WRITES, collections::sadd),
        b"SREM" => (3, ANY, WRITES, collections::srem),
        b"SCARD" => (2, 2, READS, collections::scard),
        b"SISMEMBER" => (3, 3, READS, collections::sismember),
        b"SMEMBERS" => (2, 2, READS, collections::smembers),
        b"SPOP" => (2, 3, WRITES, collections::spop),
        b"HMSET" => (4, ANY, WRITES, collections::hmset),
        b"HSET" => (4, ANY, WRITES, collections::hset),
        b"HGET" => (3, 3, READS, collections::hget),
        b"HDEL" => (3, ANY, WRITES, collections::hdel),
        b"HLEN" => (2, 2, READS, collections::hlen),
        b"HEXISTS" => (3, 3, READS, collections::hexists),
        b"HGETALL" => (2, 2, READS, collections::hgetall),

        b"ZADD" => (4, ANY, WRITES, sorted::zadd),
        b"ZREM" => (3, ANY, WRITES, sorted::zrem),
        b"ZCARD" => (2, 2, READS, sorted::zcard),
        b"ZSCORE" => (3, 3, READS, sorted::zscore),
        b"ZRANGE" => (4, 5, READS, sorted::zrange),
        b"ZPOPMIN" => (2, 3, WRITES, sorted::zpopmin),
        b"ZPOPMAX" => (2, 3, WRITES, sorted::zpopmax),
        _ => return None,
    };
    Some(Command {
        least,
        most,
        writes,
        run,
    })
}

fn int(arg: &[u8]) -> Result<i64> {
    resp::integer(arg).ok_or(Failure::NotAnInteger)
}

/// Adds an array of texts, unless it would be too long. Looks at them twice: the answer is made
/// once, and not at all if it cannot be.
fn array<'a>(out: &mut Vec<u8>, items: impl Iterator<Item = &'a [u8]> + Clone) -> Result<()> {
    let (mut count, mut bytes) = (0, 0);
    for item in items.clone() {
        count += 1;
        bytes += item.len() + reply::BULK_FRAME;
        if bytes > MOST_REPLY {
            return Err(Failure::TooLong);
        }
    }
    out.reserve(bytes);
    reply::array(out, count);
    items.for_each(|item| reply::bulk(out, item));
    Ok(())
}

/// The places from `start` to `stop` of `length`, as `LRANGE` counts them: from the end if
/// negative, `stop` included; `None` if there are none.
fn range(start: i64, stop: i64, length: usize) -> Option<(usize, usize)> {
    let count = i64::try_from(length).unwrap_or(i64::MAX);
    let place = |index: i64| {
        if index < 0 {
            index.saturating_add(count)
        } else {
            index
        }
    };
    let (first, last) = (place(start).max(0), place(stop).min(count - 1));
    if first > last {
        return None;
    }
    Some((usize::try_from(first).ok()?, usize::try_from(last).ok()?))
}

/// Whether what these arguments add fits in, whatever they add it to. Several are added or none.
fn must_fit(context: &mut Context<'_>, args: Args<'_>) -> Result<()> {
    // More than any element costs.
    const MOST_COST: usize = 256;
    let needed = args.from(1).map(|arg| MOST_COST + 2 * arg.len()).sum();
    let memory = context.store.memory();
    memory.take(needed)?;
    memory.give_back(needed);
    Ok(())
}

/// An optional count, as `LPOP` and its like take it.
fn count_arg(args: Args<'_>) -> Result<Option<usize>> {
    if args.len() < 3 {
        return Ok(None);
    }
    let count = resp::integer(args.get(2)).and_then(|count| usize::try_from(count).ok());
    count.map(Some).ok_or(Failure::OutOfRange)
}
