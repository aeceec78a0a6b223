//! Calls: commands whose answer somebody waits for, each with its place in a table.
//!
//! ```text
//!              1             2           3
//!   (none) ────▶ Queued ───▶ Sent ───▶ Done ───▶ (none)
//!                  │           │      4  ▲
//!                  └───────────┴─────────┘
//! ```
//! 1. Somebody calls; the command waits for a slot in the command ring.
//! 2. The backend has it.
//! 3. The answer came, and the caller takes the outcome.
//! 4. The deadline passed, the device broke or the socket went: the outcome is that error.
//!
//! Whether there is an outcome and whether the backend has the command are two things: a caller
//! gets its error at once, or gives the call up, while the backend is still at work. The place in
//! the table, and the page that a lookup lent, stay taken until the answer comes or the device
//! breaks. So an answer never reaches somebody else's call.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::task::Waker;

use crate::error::{SocketError, TryError};
use crate::host::ResolveFamily;
use crate::memory::SharedPages;
use crate::options::Call;
use crate::socket::Shut;
use crate::timers::Timers;
use crate::units::{CallId, SocketId};

/// What came of a call.
pub(crate) type Outcome = Result<Value, SocketError>;

/// What a call is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(i64),
    Addresses(Vec<IpAddr>),
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Something of a socket. `ends` is what it ended here already, before the backend did.
    Socket {
        id: SocketId,
        call: Call,
        ends: Shut,
    },
    /// The addresses of a host. The page is lent to the backend while that has the command.
    Host {
        name: Box<str>,
        family: ResolveFamily,
        page: Option<SharedPages>,
    },
}

/// A call that has a place.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) asked: Asked,
    /// The backend has it.
    pub(crate) sent: bool,
    /// The caller has not given it up.
    pub(crate) owned: bool,
    pub(crate) outcome: Option<Outcome>,
    deadline_ns: u64,
    waker: Option<Waker>,
}

impl Pending {
    /// Notes the outcome, unless there is one, and wakes whoever waits for it.
    fn end(&mut self, outcome: Outcome) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }
}

#[derive(Debug)]
struct Place {
    generation: u32,
    call: Option<Pending>,
}

/// The table. Places are used again, under ids that are not.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    places: Vec<Place>,
    free: Vec<u32>,
    /// Those of sockets that wait for a slot; some may be gone by now.
    pub(crate) queue: VecDeque<CallId>,
    /// Likewise those that may be answered late: lookups.
    pub(crate) lookups: VecDeque<CallId>,
    /// The queue goes before that of sockets the next time.
    pub(crate) first: bool,
    timers: Timers,
}

