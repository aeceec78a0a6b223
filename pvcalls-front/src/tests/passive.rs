//! What tests of listeners share.

use core::net::SocketAddr;

use super::{assert_clean, next};
use crate::platform::key;
use crate::test_utils::{BACKEND_DIR, Call, FakeRequest, FakeStore, Rig};
use crate::{Config, ListenOptions, RingOrder, SocketId};

pub(super) const SECOND: u64 = 1_000_000_000;

/// A rig whose backend offers these extensions.
#[track_caller]
pub(super) fn rig_with(features: &[&str]) -> Rig {
    let mut store = FakeStore::with_backend();
    for name in features {
        store.set(&key(BACKEND_DIR, name), "1");
    }
    Rig::with_store(Config::default(), store)
}

pub(super) fn at(port: u16) -> SocketAddr {
    SocketAddr::new([192, 0, 2, 7].into(), port)
}

/// Small rings for the connections.
pub(super) fn small() -> ListenOptions {
    ListenOptions {
        ring_order: Some(RingOrder::MIN),
        ..ListenOptions::default()
    }
}

/// Begins to listen.
#[track_caller]
pub(super) fn begin(rig: &mut Rig, port: u16) -> SocketId {
    { rig.frontend.listen(at(port), small(), rig.now_ns) }.expect("nothing is short")
}

/// Takes and answers SOCKET, BIND and LISTEN of a listener.
#[track_caller]
pub(super) fn establish(rig: &mut Rig, id: SocketId) {
    let request = expect!(rig, Call::Socket { .. });
    assert_eq!(request.id, id.get());
    answer!(rig, request, 0);
    let request = expect!(rig, Call::Bind { .. });
    assert_eq!(request.id, id.get());
    answer!(rig, request, 0);
    let request = expect!(rig, Call::Listen { .. });
    assert_eq!(request.id, id.get());
    answer!(rig, request, 0);
    assert_eq!(rig.frontend.try_listen(id), Ok(()));
}

/// A listener; its ACCEPTs are in the ring.
#[track_caller]
pub(super) fn listening(rig: &mut Rig, port: u16) -> SocketId {
    let id = begin(rig, port);
    establish(rig, id);
    id
}

/// Takes an ACCEPT of that listener.
#[track_caller]
pub(super) fn next_accept(rig: &mut Rig, listener: SocketId) -> FakeRequest {
    let request = next(rig);
    assert!(matches!(request.call, Call::Accept { .. }), "{request:?}");
    assert_eq!(request.id, listener.get());
    request
}

/// The stream that an ACCEPT is to make.
#[track_caller]
pub(super) fn stream_of(request: &FakeRequest) -> u64 {
    match request.call {
        Call::Accept { new, .. } => new,
        _ => panic!("{request:?} is no ACCEPT"),
    }
}

/// The same as a handle.
#[track_caller]
pub(super) fn id_of(request: &FakeRequest) -> SocketId {
    let wire = stream_of(request);
    let half = |number: u64| u32::try_from(number & 0xffff_ffff).expect("masked");
    SocketId::new(half(wire) as usize - 1, half(wire >> 32))
}

/// Takes a connection that is there.
#[track_caller]
pub(super) fn take(rig: &mut Rig, listener: SocketId) -> SocketId {
    { rig.frontend.try_accept(listener, rig.now_ns) }.expect("a connection waits")
}

/// Closes a handle.
#[track_caller]
pub(super) fn close(rig: &mut Rig, id: SocketId) {
    { rig.frontend.close(id, None, rig.now_ns) }.expect("the handle is good");
}

/// Lets go of a listener whose ACCEPTs were taken from the ring: the backend answers them.
#[track_caller]
pub(super) fn end(rig: &mut Rig, listener: SocketId, accepts: &[FakeRequest]) {
    close(rig, listener);
    for accept in accepts {
        answer!(rig, accept, -125);
    }
    let release = expect!(rig, Call::Release { .. });
    assert_eq!(release.id, listener.get());
    answer!(rig, release, 0);
    assert_clean(rig);
}
