//! A backend that writes nonsense into the ring of a datagram socket.

use alloc::vec::Vec;

use super::{bound, close_clean, ring, whole};
use crate::test_utils::{Call, CountingWaker, FakeStream, Rig, Word, frame};
use crate::tests::assert_clean;
use crate::wire::{NAME_BYTES, encode_name};
use crate::{Errno, Interest, RingFault, RingOrder, SocketError, TryError};

fn sender() -> [u8; NAME_BYTES] {
    encode_name(Some(&Rig::PEER))
}

/// Does something bad to one of two sockets: that one fails, the other does not notice.
#[track_caller]
fn violates(fault: RingFault, bad: impl Fn(&FakeStream)) {
    for consume in [true, false] {
        let (mut rig, id) = bound();
        let other = rig.bind(RingOrder::MIN);
        bad(ring(&rig, id));
        let mut into = [0; 5000];
        let error = SocketError::Ring(fault);
        let received = rig.frontend.try_receive_from(id, &mut into, consume);
        assert_eq!(received, Err(error.into()));
        let again = rig.frontend.try_receive_from(id, &mut into, consume);
        assert_eq!(again, Err(error.into()), "it stays");
        let sent = rig.frontend.try_send_to(id, b"x", Some(Rig::PEER), 0);
        assert_eq!(sent, Err(error.into()));
        let release = expect!(&mut rig, Call::Release { reuse: 0 });
        assert_eq!(release.id, id.get());
        answer!(&mut rig, release, 0);
        rig.frontend.close(id, None, 0).expect("good");
        ring(&rig, other).send_datagram(Rig::PEER, b"fine");
        let received = rig.frontend.try_receive_from(other, &mut into, true);
        assert_eq!(received, Ok(whole(4)));
        close_clean(rig, other);
    }
}

#[test]
fn a_payload_longer_than_datagrams_are() {
    for len in [65508, 1 << 20, u32::MAX - 40, u32::MAX - 7, u32::MAX] {
        violates(RingFault::Frame, |ring| {
            ring.send_frame(&frame(len, 0, &sender(), &[0; 4064]));
        });
    }
}

#[test]
fn a_payload_beyond_what_in_prod_promises() {
    for len in [9, 16, 4064, 65507] {
        violates(RingFault::Frame, |ring| {
            ring.send_frame(&frame(len, 0, &sender(), &[0; 8]));
        });
    }
}

#[test]
fn in_prod_in_the_middle_of_a_frame() {
    for len in [1, 8, 31] {
        violates(RingFault::Frame, |ring| {
            ring.send(&frame(0, 0, &sender(), &[])[..len]);
        });
    }
    // The payload of another frame would be read as a header.
    for len in [33, 39, 100] {
        violates(RingFault::Frame, |ring| {
            ring.send(&frame(96, 0, &sender(), &[0; 96])[..len]);
        });
    }
}

#[test]
fn in_prod_out_of_its_window() {
    violates(RingFault::InProd, |ring| ring.shift_in_prod(-8));
    violates(RingFault::InProd, |ring| ring.shift_in_prod(4104));
    violates(RingFault::InProd, |ring| ring.shift_in_prod(i32::MIN));
}

#[test]
fn in_prod_that_ends_a_good_frame_with_a_piece_of_another() {
    let (mut rig, id) = bound();
    let mut bytes = frame(5, 0, &sender(), b"whole");
    bytes.extend_from_slice(&[0; 8]);
    ring(&rig, id).send(&bytes);
    let mut into = [0; 9];
    let received = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!((received, &into[..5]), (Ok(whole(5)), &b"whole"[..]));
    let error = SocketError::Ring(RingFault::Frame).into();
    let received = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!(received, Err(error));
    rig.settle();
    close_clean(rig, id);
}

/// The length changes after it was looked at: the frame was checked and copied by one look, and where
/// the next one begins was said by the same.
#[test]
fn a_header_that_changes_is_read_once_for_each_attempt() {
    let (mut rig, id) = bound();
    ring(&rig, id).send_datagram(Rig::PEER, b"steady");
    let looked = rig.frontend.try_receive_from(id, &mut [0; 64], false);
    assert_eq!(looked, Ok(whole(6)));
    ring(&rig, id).overwrite_in(0, &60000_u32.to_le_bytes());
    let error = SocketError::Ring(RingFault::Frame).into();
    let received = rig.frontend.try_receive_from(id, &mut [0; 64], true);
    assert_eq!(received, Err(error));
    rig.settle();
    close_clean(rig, id);
}

#[test]
fn senders_that_make_no_sense_are_passed_over_and_counted() {
    let (mut rig, id) = bound();
    let mut ours = sender();
    for family in [0_u16, 1, 3, 9, 11, 0x0200, 0x0a00, u16::MAX] {
        ours[..2].copy_from_slice(&family.to_le_bytes());
        ring(&rig, id).send_frame(&frame(4, 0, &ours, b"odd!"));
    }
    ring(&rig, id).send_datagram(Rig::PEER, b"good");
    let mut into = [0; 9];
    let peeked = rig.frontend.try_receive_from(id, &mut into, false);
    assert_eq!((peeked, &into[..4]), (Ok(whole(4)), &b"good"[..]));
    let received = rig.frontend.try_receive_from(id, &mut into, true);
    assert_eq!(received, Ok(whole(4)));
    assert_eq!(rig.frontend.stats().nameless_datagrams, 8);
    close_clean(rig, id);
}

