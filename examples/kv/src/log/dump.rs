//! From the store to records: what a new log begins with.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::iter;
use core::ops::Bound;

use crate::journal::encode;
use crate::reply::Digits;
use crate::store::{Bytes, Store, Value};

/// A piece has about that many bytes, or one long text.
pub const PIECE: usize = 64 << 10;
/// So many elements are in one command, as in Redis.
const ELEMENTS: usize = 64;

/// Adds what a log begins with.
pub fn start(out: &mut Vec<u8>) {
    encode(out, [&b"SELECT"[..], b"0"].into_iter());
}

/// How far a dump has come.
///
/// Between pieces keys may end, and nothing else may happen to them. Who records the ends after
/// the dump has all of it right.
#[derive(Debug, Default)]
pub struct Dump {
    /// Keys up to this one have been dumped; of this one, so many elements, if not all.
    last: Option<(Bytes, Option<usize>)>,
}

impl Dump {
    /// Adds the next piece to `out`; whether there is more.
    pub fn next(&mut self, store: &Store, now: u64, out: &mut Vec<u8>) -> bool {
        let (start, mut done) = match self.last.take() {
            None => (None, 0),
            Some((key, done)) => (Some((key, done.is_some())), done.unwrap_or(0)),
        };
        let bound = match &start {
            None => Bound::Unbounded,
            Some((key, true)) => Bound::Included(&**key),
            Some((key, false)) => Bound::Excluded(&**key),
        };
        let first = start.as_ref().map(|(key, _)| &**key);
        for (key, value, deadline) in store.entries(bound, now) {
            if Some(key) != first {
                // The one that was begun has ended.
                done = 0;
            }
            let next = add(out, key, value, deadline, done);
            if next.is_some() || out.len() >= PIECE {
                self.last = Some((key.into(), next));
                return true;
            }
            done = 0;
        }
        false
    }
}

/// An element as it stands in a command: one argument, or two.
type Element<'a> = (Cow<'a, [u8]>, Option<&'a [u8]>);

/// Adds commands that make elements from number `from` on, as many as a piece has room for.
/// Returns where to go on, if those are not all.
fn add(
    out: &mut Vec<u8>,
    key: &[u8],
    value: &Value,
    deadline: Option<u64>,
    from: usize,
) -> Option<usize> {
    let one = |item| (Cow::Borrowed(item), None);
    let (name, mut items): (&[u8], Box<dyn Iterator<Item = Element<'_>>>) = match value {
        Value::Text(text) => (b"SET", Box::new(iter::once(text.bytes()).map(one))),
        Value::List(list) if from < list.len() => {
            let items = list.range(from, list.len() - 1);
            (b"RPUSH", Box::new(items.map(one)))
        }
        // No list is empty, and none has become shorter.
        Value::List(_) => return None,
        Value::Set(set) => (b"SADD", Box::new(set.iter().skip(from).map(one))),
        Value::Hash(hash) => {
            let items = hash.iter().skip(from);
            let both = |(name, text)| (Cow::Borrowed(name), Some(text));
            (b"HSET", Box::new(items.map(both)))
        }
        Value::Sorted(sorted) => {
            let items = sorted.iter().skip(from);
            let both = |(member, score)| {
                let score = format!("{score}").into_bytes();
                (Cow::Owned(score), Some(member))
            };
            (b"ZADD", Box::new(items.map(both)))
        }
    };
    let mut done = from;
    loop {
        let elements: Vec<Element<'_>> = items.by_ref().take(ELEMENTS).collect();
        if !elements.is_empty() {
            let parts = elements
                .iter()
                .flat_map(|(first, second)| iter::once(&**first).chain(*second));
            encode(out, [name, key].into_iter().chain(parts));
        }
        // With the first elements: whatever becomes of the rest, they end.
        if let Some(ms) = deadline.filter(|_| done == 0) {
            let ms = Digits::of(i64::try_from(ms).unwrap_or(i64::MAX));
            encode(out, [&b"PEXPIREAT"[..], key, ms.text()].into_iter());
        }
        done += elements.len();
        if done >= value.len() {
            return None;
        }
        if out.len() >= PIECE {
            return Some(done);
        }
    }
}
