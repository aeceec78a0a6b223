//! One test for each way in which Linux's backend differs from what the specification leads one
//! to expect, as far as socket, connect and release can meet it. docs/protocol.md tells of them.

use super::{assert_clean, begin, connected, nothing_asked, rig};
use crate::test_utils::{Call, Rig};
use crate::{ConnectOptions, Errno, Interest, RingOrder, SocketError, TryError};

const SECOND: u64 = 1_000_000_000;

#[test]
fn commands_wait_for_connected_because_earlier_events_are_dropped() {
    use crate::platform::XenbusState;
    use crate::test_utils::{FakePlatform, FakeStore};
    use crate::{Config, Handshake, Step};
    let mut store = FakeStore::with_backend();
    let platform = FakePlatform::new();
    let handshake = Handshake::new(platform.clone(), Config::default());
    let Step::WaitForBackend { handshake, .. } = handshake.step(&mut store, 0) else {
        panic!("there is no frontend to give commands to");
    };
    assert_eq!(platform.all_notifications(), 0);
    store.set_backend_state(XenbusState::Connected);
    assert!(matches!(handshake.step(&mut store, 1), Step::Connected(_)));
}

#[test]
fn socket_protocol_tcp_is_rejected_so_zero_is_sent() {
    let mut rig = rig();
    begin(&mut rig);
    expect!(
        &mut rig,
        Call::Socket {
            domain: 2,
            kind: 1,
            protocol: 0
        }
    );
}

#[test]
fn an_unfilled_response_slot_holds_an_old_request() {
    // The backend counts rsp_prod up and fills nothing in: the slot still holds the request that
    // was in it, and its id and command are those of a request that is out.
    let mut rig = rig();
    let id = begin(&mut rig);
    begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    // Slots 0 and 1 hold the two SOCKET requests; slot 0 is published as it is.
    rig.backend.publish(1);
    rig.deliver();
    assert_eq!(rig.frontend.stats().bad_responses, 1);
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
    answer!(&mut rig, request, -13);
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::Remote(Errno::EACCES).into())
    );
}

#[test]
fn an_unfilled_slot_is_not_taken_even_when_the_arguments_look_like_the_id() {
    // Bytes 16 to 23 of SOCKET are domain 2 and type 1: read as an id, generation 1 of place 1.
    // What gives it away is the return value: the low half of the id, which is positive.
    let mut rig = rig();
    let _first = begin(&mut rig);
    let second = begin(&mut rig);
    assert_eq!(second.get(), 0x1_0000_0002);
    let first = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, first, -12);
    rig.backend.publish(1);
    rig.deliver();
    assert_eq!(rig.frontend.stats().bad_responses, 1);
    assert_eq!(rig.frontend.try_connect(second), Err(TryError::WouldBlock));
}

#[test]
fn a_lost_response_ends_in_the_callers_deadline() {
    let mut rig = rig();
    let options = ConnectOptions {
        ring_order: None,
        deadline_ns: Some(5 * SECOND),
    };
    let id = rig
        .frontend
        .connect(Rig::PEER, options, 0)
        .expect("there are resources");
    let _lost = expect!(&mut rig, Call::Socket { .. });
    rig.advance(5 * SECOND);
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::TimedOut.into())
    );
    // Others do not suffer.
    connected(&mut rig);
}

#[test]
fn a_connect_that_hangs_stops_all_commands_but_not_the_data() {
    let mut rig = rig();
    let open = connected(&mut rig);
    let hanging = begin(&mut rig);
    let socket = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, socket, 0);
    let connect = expect!(&mut rig, Call::Connect { .. });
    // Nothing is answered for 131 s.
    let waiting = begin(&mut rig);
    for _ in 0..131 {
        rig.advance(SECOND);
        rig.frontend
            .try_write(open, b"tick", rig.now_ns)
            .expect("room");
        rig.idle();
        let stream = rig.backend.stream(open).expect("connected");
        assert_eq!(stream.receive(9), b"tick");
        rig.deliver();
    }
    assert_eq!(rig.frontend.try_connect(waiting), Err(TryError::WouldBlock));
    answer!(&mut rig, connect, -110);
    assert_eq!(
        rig.frontend.try_connect(hanging),
        Err(SocketError::Remote(Errno::ETIMEDOUT).into()),
        "the backend's reason, not our impatience"
    );
    rig.settle();
    assert_eq!(rig.frontend.try_connect(waiting), Ok(()));
}