/// More of them than one attempt passes over: the waiter is woken to go on, and nothing is lost.
#[test]
fn a_flood_of_nobodys_datagrams_gives_others_their_turn() {
    let mut rig = super::rig();
    let id = rig.bind(RingOrder::new(4).expect("in range"));
    for _ in 0..600 {
        assert!(ring(&rig, id).send_frame(&frame(0, 0, &[0; NAME_BYTES], &[])));
    }
    ring(&rig, id).send_datagram(Rig::PEER, b"last");
    let (woken, waker) = CountingWaker::pair();
    let mut turns = 0;
    let received = loop {
        match rig.frontend.try_receive_from(id, &mut [0; 9], true) {
            Err(TryError::WouldBlock) => {
                rig.frontend
                    .register(id, Interest::Read, &waker)
                    .expect("good");
                turns += 1;
                assert_eq!(woken.count(), turns, "woken at once");
            }
            other => break other,
        }
    };
    assert_eq!(received, Ok(whole(4)));
    assert_eq!(turns, 2);
    close_clean(rig, id);
}

#[test]
fn an_error_in_the_ring_ends_the_socket() {
    let (mut rig, id) = bound();
    let (woken, waker) = CountingWaker::pair();
    for interest in [Interest::Read, Interest::Write] {
        rig.frontend.register(id, interest, &waker).expect("good");
    }
    ring(&rig, id).set_out_error(-22);
    rig.deliver();
    assert_eq!(woken.count(), 2);
    let error = SocketError::Remote(Errno::EINVAL).into();
    let sent = rig.frontend.try_send_to(id, b"x", Some(Rig::PEER), 0);
    assert_eq!(sent, Err(error));
    let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
    assert_eq!(received, Err(error));
    rig.settle();
    close_clean(rig, id);
}

#[test]
fn an_end_of_datagrams_is_an_error_after_those_that_came() {
    let (mut rig, id) = bound();
    ring(&rig, id).send_datagram(Rig::PEER, b"x");
    ring(&rig, id).close();
    rig.deliver();
    let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
    assert_eq!(received, Ok(whole(1)));
    let error = SocketError::Remote(Errno::ENOTCONN).into();
    for _ in 0..2 {
        let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
        assert_eq!(received, Err(error));
    }
    close_clean(rig, id);
}

#[test]
fn words_of_ours_that_it_scribbles_over_mean_nothing() {
    let (mut rig, id) = bound();
    ring(&rig, id).scribble();
    // What it says next must be right again, by its own words.
    ring(&rig, id).overwrite_in(0, &frame(3, 0, &sender(), b"abc"));
    ring(&rig, id).shift_in_prod(40);
    let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
    assert_eq!(received, Ok(whole(3)));
    let sent = rig.frontend.try_send_to(id, b"x", Some(Rig::PEER), 0);
    assert_eq!(sent, Ok(()));
    assert_eq!(rig.frontend.fault(), None);
    close_clean(rig, id);
}

#[test]
fn a_storm_of_events_is_masked() {
    let (mut rig, id) = bound();
    let port = ring(&rig, id).port();
    for _ in 0..200 {
        ring(&rig, id).raise();
        rig.deliver();
    }
    assert!(rig.platform.is_masked(port));
    assert!(rig.frontend.stats().ports_masked >= 1);
    // What comes meanwhile is seen when the mask goes.
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    ring(&rig, id).send_datagram(Rig::PEER, b"x");
    rig.deliver();
    rig.advance(super::SECOND);
    assert_eq!(woken.count(), 1);
    close_clean(rig, id);
}

#[test]
fn an_index_that_jumps_between_two_looks_is_believed_once() {
    let (mut rig, id) = bound();
    ring(&rig, id).send_datagram(Rig::PEER, b"x");
    // Back to before the frame, after it was seen.
    ring(&rig, id).strike_after_load(Word::InProd, &[(Word::InProd, 0)]);
    let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
    assert_eq!(received, Ok(whole(1)));
    let error = SocketError::Ring(RingFault::InProd).into();
    let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
    assert_eq!(received, Err(error));
    rig.settle();
    close_clean(rig, id);
}

#[test]
fn rubbish_while_draining_ends_the_socket() {
    let (mut rig, id) = bound();
    let sent = rig.frontend.try_send_to(id, b"bye", Some(Rig::PEER), 0);
    assert_eq!(sent, Ok(()));
    rig.frontend.close(id, None, 0).expect("good");
    let rubbish: Vec<u8> = (0..255).collect();
    ring(&rig, id).send(&rubbish);
    rig.deliver();
    assert_eq!(rig.frontend.draining(), 1, "nobody reads it");
    ring(&rig, id).shift_out_cons(-8);
    rig.deliver();
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}
