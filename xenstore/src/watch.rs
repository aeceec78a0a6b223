//! Watch events, queued per watch in bounded memory.
//!
//! An event only says "look again": the protocol lets events come without a change and lets
//! several changes share one. So an event equal to one still queued is dropped, and a queue
//! that is full turns into the single event [`WatchEvent::Many`].

use alloc::{borrow::ToOwned, collections::BTreeMap, collections::VecDeque, string::String};
use core::fmt;

use crate::{Path, request};

/// Watches per connection, unless told otherwise: what a server allows one domain.
pub(crate) const WATCHES_MAX: usize = 128;

/// Distinct paths queued for one watch. Readers look at all of a subtree anyway when many paths below it change.
const QUEUE_MAX: usize = 32;

/// Bytes of paths queued for one watch: paths may be long, and there may be many watches.
const QUEUE_BYTES_MAX: usize = 8 * 1024;

/// One watch of one client. On the wire it is the token: eight hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchToken(u32);

impl fmt::Display for WatchToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A reason to look at the store again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// This node, at or below the watched one, may have changed; relative if the watched path was.
    Path(String),
    /// More nodes than the queue holds may have changed, or one with a name that is not allowed:
    /// look at everything under the watched path.
    Many,
}

/// A watch and what it has seen.
#[derive(Debug)]
struct Watch {
    path: String,
    queue: VecDeque<WatchEvent>,
    /// Of the paths in it.
    queue_bytes: usize,
}

impl Watch {
    fn file(&mut self, path: &str) {
        let queued = |event: &WatchEvent| match event {
            WatchEvent::Path(queued) => queued == path,
            WatchEvent::Many => true,
        };
        if self.queue.iter().any(queued) {
            return;
        }
        let fits = self.queue.len() < QUEUE_MAX && self.queue_bytes + path.len() <= QUEUE_BYTES_MAX;
        // A path that we could not ask for still is a change below the watched one.
        if fits && Path::new(path).is_ok() {
            self.queue_bytes += path.len();
            self.queue.push_back(WatchEvent::Path(path.to_owned()));
        } else {
            self.queue.clear();
            self.queue_bytes = 0;
            self.queue.push_back(WatchEvent::Many);
        }
    }

    fn take(&mut self) -> Option<WatchEvent> {
        let event = self.queue.pop_front()?;
        if let WatchEvent::Path(path) = &event {
            self.queue_bytes -= path.len();
        }
        Some(event)
    }
}

/// All watches of a client.
#[derive(Debug)]
pub(crate) struct Watches {
    by_token: BTreeMap<WatchToken, Watch>,
    last_token: u32,
    max: usize,
}

impl Default for Watches {
    fn default() -> Self {
        Self {
            by_token: BTreeMap::new(),
            last_token: 0,
            max: WATCHES_MAX,
        }
    }
}

impl Watches {
    /// Allows so many watches at a time. Those there are stay.
    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Registers a watch under a fresh token; `None` when there are too many.
    pub(crate) fn add(&mut self, path: Path<'_>) -> Option<WatchToken> {
        if self.by_token.len() >= self.max {
            return None;
        }
        // A token is not used again soon, so events of an old watch cannot pass for those of a new one.
        let token = loop {
            self.last_token = self.last_token.wrapping_add(1);
            let token = WatchToken(self.last_token);
            if !self.by_token.contains_key(&token) {
                break token;
            }
        };
        self.by_token.insert(
            token,
            Watch {
                path: path.as_str().to_owned(),
                queue: VecDeque::new(),
                queue_bytes: 0,
            },
        );
        Some(token)
    }

    /// Forgets a watch and its events; gives back its path.
    pub(crate) fn remove(&mut self, token: WatchToken) -> Option<String> {
        self.by_token.remove(&token).map(|watch| watch.path)
    }

    /// The path under which a watch was registered.
    pub(crate) fn path(&self, token: WatchToken) -> Option<&str> {
        self.by_token.get(&token).map(|watch| watch.path.as_str())
    }

    /// Files the event with this payload; `None` when it is malformed. Events of watches that
    /// are gone, or were made by an earlier kernel in this domain, are no error.
    pub(crate) fn file(&mut self, payload: &[u8]) -> Option<()> {
        let mut strings = request::strings(payload)?;
        let (Some(path), Some(token), None) = (strings.next(), strings.next(), strings.next())
        else {
            return None;
        };
        if let Some(watch) = parse_token(token).and_then(|token| self.by_token.get_mut(&token)) {
            watch.file(path);
        }
        Some(())
    }

