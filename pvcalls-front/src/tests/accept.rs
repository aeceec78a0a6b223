//! ACCEPT: connections in the order in which they come, errors that pass and errors that do not, and
//! listeners that are closed meanwhile.

use alloc::vec::Vec;

use super::passive::{
    SECOND, at, close, end, establish, id_of, listening, next_accept, rig_with, small, stream_of,
    take,
};
use super::{assert_clean, nothing_asked, rig};
use crate::features::Features;
use crate::test_utils::{Call, CountingWaker};
use crate::{Errno, Interest, SocketError, TryError};

#[test]
fn a_connection_is_a_stream_like_any_other() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    answer!(&mut rig, accept, 0);
    let stream = take(&mut rig, listener);
    assert_eq!(stream.get(), stream_of(&accept));
    assert_eq!(rig.frontend.try_connect(stream), Ok(()));
    let backend = rig.backend.stream(stream).expect("open");
    assert_eq!(backend.array_bytes(), 4096);
    backend.send(b"question");
    let mut into = [0; 16];
    assert_eq!(rig.frontend.try_read(stream, &mut into), Ok(8));
    assert_eq!(&into[..8], b"question");
    assert_eq!(rig.frontend.try_write(stream, b"answer", 0), Ok(6));
    rig.idle();
    let backend = rig.backend.stream(stream).expect("open");
    assert_eq!(backend.receive(16), b"answer");
    backend.close();
    assert_eq!(rig.frontend.try_read(stream, &mut into), Ok(0));
    // The next ACCEPT is out already.
    let another = next_accept(&mut rig, listener);
    close(&mut rig, stream);
    let release = expect!(&mut rig, Call::Release { .. });
    assert_eq!(release.id, stream.get());
    answer!(&mut rig, release, 0);
    end(&mut rig, listener, &[another]);
}

#[test]
fn bytes_that_come_before_the_answer_are_there() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    rig.backend.answer(&accept, 0);
    let id = id_of(&accept);
    rig.backend.stream(id).expect("open").send(b"hello");
    // The events come in the other order.
    let events: Vec<_> = core::iter::from_fn(|| rig.platform.next_event()).collect();
    for port in events.into_iter().rev() {
        rig.frontend.on_event(port, 0);
    }
    let stream = take(&mut rig, listener);
    assert_eq!(rig.frontend.try_read(stream, &mut [0; 9]), Ok(5));
}

#[test]
fn connections_are_taken_in_the_order_in_which_they_came() {
    let mut rig = rig_with(&["feature-multi-accept"]);
    let listener = listening(&mut rig, 80);
    let accepts: Vec<_> = (0..7).map(|_| next_accept(&mut rig, listener)).collect();
    nothing_asked(&mut rig);
    let order = [5, 0, 6, 3];
    for at in order {
        answer!(&mut rig, accepts[at], 0);
    }
    for at in order {
        let stream = take(&mut rig, listener);
        assert_eq!(stream.get(), stream_of(&accepts[at]));
    }
    let error = rig.frontend.try_accept(listener, 0);
    assert_eq!(error, Err(TryError::WouldBlock));
}

#[test]
fn one_accept_at_a_time_where_a_second_is_refused() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    for _ in 0..5 {
        let accept = next_accept(&mut rig, listener);
        nothing_asked(&mut rig);
        assert_eq!(rig.frontend.stats().accepts_out, 1);
        answer!(&mut rig, accept, 0);
    }
}

#[test]
fn all_listeners_share_the_slots_and_each_has_one() {
    let mut rig = rig_with(&["feature-multi-accept"]);
    let first = listening(&mut rig, 1);
    let stats = rig.frontend.stats();
    assert_eq!(stats.accepts_out, 7);
    assert_eq!(stats.accept_pages + 1, rig.platform.shared_pages());
    let mut accepts: Vec<_> = (0..7).map(|_| next_accept(&mut rig, first)).collect();
    let second = listening(&mut rig, 2);
    // Its own one, and no other.
    accepts.push(next_accept(&mut rig, second));
    nothing_asked(&mut rig);
    // What the first has too many goes to who comes next.
    answer!(&mut rig, accepts[0], 0);
    next_accept(&mut rig, first);
    answer!(&mut rig, accepts[7], 0);
    next_accept(&mut rig, second);
    for port in 3..=10 {
        let other = listening(&mut rig, port);
        next_accept(&mut rig, other);
        nothing_asked(&mut rig);
    }
    assert_eq!(rig.frontend.stats().accepts_out, 16);
    // There is room for a connect, and for a release.
    let stream = super::begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Connect { .. });
    answer!(&mut rig, request, 0);
    close(&mut rig, stream);
    expect!(&mut rig, Call::Release { .. });
}

