//! Resolves names of hosts for guests, off the threads that move data.
//!
//! The system's resolver blocks for as long as it likes, so it runs in threads of its own, few and
//! fixed, behind a queue that is bounded in all and per domain. They live in the network namespace
//! of whoever made the [`Resolver`] (the daemon's), whatever namespace the domain's sockets are in.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};

use crate::sessions::DeviceId;

/// Threads that resolve names.
const THREADS: usize = 4;
/// How many of them one domain may have busy: names that nobody answers for delay their own.
const THREADS_PER_DOMAIN: usize = 2;
/// Names that wait for one, of all domains.
const QUEUE: usize = 256;

/// There is no such name, or it has no addresses (`ENOENT`).
pub const NO_SUCH_NAME: i32 = libc::ENOENT;
/// No answer now; there may be one later (`EAGAIN`).
pub const TRY_AGAIN: i32 = libc::EAGAIN;

/// Whose lookup it is: for the one who asked to recognise the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The device it is for.
    pub device: DeviceId,
    /// A number of the caller's.
    pub id: u64,
}

/// Why a name is not resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// As many lookups are under way as may be, of the domain or in all.
    Busy,
    /// It is no name of a host: see [`is_host_name`].
    BadName,
}

/// An answer: addresses, best first, or a positive errno ([`NO_SUCH_NAME`], [`TRY_AGAIN`]).
pub type Answer = Result<Vec<IpAddr>, i32>;

/// Gets the answers. Runs in a thread of the resolver and must not wait.
pub type Deliver = Box<dyn Fn(Ticket, Answer) + Send + Sync>;

/// What a thread of the resolver does first: lock itself in, say.
pub type Enter = Box<dyn Fn() + Send + Sync>;

/// Whether this can be the name of a host: 1 to 253 bytes, labels of 1 to 63 letters, digits,
/// hyphens and underscores between dots, and maybe a dot at the end (RFC 1123 section 2.1, and
/// the underscore that is in use). Addresses pass, too; resolving one answers with itself.
#[must_use]
pub fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(good)
    };
    name.len() <= 253 && name.strip_suffix('.').unwrap_or(name).split('.').all(label)
}

/// The threads and their queue. Dropping it ends them, each after the lookup it is at; what
/// waits is not answered any more.
pub struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    enter: Enter,
    deliver: Deliver,
    look_up: LookUp,
}

/// How a name is resolved: the system's way, but for tests.
type LookUp = Box<dyn Fn(&str) -> Answer + Send + Sync>;

#[derive(Default)]
struct State {
    queue: VecDeque<(Ticket, String)>,
    /// The domain of every lookup that runs.
    running: Vec<u16>,
    ended: bool,
}

impl Resolver {
    /// Starts the threads.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn new(enter: Enter, deliver: Deliver) -> io::Result<Self> {
        Self::with(enter, deliver, Box::new(look_up))
    }

    fn with(enter: Enter, deliver: Deliver, look_up: LookUp) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            enter,
            deliver,
            look_up,
        });
        // Made first: if a thread cannot be started, its drop ends those before.
        let resolver = Self {
            shared: Arc::clone(&shared),
        };
        for number in 0..THREADS {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("resolve-{number}"))
                .spawn(move || shared.run())?;
        }
        Ok(resolver)
    }

    /// Asks for the addresses of a name. At most `limit` lookups of a domain are under way at a
    /// time. The answer is delivered exactly once.
    ///
    /// # Errors
    /// There is no room now, or it is no name; nothing is delivered then.
    pub fn submit(&self, ticket: Ticket, limit: u32, name: &str) -> Result<(), SubmitError> {
        if !is_host_name(name) {
            return Err(SubmitError::BadName);
        }
        let domain = ticket.device.domain;
        let mut state = self.shared.state();
        let waiting = state
            .queue
            .iter()
            .filter(|(ticket, _)| ticket.device.domain == domain);
        let under_way = waiting.count() + state.running_for(domain);
        let full = usize::try_from(limit).is_ok_and(|limit| under_way >= limit);
        if full || state.queue.len() >= QUEUE {
            return Err(SubmitError::Busy);
        }
        state.queue.push_back((ticket, name.to_owned()));
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }

    /// Lookups that wait or run, of all domains.
    #[must_use]
    pub fn under_way(&self) -> usize {
        let state = self.shared.state();
        state.queue.len() + state.running.len()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.ended = true;
        drop(state);
        self.shared.work.notify_all();
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver, {} under way", self.under_way())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        (self.enter)();
        while let Some((ticket, name)) = self.next() {
            let answer = (self.look_up)(&name);
            let mut state = self.state();
            let domain = ticket.device.domain;
            if let Some(at) = state.running.iter().position(|one| *one == domain) {
                state.running.swap_remove(at);
            }
            let ended = state.ended;
            drop(state);
            if !ended {
                (self.deliver)(ticket, answer);
            }
        }
    }

    /// Waits for the next lookup that may run.
    fn next(&self) -> Option<(Ticket, String)> {
        let mut state = self.state();
        loop {
            if state.ended {
                return None;
            }
            if let Some(next) = state.next() {
                state.running.push(next.0.device.domain);
                return Some(next);
            }
            // Whoever ends a lookup looks for the next one himself: only new ones need a wake-up.
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn running_for(&self, domain: u16) -> usize {
        self.running.iter().filter(|one| **one == domain).count()
    }

    /// Of the domains that wait and may, the one with the fewest lookups running; of its names
    /// the oldest.
    fn next(&mut self) -> Option<(Ticket, String)> {
        let running = |at: &usize| {
            let waiting = self.queue.get(*at);
            waiting.map_or(0, |(ticket, _)| self.running_for(ticket.device.domain))
        };
        let may = (0..self.queue.len()).filter(|at| running(at) < THREADS_PER_DOMAIN);
        let at = may.min_by_key(running)?;
        self.queue.remove(at)
    }
}

/// Asks the system.
fn look_up(name: &str) -> Answer {
    // Any kind of socket would do: without one, every address comes once per kind.
    let hints = AddrInfoHints {
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let answers =
        getaddrinfo(Some(name), None, Some(hints)).map_err(|error| match error.kind() {
            LookupErrorKind::NoName | LookupErrorKind::NoData => NO_SUCH_NAME,
            _ => TRY_AGAIN,
        })?;
    let mut found = Vec::new();
    for ip in answers.filter_map(|answer| Some(answer.ok()?.sockaddr.ip())) {
        if !found.contains(&ip) {
            found.push(ip);
        }
    }
    if found.is_empty() {
        Err(NO_SUCH_NAME)
    } else {
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
