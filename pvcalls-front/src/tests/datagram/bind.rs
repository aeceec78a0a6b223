//! SOCKET, BIND and ATTACH, and what each of them may be answered.

use super::{SECOND, address, begin_at, bound, close_clean, rig};
use crate::platform::ShareError;
use crate::test_utils::{Call, CountingWaker, FakeStore, Rig};
use crate::tests::{assert_clean, nothing_asked};
use crate::{
    Blame, Config, ConnectError, ConnectOptions, Errno, Features, Interest, ResourceError,
    RingOrder, SocketError, TryError,
};

#[test]
fn the_commands_are_those_of_the_specification() {
    let mut rig = rig();
    let id = begin_at(&mut rig, Rig::LOCAL);
    let (woken, waker) = CountingWaker::pair();
    let register = rig.frontend.register(id, Interest::Connect, &waker);
    register.expect("good");
    let socket = expect!(
        &mut rig,
        Call::Socket {
            domain: 2,
            kind: 2,
            protocol: 0
        }
    );
    nothing_asked(&mut rig);
    answer!(&mut rig, socket, 0);
    let at = Rig::LOCAL;
    let bind = super::super::next(&mut rig);
    assert_eq!(bind.call, Call::Bind { at, len: 16 });
    assert_eq!(bind.id, id.get());
    answer!(&mut rig, bind, 0);
    assert_eq!(rig.frontend.try_bound(id), Err(TryError::WouldBlock));
    let before = woken.count();
    rig.frontend
        .register(id, Interest::Connect, &waker)
        .expect("good");
    let attach = expect!(&mut rig, Call::Attach { .. });
    answer!(&mut rig, attach, 0);
    assert!(woken.count() > before);
    assert_eq!(rig.frontend.try_bound(id), Ok(()));
    assert_eq!(rig.frontend.datagram_limit(id), Ok(4096 - 32));
    close_clean(rig, id);
}

#[test]
fn a_backend_of_version_1_has_no_datagrams() {
    let mut rig = Rig::new(Config::default());
    let options = ConnectOptions::default();
    let error = rig.frontend.bind_datagram(Rig::LOCAL, options, 0);
    let error = error.expect_err("it has not");
    assert_eq!(error, ConnectError::Unsupported(Features::UDP));
    assert_eq!(error.errno(), Errno::EOPNOTSUPP);
    assert_eq!(error.blame(), Blame::Backend);
    nothing_asked(&mut rig);
    assert_clean(&rig);
}

#[test]
fn an_address_of_ipv6_needs_its_own_extension() {
    let mut store = FakeStore::with_features();
    let key = crate::platform::key(crate::test_utils::BACKEND_DIR, "feature-ipv6");
    store.remove(&key);
    let mut rig = Rig::with_store(Config::default(), store);
    let at = address("[::]:53");
    let error = rig
        .frontend
        .bind_datagram(at, ConnectOptions::default(), 0)
        .expect_err("it has not");
    assert_eq!(error, ConnectError::Unsupported(Features::IPV6));
    assert_eq!(error.errno(), Errno::EAFNOSUPPORT);
    assert_clean(&rig);
}

#[test]
fn every_command_may_fail() {
    for failing in 0..3 {
        let mut rig = rig();
        let id = begin_at(&mut rig, Rig::LOCAL);
        for step in 0..=failing {
            let request = super::super::next(&mut rig);
            let ret = if step == failing { -98 } else { 0 };
            answer!(&mut rig, request, ret);
        }
        let error = SocketError::Remote(Errno::EADDRINUSE).into();
        assert_eq!(rig.frontend.try_bound(id), Err(error), "{failing}");
        let sent = rig.frontend.try_send_to(id, b"x", Some(Rig::PEER), 0);
        assert_eq!(sent, Err(error));
        let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
        assert_eq!(received, Err(error));
        if failing > 0 {
            let release = expect!(&mut rig, Call::Release { .. });
            answer!(&mut rig, release, 0);
        }
        nothing_asked(&mut rig);
        rig.frontend.close(id, None, 0).expect("good");
        assert_clean(&rig);
    }
}

#[test]
fn where_nobody_may_bind_a_client_that_takes_any_address_is_not_bound() {
    for (at, goes_on) in [
        ("0.0.0.0:0", true),
        ("0.0.0.0:53", false),
        ("198.51.100.7:0", false),
    ] {
        let mut rig = rig();
        let id = begin_at(&mut rig, address(at));
        let socket = expect!(&mut rig, Call::Socket { .. });
        answer!(&mut rig, socket, 0);
        let bind = expect!(&mut rig, Call::Bind { .. });
        answer!(&mut rig, bind, -13);
        rig.settle();
        let expected = match goes_on {
            true => Ok(()),
            false => Err(SocketError::Remote(Errno::EACCES).into()),
        };
        assert_eq!(rig.frontend.try_bound(id), expected, "{at}");
        close_clean(rig, id);
    }
}