#[test]
fn errors_of_one_connection_or_of_the_hosts_shortage_pass() {
    for number in [
        1, 4, 11, 12, 13, 14, 17, 23, 24, 71, 100, 101, 103, 105, 113, 125, 4095,
    ] {
        let mut rig = rig();
        let listener = listening(&mut rig, 80);
        let (woken, waker) = CountingWaker::pair();
        { rig.frontend.register(listener, Interest::Read, &waker) }.expect("good");
        let accept = next_accept(&mut rig, listener);
        answer!(&mut rig, accept, -number);
        // Not at once: what is short does not come back faster by asking.
        nothing_asked(&mut rig);
        assert_eq!(woken.count(), 0, "{number}");
        rig.advance(SECOND / 100);
        let again = next_accept(&mut rig, listener);
        assert_ne!(again.req_id, accept.req_id);
        answer!(&mut rig, again, 0);
        assert_eq!(woken.count(), 1);
        take(&mut rig, listener);
        next_accept(&mut rig, listener);
    }
}

#[test]
fn a_backend_that_never_accepts_is_asked_ever_more_rarely() {
    let mut rig = rig_with(&["feature-multi-accept"]);
    rig.platform.set_free_pages(4);
    let listener = listening(&mut rig, 80);
    let mut asked = 0;
    for _ in 0..60_000 {
        while let Some(request) = rig.backend.next_request() {
            assert_eq!(request.id, listener.get());
            asked += 1;
            answer!(&mut rig, request, -24);
        }
        rig.advance(SECOND / 1000);
    }
    assert!((55..80).contains(&asked), "{asked} times in a minute");
    rig.advance(SECOND);
    let accept = next_accept(&mut rig, listener);
    answer!(&mut rig, accept, 0);
    take(&mut rig, listener);
    next_accept(&mut rig, listener);
}

#[test]
fn errors_of_the_listener_fail_it_when_all_that_came_is_taken() {
    for number in [9, 22, 38, 88, 95, 524] {
        let mut rig = rig_with(&["feature-multi-accept"]);
        rig.platform.set_free_pages(160);
        let listener = listening(&mut rig, 80);
        let accepts: Vec<_> = (0..3).map(|_| next_accept(&mut rig, listener)).collect();
        answer!(&mut rig, accepts[0], 0);
        let (woken, waker) = CountingWaker::pair();
        { rig.frontend.register(listener, Interest::Read, &waker) }.expect("good");
        answer!(&mut rig, accepts[1], -number);
        assert!(woken.count() > 0);
        let stream = take(&mut rig, listener);
        let errno = Errno::new(number).expect("in range");
        let error: TryError = SocketError::Remote(errno).into();
        assert_eq!(rig.frontend.try_accept(listener, 0), Err(error));
        answer!(&mut rig, accepts[2], -number);
        let release = expect!(&mut rig, Call::Release { .. });
        nothing_asked(&mut rig);
        answer!(&mut rig, release, 0);
        assert_eq!(rig.frontend.try_accept(listener, 0), Err(error));
        close(&mut rig, listener);
        // The stream has nothing to do with it.
        assert_eq!(rig.frontend.try_write(stream, b"x", 0), Ok(1));
        assert_eq!(rig.backend.stream(stream).expect("open").receive(9), b"x");
        close(&mut rig, stream);
        rig.settle();
        assert_clean(&rig);
    }
}

#[test]
fn streams_that_nobody_took_end_with_their_listener() {
    let mut rig = rig_with(&["feature-multi-accept", "feature-cancel"]);
    rig.platform.set_free_pages(160);
    let listener = listening(&mut rig, 80);
    let accepts: Vec<_> = (0..3).map(|_| next_accept(&mut rig, listener)).collect();
    answer!(&mut rig, accepts[0], 0);
    answer!(&mut rig, accepts[1], 0);
    let taken = take(&mut rig, listener);
    let another = next_accept(&mut rig, listener);
    close(&mut rig, listener);
    let mut released = Vec::new();
    for _ in 0..2 {
        let release = expect!(&mut rig, Call::Release { .. });
        released.push(release.id);
        if release.id == listener.get() {
            answer!(&mut rig, accepts[2], -125);
            answer!(&mut rig, another, -125);
        }
        answer!(&mut rig, release, 0);
    }
    assert_eq!(released, [stream_of(&accepts[1]), listener.get()]);
    nothing_asked(&mut rig);
    assert_eq!(rig.frontend.stats().sockets, 1);
    assert_eq!(rig.frontend.stats().slots_lost, 0);
    close(&mut rig, taken);
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn who_waits_for_a_connection_learns_that_the_listener_is_closed() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    let wakers: Vec<_> = (0..5).map(|_| CountingWaker::pair()).collect();
    for (_, waker) in &wakers {
        { rig.frontend.register(listener, Interest::Read, waker) }.expect("good");
    }
    close(&mut rig, listener);
    assert!(wakers.iter().all(|(count, _)| count.count() == 1));
    let error = rig.frontend.try_accept(listener, 0);
    assert_eq!(error, Err(SocketError::NoSuchSocket.into()));
}

