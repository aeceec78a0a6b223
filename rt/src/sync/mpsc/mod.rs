//! Channels: many senders, one receiver, as `std::sync::mpsc` has them.
//!
//! Senders that wait for room have it in the order in which they came.

mod error;
mod receiver;
mod sender;

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use spin::Mutex as Spin;

use super::wait::Waiter;

pub use error::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
pub use receiver::{IntoIter, Iter, Receiver, TryIter};
pub use sender::{Sender, SyncSender};

/// A channel that holds whatever is sent.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Channel::new(None);
    (Sender::new(channel.clone()), Receiver::new(channel))
}

/// A channel that holds at most `bound` values: who sends more waits. With a bound of 0 every
/// sender waits until its value is taken.
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let channel = Channel::new(Some(bound));
    (SyncSender::new(channel.clone()), Receiver::new(channel))
}

/// What the two ends share.
struct Channel<T> {
    bound: Option<usize>,
    state: Spin<State<T>>,
}

struct State<T> {
    values: VecDeque<T>,
    /// Who waits for room, with what it sends.
    blocked: VecDeque<Arc<Blocked<T>>>,
    /// Who waits for a value: the receiver.
    receiving: VecDeque<Arc<Waiter>>,
    senders: usize,
    receiver_gone: bool,
}

/// A sender that waits until its value is taken, or nobody is left to take it.
struct Blocked<T> {
    value: Spin<Option<T>>,
    waiter: Arc<Waiter>,
}

/// What a sender that has to wait waits for.
type Ticket<T> = Arc<Blocked<T>>;

impl<T> Channel<T> {
    fn new(bound: Option<usize>) -> Arc<Channel<T>> {
        Arc::new(Channel {
            bound,
            state: Spin::new(State {
                values: VecDeque::new(),
                blocked: VecDeque::new(),
                receiving: VecDeque::new(),
                senders: 1,
                receiver_gone: false,
            }),
        })
    }

    /// Puts a value in, or its sender into the line of those that wait: then the ticket is what to
    /// wait for. With `wait` false it comes back instead.
    fn put(&self, value: T, wait: bool) -> Result<Option<Ticket<T>>, TrySendError<T>> {
        let mut state = self.state.lock();
        if state.receiver_gone {
            return Err(TrySendError::Disconnected(value));
        }
        let room = match self.bound {
            None => true,
            // Straight into the hands of a receiver that waits.
            Some(0) => state.values.len() < state.receiving.len(),
            Some(bound) => state.values.len() < bound,
        };
        let mut ticket = None;
        if room && state.blocked.is_empty() {
            state.values.push_back(value);
        } else if wait {
            let blocked = Arc::new(Blocked {
                value: Spin::new(Some(value)),
                waiter: Waiter::new(),
            });
            state.blocked.push_back(blocked.clone());
            ticket = Some(blocked);
        } else {
            return Err(TrySendError::Full(value));
        }
        let receiver = match self.bound {
            // It keeps its place until it has looked: values are counted against it.
            Some(0) => state.receiving.front().cloned(),
            _ => state.receiving.pop_front(),
        };
        drop(state);
        if let Some(receiver) = receiver {
            receiver.tell();
        }
        Ok(ticket)
    }

    /// Takes the first value, and lets in the first of those that wait for room.
    fn take(&self) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let first = state.values.pop_front();
        let admitted = match self.bound {
            // Their turn comes when their own value is taken.
            Some(0) if first.is_some() => None,
            _ => state.blocked.pop_front(),
        };
        let (value, admitted) = match (first, admitted) {
            (None, None) if state.senders == 0 => return Err(TryRecvError::Disconnected),
            (None, None) => return Err(TryRecvError::Empty),
            (Some(value), None) => (value, None),
            (first, Some(blocked)) => {
                let its = blocked.value.lock().take();
                let its = its.expect("who waits has a value");
                let value = match first {
                    Some(value) => {
                        state.values.push_back(its);
                        value
                    }
                    None => its,
                };
                (value, Some(blocked))
            }
        };
        drop(state);
        if let Some(blocked) = admitted {
            blocked.waiter.tell();
        }
        Ok(value)
    }

    fn add_sender(&self) {
        self.state.lock().senders += 1;
    }

    fn drop_sender(&self) {
        let told = {
            let mut state = self.state.lock();
            state.senders -= 1;
            match state.senders {
                0 => core::mem::take(&mut state.receiving),
                _ => VecDeque::new(),
            }
        };
        told.iter().for_each(|waiter| waiter.tell());
    }

    fn drop_receiver(&self) {
        let (values, blocked) = {
            let mut state = self.state.lock();
            state.receiver_gone = true;
            let values = core::mem::take(&mut state.values);
            (values, core::mem::take(&mut state.blocked))
        };
        // Those that wait find their values where they left them: they were not sent.
        blocked.iter().for_each(|blocked| blocked.waiter.tell());
        // Without the lock: dropping a value may do anything.
        drop(values);
    }
}
