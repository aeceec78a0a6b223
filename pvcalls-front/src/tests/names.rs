//! Addresses: names in answers, and IPv6.

use core::net::SocketAddr;

use super::{begin, connected, extended, rig};
use crate::test_utils::{Call as Wire, FakeStore, Rig};
use crate::wire::encode_name;
use crate::{Config, ConnectError, ConnectOptions, Errno, Features, SocketError, SocketId};

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Begins a connect, of which CONNECT is answered with these names.
#[track_caller]
fn named(
    rig: &mut Rig,
    to: SocketAddr,
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
) -> SocketId {
    let options = ConnectOptions::default();
    let id = rig.frontend.connect(to, options, 0).expect("resources");
    let socket = expect!(rig, Wire::Socket { .. });
    let connect = expect!(rig, Wire::Connect { .. });
    assert!(matches!(connect.call, Wire::Connect { to: sent, .. } if sent == to));
    answer!(rig, socket, 0);
    let mut names = [0; 40];
    names[..20].copy_from_slice(&encode_name(local.as_ref()));
    names[20..].copy_from_slice(&encode_name(peer.as_ref()));
    rig.backend.answer_with(&connect, 0, &names);
    rig.deliver();
    assert_eq!(rig.frontend.try_connect(id), Ok(()));
    id
}

#[test]
fn connect_tells_both_names() {
    let mut rig = extended();
    let (local, peer) = (at("10.0.0.2:50000"), at("192.0.2.9:8080"));
    let id = named(&mut rig, Rig::PEER, Some(local), Some(peer));
    assert_eq!(rig.frontend.local_addr(id), Ok(local));
    assert_eq!(rig.frontend.peer_addr(id), Ok(peer));
    // Also when the connection is gone, as long as somebody has the handle.
    let stream = rig.backend.stream(id).expect("connected");
    stream.set_out_error(-104);
    rig.deliver();
    assert_eq!(rig.frontend.local_addr(id), Ok(local));
    rig.frontend.close(id, None, 0).expect("good");
    let gone = Err(SocketError::NoSuchSocket);
    assert_eq!(rig.frontend.local_addr(id), gone);
}

#[test]
fn names_that_cannot_be_are_dropped() {
    let mut rig = extended();
    for bad in [
        None,
        Some(at("[2001:db8::1]:80")),
        Some(at("0.0.0.0:7")),
        Some(at("10.0.0.1:0")),
    ] {
        let id = named(&mut rig, Rig::PEER, bad, bad);
        let local = rig.frontend.local_addr(id);
        assert_eq!(local, Err(SocketError::BadAnswer), "{bad:?}");
        assert_eq!(
            rig.frontend.peer_addr(id),
            Ok(Rig::PEER),
            "the guest's own word"
        );
    }
}

#[test]
fn a_plain_backend_tells_nothing_and_what_lies_behind_its_answers_is_not_read() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let socket = expect!(&mut rig, Wire::Socket { .. });
    answer!(&mut rig, socket, 0);
    let connect = expect!(&mut rig, Wire::Connect { .. });
    let name = encode_name(Some(&at("10.0.0.2:50000")));
    rig.backend.answer_with(&connect, 0, &name);
    rig.deliver();
    assert_eq!(rig.frontend.peer_addr(id), Ok(Rig::PEER));
    let error = SocketError::Unsupported(Features::NAMES);
    assert_eq!(rig.frontend.local_addr(id), Err(error));
    assert_eq!(error.errno(), Errno::EOPNOTSUPP);
}

#[test]
fn a_socket_that_is_not_open_has_no_names() {
    let mut rig = extended();
    let id = begin(&mut rig);
    assert_eq!(rig.frontend.peer_addr(id), Err(SocketError::NotConnected));
    let _socket = expect!(&mut rig, Wire::Socket { .. });
    let connect = expect!(&mut rig, Wire::Connect { .. });
    answer!(&mut rig, connect, -111);
    let refused = Err(SocketError::Remote(Errno::ECONNREFUSED));
    assert_eq!(rig.frontend.peer_addr(id), refused);
    assert_eq!(rig.frontend.local_addr(id), refused);
}

#[test]
fn ipv6_goes_out_whole_and_its_names_come_back() {
    let mut rig = extended();
    let flow = core::net::SocketAddrV6::new("fe80::1".parse().expect("an address"), 80, 0xabcde, 4);
    for to in [
        at("[2001:db8::1]:443"),
        at("[::ffff:192.0.2.1]:80"),
        flow.into(),
    ] {
        let local = at("[2001:db8::2]:50000");
        let id = named(
            &mut rig,
            to,
            Some(local),
            Some(SocketAddr::new(to.ip(), to.port())),
        );
        assert_eq!(rig.frontend.peer_addr(id), Ok(to));
        assert_eq!(rig.frontend.local_addr(id), Ok(local));
    }
}

#[test]
fn ipv6_is_a_domain_of_its_own() {
    let mut rig = extended();
    let to = at("[2001:db8::1]:443");
    let options = ConnectOptions::default();
    rig.frontend.connect(to, options, 0).expect("resources");
    expect!(
        &mut rig,
        Wire::Socket {
            domain: 10,
            kind: 1,
            protocol: 0
        }
    );
    expect!(&mut rig, Wire::Connect { len: 28, .. });
}

#[test]
fn without_the_feature_there_is_no_ipv6() {
    let mut store = FakeStore::with_features();
    store.remove("/local/domain/0/backend/pvcalls/7/0/feature-ipv6");
    let mut rig = Rig::with_store(Config::default(), store);
    for to in ["[2001:db8::1]:443", "[::ffff:192.0.2.1]:80"] {
        let error = rig.frontend.connect(at(to), ConnectOptions::default(), 0);
        let unsupported = ConnectError::Unsupported(Features::IPV6);
        assert_eq!(error, Err(unsupported));
        assert_eq!(unsupported.errno(), Errno::EAFNOSUPPORT);
    }
    connected(&mut rig);
}

#[test]
fn one_that_waited_for_a_device_that_does_not_know_ipv6_any_more_is_told() {
    use crate::platform::{XenbusState, key};
    let mut rig = extended();
    rig.store.set_backend_state(XenbusState::Closed);
    rig.frontend.on_backend_state(XenbusState::Closed, 0);
    let to = at("[2001:db8::1]:443");
    let id = rig.frontend.connect(to, ConnectOptions::default(), 0);
    let id = id.expect("it waits");
    let key = key(crate::test_utils::BACKEND_DIR, "feature-ipv6");
    rig.store.remove(&key);
    rig.backend.unbind();
    rig.reconnect();
    rig.come_back();
    super::nothing_asked(&mut rig);
    let error = SocketError::Unsupported(Features::IPV6);
    assert_eq!(rig.frontend.try_connect(id), Err(error.into()));
    assert_eq!(error.errno(), Errno::EAFNOSUPPORT);
}

#[test]
fn a_listener_has_no_peer() {
    for mut rig in [rig(), extended()] {
        let here = at("0.0.0.0:7");
        let id = rig.frontend.listen(here, Default::default(), 0);
        let id = id.expect("there is room");
        rig.settle();
        assert_eq!(rig.frontend.try_listen(id), Ok(()));
        assert_eq!(rig.frontend.local_addr(id), Ok(here));
        let none = SocketError::NotConnected;
        assert_eq!(rig.frontend.peer_addr(id), Err(none));
        // Nor a direction to end.
        let shutdown = crate::Call::Shutdown(crate::How::Both);
        assert_eq!(rig.frontend.call(id, shutdown, 0), Err(none));
    }
}
