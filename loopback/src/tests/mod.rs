//! What sockets of one guest do to each other, call by call.

mod datagram;
mod leaks;
mod linux;
mod listener;
mod props;
mod stream;

use alloc::sync::Arc;
use alloc::task::Wake;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;

use crate::{Interest, ListenOptions, Loopback, SocketId, TryError};

/// A waker that counts.
pub(crate) struct CountingWaker(AtomicUsize);

impl CountingWaker {
    pub(crate) fn pair() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self(AtomicUsize::new(0)));
        (counter.clone(), Waker::from(counter))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[track_caller]
fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[track_caller]
fn listen(net: &mut Loopback, at: &str) -> SocketId {
    net.listen(address(at), ListenOptions::default())
        .expect("a free port")
}

/// A connected pair: who connected, and who was accepted.
fn pair(net: &mut Loopback) -> (SocketId, SocketId) {
    let listener = listen(net, "127.0.0.1:0");
    let at = net.local_addr(listener).expect("a name");
    let client = net.connect(at).expect("a listener");
    let server = net.try_accept(listener).expect("a connection");
    net.close(listener).expect("open");
    (client, server)
}

#[track_caller]
fn write(net: &mut Loopback, id: SocketId, text: &str) {
    assert_eq!(net.try_write(id, text.as_bytes()), Ok(text.len()));
}

#[track_caller]
fn read(net: &mut Loopback, id: SocketId) -> Result<alloc::string::String, TryError> {
    let mut bytes = [0; 100];
    let count = net.try_read(id, &mut bytes)?;
    Ok(core::str::from_utf8(&bytes[..count]).expect("text").into())
}

/// Registers a waker that counts.
fn watch(net: &mut Loopback, id: SocketId, interest: Interest) -> Arc<CountingWaker> {
    let (counter, waker) = CountingWaker::pair();
    net.register(id, interest, &waker).expect("open");
    counter
}

/// Wakes who is to be woken, and says how often that one was in all.
fn woken(net: &mut Loopback, counter: &CountingWaker) -> usize {
    net.take_wakes().wake();
    counter.count()
}