impl Calls {
    /// Makes a call and queues it, if fewer than `limit` have a place.
    pub(crate) fn insert(
        &mut self,
        asked: Asked,
        deadline_ns: u64,
        limit: usize,
    ) -> Result<CallId, SocketError> {
        if self.len() >= limit {
            return Err(SocketError::TooManyCalls);
        }
        self.sweep(2 * limit);
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let place = u32::try_from(self.places.len());
                self.places.push(Place {
                    generation: 0,
                    call: None,
                });
                place.map_err(|_| SocketError::TooManyCalls)?
            }
        };
        let queue = match asked {
            Asked::Socket { .. } => &mut self.queue,
            Asked::Host { .. } => &mut self.lookups,
        };
        let entry = &mut self.places[place as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.call = Some(Pending {
            asked,
            sent: false,
            owned: true,
            outcome: None,
            deadline_ns,
            waker: None,
        });
        let id = CallId {
            place,
            generation: entry.generation,
        };
        self.timers.arm(place as usize, deadline_ns);
        queue.push_back(id);
        Ok(id)
    }

    /// The call of that id, if it is still the one.
    pub(crate) fn get(&mut self, id: CallId) -> Option<&mut Pending> {
        self.places
            .get_mut(id.place as usize)
            .filter(|place| place.generation == id.generation)?
            .call
            .as_mut()
    }

    /// Forgets those in the queues that are over, if there are so many in one.
    fn sweep(&mut self, limit: usize) {
        let queues: [fn(&mut Self) -> &mut VecDeque<CallId>; 2] =
            [|it| &mut it.queue, |it| &mut it.lookups];
        for queue in queues {
            if queue(self).len() < limit {
                continue;
            }
            let mut all = core::mem::take(queue(self));
            all.retain(|id| self.get(*id).is_some_and(|call| call.outcome.is_none()));
            *queue(self) = all;
        }
    }

    /// Calls that have a place.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Calls that nobody waits for any more, but the backend has.
    pub(crate) fn given_up(&self) -> usize {
        let calls = self.places.iter().filter_map(|place| place.call.as_ref());
        calls.filter(|call| !call.owned).count()
    }

    /// The outcome of a call of a socket, or of a lookup, for its owner; the call is over then. Else
    /// `waker` is woken when there is one.
    pub(crate) fn take(
        &mut self,
        id: CallId,
        lookup: bool,
        waker: &Waker,
    ) -> Result<Value, TryError> {
        let kind = |call: &&mut Pending| matches!(call.asked, Asked::Host { .. }) == lookup;
        let call = self.get(id).filter(|call| call.owned).filter(kind);
        let call = call.ok_or(SocketError::NoSuchCall)?;
        let Some(outcome) = call.outcome.take() else {
            match &mut call.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            return Err(TryError::WouldBlock);
        };
        self.give_up(id);
        outcome.map_err(TryError::Failed)
    }

    /// The caller wants nothing of it any more.
    pub(crate) fn give_up(&mut self, id: CallId) {
        if let Some(call) = self.get(id) {
            call.owned = false;
            call.waker = None;
            self.tidy(id.place);
        }
    }

    /// Notes the outcome of a call that the backend has not, or not any more.
    pub(crate) fn end(&mut self, id: CallId, outcome: Outcome) {
        if let Some(call) = self.get(id) {
            call.sent = false;
            call.end(outcome);
            self.tidy(id.place);
        }
    }

    /// Frees the place of a call that neither side has.
    fn tidy(&mut self, place: u32) {
        let Some(entry) = self.places.get_mut(place as usize) else {
            return;
        };
        let over = |call: &mut Pending| !call.owned && !call.sent;
        if entry.call.take_if(over).is_some() {
            self.free.push(place);
        }
    }

    /// Ends every call, for the device broke: no answer comes. `page` is given what was lent.
    pub(crate) fn fail_all(&mut self, error: SocketError, mut page: impl FnMut(SharedPages)) {
        self.queue.clear();
        self.lookups.clear();
        for place in 0..self.places.len() {
            if let Some(call) = &mut self.places[place].call {
                call.sent = false;
                call.end(Err(error));
                if let Asked::Host { page: lent, .. } = &mut call.asked {
                    lent.take().into_iter().for_each(&mut page);
                }
            }
            self.tidy(u32::try_from(place).unwrap_or(u32::MAX));
        }
    }

    /// Ends the calls of a socket that the backend has not got: they would come too late.
    pub(crate) fn fail_queued(&mut self, socket: SocketId, error: SocketError) {
        for at in 0..self.queue.len() {
            let id = self.queue[at];
            let of_socket = |call: &&mut Pending| match call.asked {
                Asked::Socket { id, .. } => id == socket && !call.sent,
                Asked::Host { .. } => false,
            };
            if self.get(id).filter(of_socket).is_some() {
                self.end(id, Err(error));
            }
        }
    }

    /// Ends what is overdue.
    pub(crate) fn poll(&mut self, now_ns: u64, error: SocketError) {
        while let Some(place) = self.timers.pop(now_ns) {
            let Some(call) = self.places.get_mut(place).and_then(|it| it.call.as_mut()) else {
                continue;
            };
            if call.outcome.is_some() || !call.owned {
                continue;
            }
            // The timer may be one of the call that had the place before.
            if now_ns < call.deadline_ns {
                self.timers.arm(place, call.deadline_ns);
            } else {
                call.end(Err(error));
            }
        }
    }

    /// When [`poll`](Self::poll) is due, in nanoseconds.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        self.timers.next_ns()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SocketOption;

    #[test]
    fn calls_that_are_given_up_in_the_queue_do_not_pile_up() {
        const LIMIT: usize = 5;
        let mut calls = Calls::default();
        let ask = |calls: &mut Calls, lookup| {
            let asked = match lookup {
                true => Asked::Host {
                    name: Box::from("h"),
                    family: ResolveFamily::Any,
                    page: None,
                },
                false => Asked::Socket {
                    id: SocketId::new(0, 1),
                    call: Call::GetOption(SocketOption::Ttl),
                    ends: Shut::empty(),
                },
            };
            calls.insert(asked, 1000, LIMIT).expect("there is room")
        };
        let stays = [ask(&mut calls, false), ask(&mut calls, true)];
        for number in 0..1000 {
            let id = ask(&mut calls, number % 2 == 0);
            calls.give_up(id);
            let queued = calls.queue.len().max(calls.lookups.len());
            assert!(queued <= 2 * LIMIT, "{queued}");
        }
        assert_eq!(calls.queue.front(), Some(&stays[0]));
        assert_eq!(calls.lookups.front(), Some(&stays[1]));
    }
}
