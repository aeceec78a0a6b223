//! The receiving end.

use alloc::sync::Arc;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::{Channel, RecvError, RecvTimeoutError, TryRecvError};
use crate::sync::wait::{Waiter, deadline_ns};

/// Receives what is sent to a channel.
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    /// One thread at a time, as in std.
    not_sync: PhantomData<Cell<()>>,
}

impl<T> Receiver<T> {
    pub(super) fn new(channel: Arc<Channel<T>>) -> Receiver<T> {
        Receiver {
            channel,
            not_sync: PhantomData,
        }
    }

    /// The next value, if there is one.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`]; [`TryRecvError::Disconnected`] if nobody can send any more.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.channel.take()
    }

    /// The next value; waits for it.
    ///
    /// # Errors
    /// If there is none and nobody can send any more.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_by(None).map_err(|_| RecvError)
    }

    /// The next value; waits for it so long at most.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`]; [`RecvTimeoutError::Disconnected`] if nobody can send any
    /// more.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_by(Some(deadline_ns(timeout)))
    }

    fn recv_by(&self, deadline_ns: Option<u64>) -> Result<T, RecvTimeoutError> {
        let waiting = |state: &mut super::State<T>, waiter: &Arc<Waiter>| {
            state.receiving.retain(|other| !Arc::ptr_eq(other, waiter));
        };
        let mut in_time = true;
        loop {
            match self.try_recv() {
                Ok(value) => return Ok(value),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) if !in_time => return Err(RecvTimeoutError::Timeout),
                Err(TryRecvError::Empty) => {}
            }
            let waiter = Waiter::new();
            {
                let mut state = self.channel.state.lock();
                // What came since the look, or nobody who could send any more: look again.
                if !state.values.is_empty() || !state.blocked.is_empty() || state.senders == 0 {
                    continue;
                }
                state.receiving.push_back(waiter.clone());
            }
            in_time = waiter.wait_until(deadline_ns);
            waiting(&mut self.channel.state.lock(), &waiter);
        }
    }

    /// All values until nobody can send any more; waits for them.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// The values that are there.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.drop_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// Iterator of [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

/// Iterator of [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

/// Iterator of a [`Receiver`] that is given up for it.
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