#[test]
fn only_complete_rings_are_handed_over_because_a_bad_one_kills_dom0() {
    // `FakeStream::map` refuses what would: a missing grant, an order out of range, a closed port.
    for order in 1..=4 {
        let mut rig = rig();
        let id = rig.connect(RingOrder::new(order).expect("in range"));
        let stream = rig.backend.stream(id).expect("connected");
        assert_eq!(stream.array_bytes(), 2048 << order);
    }
}

#[test]
fn data_that_arrives_with_the_connection_is_seen_without_an_event() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let socket = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, socket, 0);
    let connect = expect!(&mut rig, Call::Connect { .. });
    rig.backend.answer(&connect, 0);
    rig.backend.stream(id).expect("connected").send(b"banner");
    // The data event comes first, when the socket is not yet connected for us.
    let events: alloc::vec::Vec<_> = core::iter::from_fn(|| rig.platform.next_event()).collect();
    for port in events.into_iter().rev() {
        rig.frontend.on_event(port, 0);
    }
    assert_eq!(rig.frontend.try_connect(id), Ok(()));
    assert_eq!(rig.frontend.try_read(id, &mut [0; 16]), Ok(6));
}

#[test]
fn a_banner_that_never_comes_can_be_given_up() {
    // The backend may forget to read what came before it installed its callback: no event, no
    // data. A caller with a read time-out closes and tries again.
    let mut rig = rig();
    let id = connected(&mut rig);
    assert_eq!(
        rig.frontend.try_read(id, &mut [0; 16]),
        Err(TryError::WouldBlock)
    );
    rig.frontend.close(id, None, 0).expect("good");
    rig.settle();
    assert_clean(&rig);
    connected(&mut rig);
}

#[test]
fn the_end_is_looked_at_before_in_prod_so_data_is_not_cut_off() {
    let mut rig = rig();
    let id = connected(&mut rig);
    // Both are there when the reader looks for the first time.
    rig.backend.stream(id).expect("connected").send(b"tail");
    rig.backend.stream(id).expect("connected").close();
    assert_eq!(rig.frontend.try_read(id, &mut [0; 16]), Ok(4));
    assert_eq!(rig.frontend.try_read(id, &mut [0; 16]), Ok(0));
}

#[test]
fn a_reset_is_one_empty_event_to_a_reader_and_an_error_to_a_writer() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.backend.stream(id).expect("connected").raise();
    rig.deliver();
    assert_eq!(
        rig.frontend.try_read(id, &mut [0; 16]),
        Err(TryError::WouldBlock),
        "nothing says that it is over"
    );
    rig.frontend.try_write(id, b"x", 0).expect("room");
    rig.idle();
    let stream = rig.backend.stream(id).expect("connected");
    stream.set_out_error(-104);
    rig.deliver();
    assert_eq!(
        rig.frontend.try_read(id, &mut [0; 16]),
        Err(SocketError::Remote(Errno::ECONNRESET).into())
    );
}

#[test]
fn a_send_error_is_latched_because_the_word_is_cleared_again() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let stream = rig.backend.stream(id).expect("connected");
    stream.set_out_error(-32);
    rig.deliver();
    let release = expect!(&mut rig, Call::Release { .. });
    rig.backend.stream(id).expect("connected").set_out_error(0);
    rig.deliver();
    assert_eq!(
        rig.frontend.try_write(id, b"x", 0),
        Err(SocketError::Remote(Errno::EPIPE).into())
    );
    answer!(&mut rig, release, 0);
}

#[test]
fn a_send_error_seen_by_anyone_stays() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let stream = rig.backend.stream(id).expect("connected");
    stream.set_out_error(-32);
    // Somebody asks what can be done; then the word is cleared, and only then is it tried.
    assert!(rig.frontend.readiness(id).is_ok());
    let stream = rig.backend.stream(id).expect("connected");
    stream.set_out_error(0);
    assert_eq!(
        rig.frontend.try_write(id, b"x", 0),
        Err(SocketError::Remote(Errno::EPIPE).into())
    );
    // A reader of the same socket hears it in a reader's word.
    assert_eq!(
        rig.frontend.try_read(id, &mut [0; 8]),
        Err(SocketError::Remote(Errno::ECONNRESET).into())
    );
}

