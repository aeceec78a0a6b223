//! Calls on an open socket that the host answers: half-close, options.

use core::task::{Poll, Waker};

use kernel::thread;
use pvcalls_front::{Call, CallId, SocketId, TryError};

use crate::io;
use crate::net::driver;

/// A call on its way, polled. Dropping it gives up waiting; the host may do it all the same.
#[derive(Debug)]
pub(crate) struct Calling(State);

#[derive(Debug)]
enum State {
    /// The host has it, or will.
    Sent(CallId),
    /// It is through.
    Done(Option<io::Result<i64>>),
}

impl Calling {
    /// Asks the host.
    pub(super) fn remote(id: SocketId, call: Call) -> Calling {
        match driver::with(|frontend, now_ns| frontend.call(id, call, now_ns)) {
            Ok(call) => Calling(State::Sent(call)),
            Err(error) => Calling::done(Err(error)),
        }
    }

    /// What needs no host.
    pub(super) fn done(result: io::Result<i64>) -> Calling {
        Calling(State::Done(Some(result)))
    }

    /// Ready with the answer: an option's value, or 0. Not to be polled after that.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<io::Result<i64>> {
        let result = match &mut self.0 {
            State::Done(result) => result.take().expect("polled until it is ready"),
            State::Sent(call) => {
                let answer = driver::with(|frontend, _| match frontend.try_call(*call, waker) {
                    Ok(value) => Ok(Poll::Ready(value)),
                    Err(TryError::WouldBlock) => Ok(Poll::Pending),
                    Err(TryError::Failed(_)) if driver::is_ending() => Ok(Poll::Pending),
                    Err(TryError::Failed(error)) => Err(error),
                });
                match answer {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(value)) => Ok(value),
                    Err(error) => Err(error),
                }
            }
        };
        self.0 = State::Done(None);
        Poll::Ready(result)
    }

    /// Blocks until the answer is there.
    pub(in crate::net) fn wait(mut self) -> io::Result<i64> {
        let answer = thread::wait(None, |waker| self.poll(waker));
        answer.expect("a wait without deadline ends with a result")
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let State::Sent(call) = self.0 {
            driver::drop_call(call);
        }
    }
}