    /// The oldest event of a watch.
    pub(crate) fn take(&mut self, token: WatchToken) -> Option<WatchEvent> {
        self.by_token.get_mut(&token)?.take()
    }

    /// Whether a watch has an event.
    pub(crate) fn has_event(&self, token: WatchToken) -> bool {
        self.by_token
            .get(&token)
            .is_some_and(|watch| !watch.queue.is_empty())
    }

    /// Some watch with an event.
    pub(crate) fn any(&self) -> Option<WatchToken> {
        self.by_token
            .iter()
            .find(|(_, watch)| !watch.queue.is_empty())
            .map(|(token, _)| *token)
    }
}

fn parse_token(text: &str) -> Option<WatchToken> {
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits
        .then(|| u32::from_str_radix(text, 16).ok())
        .flatten()
        .map(WatchToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watches() -> (Watches, WatchToken) {
        let mut watches = Watches::default();
        let token = watches.add(Path::new("device").unwrap()).unwrap();
        (watches, token)
    }

    fn event(path: &str, token: WatchToken) -> Vec<u8> {
        format!("{path}\0{token}\0").into_bytes()
    }

    #[test]
    fn equal_events_become_one() {
        let (mut watches, token) = watches();
        for path in ["device/a", "device/b", "device/a"] {
            watches.file(&event(path, token)).unwrap();
        }
        assert_eq!(
            watches.take(token),
            Some(WatchEvent::Path("device/a".into()))
        );
        assert_eq!(
            watches.take(token),
            Some(WatchEvent::Path("device/b".into()))
        );
        assert_eq!(watches.take(token), None);
    }

    #[test]
    fn too_many_events_become_one_that_says_so() {
        let (mut watches, token) = watches();
        for n in 0..10 * QUEUE_MAX {
            watches.file(&event(&format!("device/{n}"), token)).unwrap();
        }
        assert_eq!(watches.any(), Some(token));
        assert_eq!(watches.take(token), Some(WatchEvent::Many));
        assert_eq!(watches.any(), None);
    }

    #[test]
    fn long_paths_take_bounded_memory() {
        let (mut watches, token) = watches();
        let long = |n: usize| format!("device/{n}/{}", "x".repeat(2000));
        for n in 0..4 {
            watches.file(&event(&long(n), token)).unwrap();
        }
        assert_eq!(watches.take(token), Some(WatchEvent::Path(long(0))));
        watches.file(&event(&long(4), token)).unwrap();
        watches.file(&event(&long(5), token)).unwrap();
        assert_eq!(watches.take(token), Some(WatchEvent::Many));
        assert_eq!(watches.take(token), None);
        watches.file(&event(&long(6), token)).unwrap();
        assert_eq!(watches.take(token), Some(WatchEvent::Path(long(6))));
    }

    #[test]
    fn paths_that_cannot_be_named_still_wake_the_watcher() {
        for path in ["", "device//a", "device/\u{1b}[2J"] {
            let (mut watches, token) = watches();
            watches.file(&event(path, token)).unwrap();
            assert_eq!(watches.take(token), Some(WatchEvent::Many), "{path:?}");
        }
    }

    #[test]
    fn events_of_nobody_are_dropped_and_malformed_ones_refused() {
        let (mut watches, token) = watches();
        assert_eq!(watches.file(b"a\0somebody else's\0"), Some(()));
        assert_eq!(watches.file(b"a\0+0000001\0"), Some(()));
        assert_eq!(watches.any(), None);
        for bad in [&b""[..], b"a\0", b"a\0b", b"a\0b\0c\0", b"\xff\0b\0"] {
            assert_eq!(watches.file(bad), None, "{bad:?}");
        }
        assert_eq!(watches.remove(token).as_deref(), Some("device"));
        assert_eq!(watches.file(&event("device", token)), Some(()));
    }

    #[test]
    fn watches_are_bounded() {
        let mut watches = Watches::default();
        let path = Path::new("a").unwrap();
        assert!((0..WATCHES_MAX).all(|_| watches.add(path).is_some()));
        assert!(watches.add(path).is_none());
        watches.set_max(WATCHES_MAX + 1);
        assert!(watches.add(path).is_some());
        assert!(watches.add(path).is_none());
    }
}
