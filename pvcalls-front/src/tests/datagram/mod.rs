//! Datagram sockets: opening, sending, receiving, closing.

mod bind;
mod flow;
mod hostile;
mod outage;
mod props;
mod wait;

use core::net::SocketAddr;

use super::assert_clean;
use crate::test_utils::{FakeStore, FakeStream, Rig};
use crate::{Call, Config, ConnectOptions, Received, RingOrder, SocketId};

const SECOND: u64 = 1_000_000_000;

/// A rig whose backend knows every extension.
fn rig() -> Rig {
    Rig::with_store(Config::default(), FakeStore::with_features())
}

/// A rig with a socket that has arrays of 4096 bytes.
fn bound() -> (Rig, SocketId) {
    let mut rig = rig();
    let id = rig.bind(RingOrder::MIN);
    (rig, id)
}

/// The backend's end of a socket.
#[track_caller]
fn ring(rig: &Rig, id: SocketId) -> &FakeStream {
    rig.backend.stream(id).expect("attached")
}

/// What the driver tells of a datagram of that length from [`Rig::PEER`].
fn whole(bytes: usize) -> Received {
    Received {
        bytes,
        from: Rig::PEER,
        cut: false,
    }
}

/// Makes [`Rig::PEER`] the default peer.
#[track_caller]
fn set_peer(rig: &mut Rig, id: SocketId) {
    let call = rig.frontend.call(id, Call::SetPeer(Rig::PEER), rig.now_ns);
    let call = call.expect("it can be asked");
    rig.settle();
    let done = rig.frontend.try_call(call, core::task::Waker::noop());
    assert_eq!(done, Ok(0));
}

/// Begins to bind.
#[track_caller]
fn begin_at(rig: &mut Rig, at: SocketAddr) -> SocketId {
    let options = ConnectOptions {
        ring_order: Some(RingOrder::MIN),
        deadline_ns: None,
    };
    rig.frontend
        .bind_datagram(at, options, rig.now_ns)
        .expect("there are resources")
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Closes a socket at once, and looks that nothing is left.
#[track_caller]
fn close_clean(mut rig: Rig, id: SocketId) {
    rig.frontend.close(id, Some(0), rig.now_ns).expect("good");
    rig.settle();
    assert_clean(&rig);
}
