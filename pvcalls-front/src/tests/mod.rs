//! Scripted tests of the whole driver against the fakes, in the words of the protocol.
//!
//! `expect!` takes the next request from the command ring and checks it; `answer!` answers it.

use crate::test_utils::{FakeRequest, FakeStore, Rig};
use crate::{Config, ConnectOptions, RingOrder, SocketId};

/// Takes the next request and checks what it asks: `expect!(rig, Call::Release { .. })`.
macro_rules! expect {
    ($rig:expr, $call:pat) => {{
        let request = $crate::tests::next($rig);
        assert!(
            matches!(request.call, $call),
            "expected {}, got {request:?}",
            stringify!($call)
        );
        request
    }};
}

/// Answers a request with a return value and lets the frontend see it.
macro_rules! answer {
    ($rig:expr, $request:expr, $ret:expr) => {
        $crate::tests::answer($rig, &$request, $ret)
    };
}

mod accept;
mod accept_rings;
mod calls;
mod calls_props;
mod cancel;
mod commands;
mod connect;
mod datagram;
mod event_idx;
mod events;
mod handshake;
mod handshake_values;
mod hostile_ring;
mod linux;
mod listen;
mod model;
mod names;
mod not_supported;
mod options;
mod outage;
mod passive;
mod passive_hostile;
mod passive_linux;
mod passive_outage;
mod passive_props;
mod pool;
mod reconnect;
mod release;
mod resolve;
mod ring_props;
mod shutdown;
mod stream;

/// The driver sits behind a lock that any thread may take.
const _: () = {
    const fn may_change_threads<T: Send>() {}
    may_change_threads::<crate::Frontend<crate::test_utils::FakePlatform>>();
};

#[track_caller]
fn next(rig: &mut Rig) -> FakeRequest {
    rig.backend.next_request().expect("a request is waiting")
}

#[track_caller]
fn answer(rig: &mut Rig, request: &FakeRequest, ret: i32) {
    rig.backend.answer(request, ret);
    rig.deliver();
}

#[track_caller]
fn nothing_asked(rig: &mut Rig) {
    assert_eq!(rig.backend.next_request(), None);
}

/// A rig whose backend knows every extension that the driver knows.
fn extended() -> Rig {
    Rig::with_store(Config::default(), FakeStore::with_features())
}

/// A rig with default settings.
fn rig() -> Rig {
    Rig::new(Config::default())
}

/// Begins a connect with the smallest ring.
#[track_caller]
fn begin(rig: &mut Rig) -> SocketId {
    let options = ConnectOptions {
        ring_order: Some(RingOrder::MIN),
        deadline_ns: None,
    };
    rig.frontend
        .connect(Rig::PEER, options, rig.now_ns)
        .expect("there are resources")
}

/// A connected socket with the smallest ring: 4096 bytes each way.
#[track_caller]
fn connected(rig: &mut Rig) -> SocketId {
    rig.connect(RingOrder::MIN)
}

/// Checks that nothing is left of any socket: no page but the command ring's and those in the pool,
/// no port but theirs.
#[track_caller]
fn assert_clean(rig: &Rig) {
    let stats = rig.frontend.stats();
    assert_eq!(stats.sockets, 0, "{stats:?}");
    assert_eq!(stats.quarantined_pages, 0, "{stats:?}");
    assert_eq!(rig.platform.shared_pages(), 1 + stats.pooled_pages);
    assert_eq!(rig.platform.open_ports(), 1 + stats.pooled_rings);
    rig.platform.assert_graves_untouched();
}
