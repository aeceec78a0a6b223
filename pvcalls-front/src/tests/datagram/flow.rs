//! Datagrams go out and come in, whole.

use alloc::vec;
use alloc::vec::Vec;

use super::{address, bound, close_clean, ring, set_peer, whole};
use crate::test_utils::{Call, FakeDatagram, FakeStore, Rig, frame};
use crate::tests::assert_clean;
use crate::wire::encode_name;
use crate::{Config, Errno, Readiness, Received, RingOrder, SocketError, TryError};

#[test]
fn datagrams_go_to_whom_they_are_for() {
    let (mut rig, id) = bound();
    let other = address("203.0.113.9:9999");
    for (payload, to) in [(&b"one"[..], Rig::PEER), (b"", other), (b"eight888", other)] {
        let sent = rig.frontend.try_send_to(id, payload, Some(to), 0);
        assert_eq!(sent, Ok(()));
    }
    rig.idle();
    for (payload, to) in [(&b"one"[..], Rig::PEER), (b"", other), (b"eight888", other)] {
        let expected = FakeDatagram {
            to: Some(to),
            payload: payload.to_vec(),
        };
        assert_eq!(ring(&rig, id).receive_datagram(), Some(expected));
    }
    assert_eq!(ring(&rig, id).receive_datagram(), None);
    close_clean(rig, id);
}

#[test]
fn datagrams_come_one_by_one_with_their_senders() {
    let (mut rig, id) = bound();
    let other = address("203.0.113.9:9999");
    assert!(ring(&rig, id).send_datagram(Rig::PEER, b"one"));
    assert!(ring(&rig, id).send_datagram(other, b""));
    assert!(ring(&rig, id).send_datagram(Rig::PEER, b"eight888"));
    let mut into = [0; 64];
    let peeked = rig.frontend.try_receive_from(id, &mut into, false);
    assert_eq!(peeked, Ok(whole(3)));
    let first = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!((first, &into[..3]), (Ok(whole(3)), &b"one"[..]));
    let empty = Received {
        bytes: 0,
        from: other,
        cut: false,
    };
    let second = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!(second, Ok(empty));
    let third = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!((third, &into[..8]), (Ok(whole(8)), &b"eight888"[..]));
    let nothing = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!(nothing, Err(TryError::WouldBlock));
    close_clean(rig, id);
}

#[test]
fn a_datagram_longer_than_the_buffer_is_cut_and_gone() {
    let (mut rig, id) = bound();
    ring(&rig, id).send_datagram(Rig::PEER, b"a long one");
    ring(&rig, id).send_datagram(Rig::PEER, b"next");
    let mut into = [0; 6];
    for consume in [false, true] {
        let received = rig.frontend.try_receive_from(id, &mut into, consume);
        let received = received.expect("there is one");
        assert_eq!((received.bytes, received.cut), (6, true));
        assert_eq!(&into, b"a long");
    }
    let received = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!((received, &into[..4]), (Ok(whole(4)), &b"next"[..]));
    // A buffer of no bytes takes a datagram, too.
    ring(&rig, id).send_datagram(Rig::PEER, b"x");
    let received = rig.frontend.try_receive_from(id, &mut [], true);
    assert_eq!(received.map(|it| (it.bytes, it.cut)), Ok((0, true)));
    let nothing = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!(nothing, Err(TryError::WouldBlock));
    close_clean(rig, id);
}

#[test]
fn what_the_backend_cut_is_known_as_cut() {
    let (mut rig, id) = bound();
    let name = encode_name(Some(&Rig::PEER));
    ring(&rig, id).send_frame(&frame(5, 1, &name, b"begin"));
    let received = rig.frontend.try_receive_from(id, &mut [0; 64], true);
    assert_eq!(received.map(|it| (it.bytes, it.cut)), Ok((5, true)));
    close_clean(rig, id);
}

#[test]
fn a_datagram_that_can_never_fit_is_refused_and_one_that_does_not_fit_now_waits() {
    let (mut rig, id) = bound();
    let to = Some(Rig::PEER);
    for len in [4065, 65507, 65508, 100_000] {
        let error = rig.frontend.try_send_to(id, &vec![0; len], to, 0);
        assert_eq!(error, Err(SocketError::MessageSize.into()), "{len}");
    }
    assert_eq!(SocketError::MessageSize.errno(), Errno::EMSGSIZE);
    assert_eq!(ring(&rig, id).queued_out(), 0);
    assert_eq!(rig.frontend.try_send_to(id, &[1; 4064], to, 0), Ok(()));
    let full = rig.frontend.try_send_to(id, b"", to, 0);
    assert_eq!(full, Err(TryError::WouldBlock));
    rig.idle();
    let first = ring(&rig, id).receive_datagram().expect("one is there");
    assert_eq!(first.payload, [1; 4064]);
    assert_eq!(rig.frontend.try_send_to(id, b"", to, 0), Ok(()));
    close_clean(rig, id);
}