#[test]
fn every_stream_wakes_all_who_wait() {
    let mut rig = rig_with(&["feature-multi-accept"]);
    let listener = listening(&mut rig, 80);
    let mut accepts: Vec<_> = (0..7).map(|_| next_accept(&mut rig, listener)).collect();
    // Any number of tasks: each tries, registers, and sleeps until it is woken.
    let tasks: Vec<_> = (0..6).map(|_| CountingWaker::pair()).collect();
    let mut seen: Vec<u64> = tasks.iter().map(|_| u64::MAX).collect();
    let (mut came, mut taken) = (0, 0);
    for _ in 0..5 {
        // Two come between two looks.
        for accept in accepts.drain(..2.min(accepts.len())) {
            rig.backend.answer(&accept, 0);
            came += 1;
        }
        rig.deliver();
        for ((count, waker), seen) in tasks.iter().zip(&mut seen) {
            if count.count() == *seen {
                continue;
            }
            *seen = count.count();
            // It serves one connection for long, and does not try again.
            match rig.frontend.try_accept(listener, 0) {
                Ok(_) => taken += 1,
                Err(error) => assert_eq!(error, TryError::WouldBlock),
            }
            { rig.frontend.register(listener, Interest::Read, waker) }.expect("good");
        }
    }
    assert_eq!((taken, came), (7, 7), "none is left while somebody sleeps");
}

#[test]
fn names_of_a_stream_are_what_the_backend_tells_or_the_guest_knows() {
    let unknown = Err(SocketError::Unsupported(Features::NAMES));
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    answer!(&mut rig, accept, 0);
    let stream = take(&mut rig, listener);
    assert_eq!(rig.frontend.local_addr(stream), Ok(at(80)));
    assert_eq!(rig.frontend.peer_addr(stream), unknown);
    // All interfaces: it could be any.
    let any = "0.0.0.0:81".parse().expect("an address");
    let listener = rig.frontend.listen(any, small(), 0).expect("known");
    rig.settle();
    rig.backend.accept(listener).expect("it accepts");
    rig.deliver();
    let stream = take(&mut rig, listener);
    assert_eq!(rig.frontend.local_addr(listener), Ok(any));
    assert_eq!(rig.frontend.local_addr(stream), unknown);

    let mut rig = rig_with(&["feature-names"]);
    let listener = rig.frontend.listen(any, small(), 0).expect("known");
    establish(&mut rig, listener);
    let accept = next_accept(&mut rig, listener);
    let peer = "198.51.100.9:40000".parse().expect("an address");
    rig.backend.answer_named(&accept, Some(at(81)), Some(peer));
    rig.deliver();
    let stream = take(&mut rig, listener);
    assert_eq!(rig.frontend.local_addr(stream), Ok(at(81)));
    assert_eq!(rig.frontend.peer_addr(stream), Ok(peer));
}

#[test]
fn an_accept_that_has_not_left_is_taken_back_with_its_listener() {
    let mut rig = rig_with(&["feature-cancel"]);
    // Connects that wait take the room of what may wait.
    let connects: Vec<_> = (0..21).map(|_| super::begin(&mut rig)).collect();
    let mut waiting = Vec::new();
    for _ in 0..60 {
        while let Some(request) = rig.backend.next_request() {
            match request.call {
                Call::Connect { .. } => waiting.push(request),
                _ => answer!(&mut rig, request, 0),
            }
        }
    }
    assert_eq!(waiting.len(), 20);
    let listener = listening(&mut rig, 80);
    nothing_asked(&mut rig);
    assert_eq!(rig.frontend.stats().accepts_out, 1, "it waits for a slot");
    close(&mut rig, listener);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    answer!(&mut rig, waiting[0], -111);
    for id in connects {
        close(&mut rig, id);
    }
    rig.settle();
    for request in &waiting[1..] {
        answer!(&mut rig, request, -125);
    }
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn an_accept_goes_before_connects_that_wait() {
    let mut rig = rig_with(&["feature-cancel"]);
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    for _ in 0..30 {
        super::begin(&mut rig);
    }
    for _ in 0..60 {
        while let Some(request) = rig.backend.next_request() {
            if !matches!(request.call, Call::Connect { .. }) {
                answer!(&mut rig, request, 0);
            }
        }
    }
    answer!(&mut rig, accept, 0);
    next_accept(&mut rig, listener);
}