#[test]
fn a_caller_that_gives_up_leaves_nothing_behind() {
    // Closed after so many answers; 3 is one more than before it is open.
    for answered in 0..3 {
        for sent in [false, true] {
            let mut rig = rig();
            let id = begin_at(&mut rig, Rig::LOCAL);
            for _ in 0..answered {
                let request = super::super::next(&mut rig);
                answer!(&mut rig, request, 0);
            }
            let pending = sent.then(|| super::super::next(&mut rig));
            rig.frontend.close(id, None, 0).expect("good");
            if let Some(request) = pending {
                answer!(&mut rig, request, 0);
            }
            rig.settle();
            assert_clean(&rig);
        }
    }
}

#[test]
fn a_deadline_ends_the_wait_and_the_late_answer_ends_the_socket() {
    for answered in 0..3 {
        let mut rig = rig();
        let options = ConnectOptions {
            ring_order: Some(RingOrder::MIN),
            deadline_ns: Some(SECOND),
        };
        let id = rig.frontend.bind_datagram(Rig::LOCAL, options, 0);
        let id = id.expect("there are resources");
        for _ in 0..answered {
            let request = super::super::next(&mut rig);
            answer!(&mut rig, request, 0);
        }
        let late = super::super::next(&mut rig);
        rig.advance(SECOND);
        let error = SocketError::TimedOut.into();
        assert_eq!(rig.frontend.try_bound(id), Err(error), "{answered}");
        answer!(&mut rig, late, 0);
        rig.settle();
        assert!(rig.frontend.stats().late_answers >= 1);
        rig.frontend.close(id, None, rig.now_ns).expect("good");
        assert_clean(&rig);
    }
}

#[test]
fn the_ring_has_room_for_every_datagram_as_far_as_memory_permits() {
    for (max_order, free_pages, limit) in [
        ("9", usize::MAX, 65507),
        ("6", 32 * 64, 65507),
        ("6", 32 * 64 - 1, 65504),
        ("5", usize::MAX, 65504),
        ("1", usize::MAX, 4064),
        ("9", 0, 4064),
    ] {
        let mut store = FakeStore::with_features();
        let key = crate::platform::key(crate::test_utils::BACKEND_DIR, "max-page-order");
        store.set(&key, max_order);
        let mut rig = Rig::with_store(Config::default(), store);
        if free_pages > 0 {
            rig.platform.set_free_pages(free_pages);
        } else {
            // Nothing at all is free, as far as anybody knows; the smallest ring is tried.
            rig.platform.set_free_pages(3);
        }
        let options = ConnectOptions::default();
        let id = rig.frontend.bind_datagram(Rig::LOCAL, options, 0);
        let id = id.expect("there are resources");
        rig.settle();
        assert_eq!(rig.frontend.datagram_limit(id), Ok(limit), "{max_order}");
        close_clean(rig, id);
    }
}

#[test]
fn a_shortage_is_told_at_once_and_leaves_nothing() {
    let mut rig = rig();
    rig.platform.set_share_error(Some(ShareError::NoGrants));
    let options = ConnectOptions::default();
    let error = rig.frontend.bind_datagram(Rig::LOCAL, options, 0);
    let shortage = ResourceError::Share(ShareError::NoGrants);
    assert_eq!(error, Err(ConnectError::Resources(shortage)));
    let options = ConnectOptions {
        ring_order: RingOrder::new(9),
        deadline_ns: None,
    };
    let error = rig.frontend.bind_datagram(Rig::LOCAL, options, 0);
    assert!(matches!(error, Err(ConnectError::RingOrder { .. })));
    assert_clean(&rig);
}

#[test]
fn rings_are_used_again() {
    let (mut rig, id) = bound();
    rig.frontend.close(id, Some(0), 0).expect("good");
    rig.settle();
    let options = ConnectOptions::default();
    let id = rig.frontend.bind_datagram(Rig::LOCAL, options, 0);
    let id = id.expect("there are resources");
    rig.settle();
    rig.frontend.close(id, Some(0), 0).expect("good");
    rig.settle();
    let made = rig.platform.made();
    for _ in 0..20 {
        let id = rig.frontend.bind_datagram(Rig::LOCAL, options, 0);
        let id = id.expect("there are resources");
        rig.settle();
        rig.frontend
            .try_send_to(id, b"again", Some(Rig::PEER), 0)
            .expect("room");
        rig.frontend.close(id, Some(0), 0).expect("good");
        rig.settle();
    }
    assert_eq!(rig.platform.made(), made, "neither grants nor ports");
    assert_clean(&rig);
}

#[test]
fn what_is_for_streams_does_not_work_and_the_other_way_round() {
    let (mut rig, id) = bound();
    let error = Err(SocketError::NotConnected.into());
    super::ring(&rig, id).send_datagram(Rig::PEER, b"frame");
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), error);
    assert_eq!(rig.frontend.peek(id, &mut [0; 9]), error);
    assert_eq!(rig.frontend.try_write(id, b"bytes", 0), error);
    let stream = rig.connect(RingOrder::MIN);
    let sent = rig.frontend.try_send_to(stream, b"x", Some(Rig::PEER), 0);
    assert_eq!(sent, Err(SocketError::NotConnected.into()));
    let received = rig.frontend.try_receive_from(stream, &mut [0; 9], true);
    assert_eq!(received, Err(SocketError::NotConnected.into()));
    rig.frontend.close(stream, Some(0), 0).expect("good");
    close_clean(rig, id);
}
