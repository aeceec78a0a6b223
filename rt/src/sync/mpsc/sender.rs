//! The sending end.

use alloc::sync::Arc;
use core::fmt;

use super::{Channel, SendError, TrySendError};

/// Sends to a channel of [`channel`](super::channel).
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
}

/// Sends to a channel of [`sync_channel`](super::sync_channel).
pub struct SyncSender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    /// Sends without waiting.
    ///
    /// # Errors
    /// The value, if the receiver is gone.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.channel.put(value, false) {
            Ok(_) => Ok(()),
            Err(TrySendError::Disconnected(value) | TrySendError::Full(value)) => {
                Err(SendError(value))
            }
        }
    }
}

impl<T> SyncSender<T> {
    /// Sends, and waits until there is room.
    ///
    /// # Errors
    /// The value, if the receiver is gone, also if it goes while this waits.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.channel.put(value, true) {
            Ok(None) => Ok(()),
            Ok(Some(ticket)) => {
                ticket.waiter.wait_until(None);
                match ticket.value.lock().take() {
                    None => Ok(()),
                    Some(value) => Err(SendError(value)),
                }
            }
            Err(TrySendError::Disconnected(value) | TrySendError::Full(value)) => {
                Err(SendError(value))
            }
        }
    }

    /// Sends if that can be done without waiting.
    ///
    /// # Errors
    /// The value, if there is no room or the receiver is gone.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.channel.put(value, false).map(drop)
    }
}

macro_rules! senders {
    ($($sender:ident),*) => { $(
        impl<T> $sender<T> {
            pub(super) fn new(channel: Arc<Channel<T>>) -> $sender<T> {
                $sender { channel }
            }
        }

        impl<T> Clone for $sender<T> {
            fn clone(&self) -> $sender<T> {
                self.channel.add_sender();
                $sender::new(self.channel.clone())
            }
        }

        impl<T> Drop for $sender<T> {
            fn drop(&mut self) {
                self.channel.drop_sender();
            }
        }

        impl<T> fmt::Debug for $sender<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($sender)).finish_non_exhaustive()
            }
        }
    )* };
}

senders!(Sender, SyncSender);
