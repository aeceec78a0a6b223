//! Listeners of the host's, shared by the sockets that listen at the same endpoint.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::net::SocketAddr;
use core::task::{Poll, Waker, ready};

use spin::Mutex;

use crate::io;
use crate::net::Options;
use crate::net::socket::{Opening, Socket};

static LISTENERS: Mutex<BTreeMap<SocketAddr, Weak<Listener>>> = Mutex::new(BTreeMap::new());

/// A listener, or one that is being made.
#[derive(Debug)]
pub(super) struct Listener(Mutex<State>);

#[derive(Debug)]
enum State {
    Opening(Opening),
    Open(Arc<Socket>),
    /// It failed; whoever listens next makes another.
    Failed,
}

/// The listener at that address.
pub(super) fn at(address: SocketAddr) -> Arc<Listener> {
    let mut listeners = LISTENERS.lock();
    listeners.retain(|_, listener| listener.strong_count() > 0);
    if let Some(listener) = listeners.get(&address).and_then(Weak::upgrade)
        && !matches!(*listener.0.lock(), State::Failed)
    {
        return listener;
    }
    let opening = Opening::listen(address, &Options::new());
    let listener = Arc::new(Listener(Mutex::new(State::Opening(opening))));
    listeners.insert(address, Arc::downgrade(&listener));
    listener
}

impl Listener {
    /// Takes a connection.
    pub(super) fn poll_accept(
        &self,
        waker: &Waker,
    ) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
        let mut state = self.0.lock();
        if let State::Opening(opening) = &mut *state {
            *state = match ready!(opening.poll(waker)) {
                Ok(socket) => State::Open(socket),
                Err(error) => {
                    *state = State::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        match &*state {
            State::Open(socket) => socket.poll_accept(waker),
            _ => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}