#[test]
fn the_longest_datagram_there_is_goes_and_comes() {
    let mut store = FakeStore::with_features();
    let key = crate::platform::key(crate::test_utils::BACKEND_DIR, "max-page-order");
    store.set(&key, "6");
    let mut rig = Rig::with_store(Config::default(), store);
    let id = rig.bind(RingOrder::new(6).expect("in range"));
    let bytes: Vec<u8> = (0..65507_u32).map(|n| n.to_le_bytes()[1]).collect();
    // Three times: the second wraps.
    for _ in 0..3 {
        let sent = rig.frontend.try_send_to(id, &bytes, Some(Rig::PEER), 0);
        assert_eq!(sent, Ok(()));
        rig.idle();
        let there = ring(&rig, id).receive_datagram().expect("it is there");
        assert!(there.payload == bytes);
        assert!(ring(&rig, id).send_datagram(Rig::PEER, &bytes));
        let mut into = vec![0; 70_000];
        let received = rig.frontend.try_receive_from(id, &mut into, true);
        assert_eq!(received, Ok(whole(bytes.len())));
        assert!(into[..bytes.len()] == bytes);
    }
    let error = rig
        .frontend
        .try_send_to(id, &[0; 65508], Some(Rig::PEER), 0);
    assert_eq!(error, Err(SocketError::MessageSize.into()));
    close_clean(rig, id);
}

#[test]
fn without_a_receiver_it_goes_to_the_default_peer_if_there_is_one() {
    let (mut rig, id) = bound();
    let error = rig.frontend.try_send_to(id, b"x", None, 0);
    assert_eq!(error, Err(SocketError::NoPeer.into()));
    assert_eq!(SocketError::NoPeer.errno(), Errno::EDESTADDRREQ);
    set_peer(&mut rig, id);
    assert_eq!(rig.frontend.try_send_to(id, b"x", None, 0), Ok(()));
    let there = ring(&rig, id).receive_datagram().expect("it is there");
    assert_eq!(there.to, None);
    close_clean(rig, id);
}

#[test]
fn a_socket_of_ipv4_sends_nothing_to_ipv6() {
    let (mut rig, id) = bound();
    let to = Some(address("[2001:db8::1]:53"));
    let error = rig.frontend.try_send_to(id, b"x", to, 0);
    assert_eq!(error, Err(SocketError::AddressFamily.into()));
    assert_eq!(SocketError::AddressFamily.errno(), Errno::EAFNOSUPPORT);
    assert_eq!(ring(&rig, id).queued_out(), 0);
    close_clean(rig, id);
}

#[test]
fn readiness_tells_what_would_not_block() {
    let (mut rig, id) = bound();
    assert_eq!(rig.frontend.readiness(id), Ok(Readiness::WRITABLE));
    ring(&rig, id).send_datagram(Rig::PEER, b"");
    let both = Readiness::WRITABLE | Readiness::READABLE;
    assert_eq!(rig.frontend.readiness(id), Ok(both));
    let to = Some(Rig::PEER);
    while rig.frontend.try_send_to(id, &[0; 1000], to, 0).is_ok() {}
    assert_eq!(rig.frontend.readiness(id), Ok(Readiness::READABLE));
    close_clean(rig, id);
}

#[test]
fn what_was_sent_before_the_close_still_goes_out() {
    let (mut rig, id) = bound();
    for n in 0..5 {
        let sent = rig.frontend.try_send_to(id, &[n; 100], Some(Rig::PEER), 0);
        sent.expect("room");
    }
    rig.frontend.close(id, None, 0).expect("good");
    assert_eq!(rig.frontend.draining(), 1);
    super::super::nothing_asked(&mut rig);
    for n in 0..5 {
        // What comes in meanwhile is nobody's.
        ring(&rig, id).send_datagram(Rig::PEER, b"too late");
        let there = ring(&rig, id).receive_datagram().expect("it is there");
        assert_eq!(there.payload, [n; 100]);
        rig.deliver();
    }
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}