#[test]
fn a_send_error_brings_a_storm_so_the_port_is_masked_and_released_at_once() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, b"x", 0).expect("room");
    rig.idle();
    let port = rig.backend.stream(id).expect("connected").port();
    rig.backend
        .stream(id)
        .expect("connected")
        .set_out_error(-32);
    rig.deliver();
    assert!(rig.platform.is_masked(port));
    for _ in 0..1000 {
        rig.backend.stream(id).expect("connected").raise();
    }
    assert_eq!(rig.platform.next_event(), None);
    rig.advance(SECOND);
    assert!(rig.platform.is_masked(port), "for good");
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    rig.frontend.close(id, None, 0).expect("good");
    assert_clean(&rig);
}

#[test]
fn an_answer_received_before_a_send_error_is_still_readable_after_the_release() {
    // A server that answers early and closes: our request cannot be sent to the end, but its
    // answer is in the ring.
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, &[0; 4096], 0).expect("room");
    let stream = rig.backend.stream(id).expect("connected");
    stream.send(b"413 too large");
    stream.close();
    stream.set_out_error(-32);
    rig.deliver();
    rig.settle();
    assert_eq!(rig.platform.shared_pages(), 1, "the ring is gone");
    let mut into = [0; 32];
    assert_eq!(rig.frontend.peek(id, &mut into), Ok(13));
    assert_eq!(rig.frontend.try_read(id, &mut into[..3]), Ok(3));
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(10));
    assert_eq!(&into[..10], b" too large");
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(0), "then its end");
    assert_eq!(
        rig.frontend.try_write(id, b"x", 0),
        Err(SocketError::Remote(Errno::EPIPE).into())
    );
}

#[test]
fn release_discards_unsent_bytes_so_it_waits_for_them() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, &[3; 4000], 0).expect("room");
    rig.frontend.close(id, None, 0).expect("good");
    let mut received = 0;
    while received < 4000 {
        nothing_asked(&mut rig);
        let stream = rig.backend.stream(id).expect("connected");
        received += stream.receive(1000).len();
        rig.deliver();
    }
    expect!(&mut rig, Call::Release { .. });
}

#[test]
fn a_full_in_ring_sleeps_until_told_also_while_nobody_writes() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = rig.backend.stream(id).expect("connected").port();
    let mut total = 0;
    let mut told = rig.platform.notifications(port);
    rig.backend.stream(id).expect("connected").send(&[0; 4096]);
    while total < 400_000 {
        rig.deliver();
        if let Ok(count) = rig.frontend.try_read(id, &mut [0; 1500]) {
            total += count;
            continue;
        }
        // About to block. The backend sends more only if it was told.
        rig.idle();
        let now = rig.platform.notifications(port);
        assert!(now > told, "asleep for ever after {total} bytes");
        told = now;
        rig.backend.stream(id).expect("connected").send(&[0; 4096]);
    }
}

#[test]
fn a_consumer_who_did_not_meet_a_full_ring_sends_no_event_into_the_wedge() {
    // On an unrepaired backend an event that finds the out ring empty masks the channel.
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = rig.backend.stream(id).expect("connected").port();
    rig.backend.stream(id).expect("connected").send(&[0; 1000]);
    rig.deliver();
    assert_eq!(rig.frontend.try_read(id, &mut [0; 4096]), Ok(1000));
    rig.idle();
    assert_eq!(rig.platform.notifications(port), 0);
}

#[test]
fn a_missed_announcement_is_mended_by_the_timer() {
    // The backend reads out_prod before its store of out_cons is out, and goes to sleep on bytes
    // it was not told of because it seemed busy.
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = rig.backend.stream(id).expect("connected").port();
    rig.frontend.try_write(id, b"first", 0).expect("room");
    rig.idle();
    rig.frontend.try_write(id, b"second", 0).expect("room");
    rig.idle();
    assert_eq!(rig.platform.notifications(port), 1, "it seems busy");
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(5), b"first");
    rig.deliver();
    let (_, waker) = crate::test_utils::CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Write, &waker)
        .expect("good");
    rig.advance(10_000_000);
    assert_eq!(rig.platform.notifications(port), 2);
}

#[test]
fn release_of_an_id_it_does_not_know_succeeds() {
    // After a failed CONNECT the id is unknown to Linux and known to others: RELEASE suits both.
    let mut rig = rig();
    let id = begin(&mut rig);
    let socket = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, socket, 0);
    let connect = expect!(&mut rig, Call::Connect { .. });
    answer!(&mut rig, connect, -111);
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}
