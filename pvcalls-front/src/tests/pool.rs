//! Rings that are used again: nothing is made anew, and nothing of the time before shows.

use alloc::vec::Vec;

use super::{assert_clean, rig};
use crate::platform::XenbusState;
use crate::test_utils::{Call, Rig, Word};
use crate::{Config, ConnectError, ConnectOptions, RingOrder, ShareError, SocketId, TryError};

const SECOND: u64 = 1_000_000_000;
/// The order that is pooled by default.
const ORDER: RingOrder = RingOrder::new(4).expect("in range");
const PAGES: usize = 17;

/// A small exchange.
#[track_caller]
fn talk(rig: &mut Rig, id: SocketId) {
    assert_eq!(
        rig.frontend.try_read(id, &mut [0; 9]),
        Err(TryError::WouldBlock)
    );
    rig.frontend
        .try_write(id, b"ping", rig.now_ns)
        .expect("room");
    rig.idle();
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(9), b"ping");
    stream.send(b"pong");
    rig.deliver();
    let mut into = [0; 9];
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(4));
    assert_eq!(&into[..4], b"pong");
}

fn close(rig: &mut Rig, id: SocketId) {
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    rig.settle();
}

#[test]
fn later_connections_make_no_page_no_grant_and_no_port() {
    for keeps in [false, true] {
        let mut rig = rig();
        if keeps {
            rig.backend.keep_rings();
        }
        let id = rig.connect(ORDER);
        talk(&mut rig, id);
        close(&mut rig, id);
        let made = rig.platform.made();
        for _ in 0..50 {
            let id = rig.connect(ORDER);
            talk(&mut rig, id);
            close(&mut rig, id);
        }
        assert_eq!(rig.platform.made(), made);
        assert_eq!(rig.frontend.stats().pooled_rings, 1);
        assert_clean(&rig);
    }
}

#[test]
fn the_backend_is_told_which_rings_come_again() {
    let mut rig = Rig::new(Config {
        pooled_rings: 2,
        ..Config::default()
    });
    let mut ids: Vec<SocketId> = (0..4).map(|_| rig.connect(ORDER)).collect();
    ids.push(rig.connect(RingOrder::MIN));
    for id in &ids {
        rig.frontend.close(*id, Some(0), 0).expect("good");
    }
    for (number, id) in ids.iter().enumerate() {
        let release = expect!(&mut rig, Call::Release { .. });
        assert_eq!(release.id, id.get());
        let reuse = u8::from(number < 2);
        assert_eq!(release.call, Call::Release { reuse }, "{number}");
        answer!(&mut rig, release, 0);
    }
    assert_eq!(rig.frontend.stats().pooled_pages, 2 * PAGES);
    assert_clean(&rig);
}

#[test]
fn nothing_of_the_time_before_shows() {
    for keeps in [false, true] {
        let mut rig = rig();
        if keeps {
            rig.backend.keep_rings();
        }
        let id = rig.connect(ORDER);
        rig.frontend.try_write(id, &[1; 5000], 0).expect("room");
        let stream = rig.backend.stream(id).expect("connected");
        stream.send(b"never read");
        stream.set_in_error(-107);
        stream.set_out_error(-32);
        rig.deliver();
        close(&mut rig, id);
        rig.backend.scribble_over_kept();
        let again = rig.connect(ORDER);
        talk(&mut rig, again);
        close(&mut rig, again);
        assert_eq!(rig.frontend.stats().pooled_rings, 1);
        assert_clean(&rig);
    }
}

#[test]
fn a_masked_port_is_open_again_and_an_old_event_does_no_harm() {
    let mut rig = rig();
    let id = rig.connect(ORDER);
    let port = rig.backend.stream(id).expect("connected").port();
    rig.frontend.close(id, Some(0), 0).expect("good");
    assert!(rig.platform.is_masked(port), "while it is released");
    rig.backend.stream(id).expect("connected").raise();
    rig.settle();
    let id = rig.connect(ORDER);
    assert_eq!(rig.backend.stream(id).expect("connected").port(), port);
    assert!(!rig.platform.is_masked(port));
    talk(&mut rig, id);
}

#[test]
fn a_ring_whose_backend_broke_the_rules_and_one_that_was_not_released_are_not_kept() {
    let mut rig = rig();
    let id = rig.connect(ORDER);
    rig.backend.stream(id).expect("connected").shift_in_prod(-1);
    rig.deliver();
    let release = expect!(&mut rig, Call::Release { reuse: 0 });
    answer!(&mut rig, release, 0);
    rig.frontend.close(id, None, 0).expect("good");
    assert_eq!(rig.frontend.stats().pooled_rings, 0);

    let id = rig.connect(ORDER);
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { reuse: 1 });
    rig.backend.unmap(id.get());
    answer!(&mut rig, release, -22);
    assert_eq!(rig.frontend.stats().pooled_rings, 0);
    assert_clean(&rig);
    // Its place is free again.
    for _ in 0..20 {
        let id = rig.connect(ORDER);
        close(&mut rig, id);
    }
    assert_eq!(rig.frontend.stats().pooled_rings, 1);
}

#[test]
fn a_ring_that_was_to_be_kept_and_was_not_leaves_its_place() {
    let mut rig = Rig::new(Config {
        pooled_rings: 1,
        ..Config::default()
    });
    let id = rig.connect(ORDER);
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { reuse: 1 });
    rig.backend.unmap(id.get());
    answer!(&mut rig, release, -22);
    let id = rig.connect(ORDER);
    close(&mut rig, id);
    assert_eq!(rig.frontend.stats().pooled_rings, 1);
}

#[test]
fn a_connect_that_failed_leaves_its_ring_too() {
    let mut rig = rig();
    let id = rig
        .frontend
        .connect(Rig::PEER, ConnectOptions::default(), 0)
        .expect("there are resources");
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Connect { .. });
    answer!(&mut rig, request, -111);
    let release = expect!(&mut rig, Call::Release { reuse: 1 });
    answer!(&mut rig, release, 0);
    rig.frontend.close(id, None, 0).expect("good");
    assert_eq!(rig.frontend.stats().pooled_rings, 1);
    let made = rig.platform.made();
    let id = rig.connect(ORDER);
    talk(&mut rig, id);
    assert_eq!(rig.platform.made(), made);
}

#[test]
fn a_device_that_breaks_keeps_no_pool() {
    for keeps in [false, true] {
        let mut rig = rig();
        if keeps {
            rig.backend.keep_rings();
        }
        let ids: Vec<SocketId> = (0..4).map(|_| rig.connect(ORDER)).collect();
        close(&mut rig, ids[0]);
        close(&mut rig, ids[1]);
        // One whose RELEASE is out, and one that is open.
        rig.frontend.close(ids[2], None, 0).expect("good");
        assert_eq!(rig.frontend.stats().pooled_rings, 2);
        rig.store.set_backend_state(XenbusState::Closed);
        rig.frontend.on_backend_state(XenbusState::Closed, 0);
        rig.backend.unbind();
        rig.advance(SECOND);
        assert_eq!(rig.frontend.stats().pooled_rings, 0);
        assert_eq!(rig.platform.shared_pages(), 1, "the command ring");
        rig.reconnect();
        rig.come_back();
        rig.frontend.close(ids[3], None, 0).expect("good");
        // As many places as ever.
        let ids: Vec<SocketId> = (0..20).map(|_| rig.connect(ORDER)).collect();
        for id in ids {
            close(&mut rig, id);
        }
        assert_eq!(rig.frontend.stats().pooled_rings, 16);
        assert_clean(&rig);
    }
}

#[test]
fn an_index_that_is_wrong_in_a_ring_used_again_is_a_fault_as_in_any() {
    let mut rig = rig();
    rig.backend.keep_rings();
    let id = rig.connect(ORDER);
    talk(&mut rig, id);
    close(&mut rig, id);
    let id = rig.connect(ORDER);
    let stream = rig.backend.stream(id).expect("connected");
    stream.strike_after_load(Word::InProd, &[(Word::InProd, 0x8000_0000)]);
    stream.raise();
    rig.deliver();
    rig.backend.stream(id).expect("connected").raise();
    rig.deliver();
    assert!(matches!(
        rig.frontend.try_read(id, &mut [0; 9]),
        Err(TryError::Failed(crate::SocketError::Ring(_)))
    ));
}

/// Pages of a ring that nobody asked for in a size, with so many pages free.
fn pages_of_a_ring(free: usize) -> usize {
    let mut rig = rig();
    let before = rig.platform.shared_pages();
    rig.platform.set_free_pages(free);
    let id = rig
        .frontend
        .connect(Rig::PEER, ConnectOptions::default(), 0);
    let pages = rig.platform.shared_pages() - before;
    rig.frontend
        .close(id.expect("room"), None, 0)
        .expect("good");
    rig.settle();
    // It is kept if it is at most an eighth.
    let kept = if pages <= free / 8 { pages } else { 0 };
    assert_eq!(rig.frontend.stats().pooled_pages, kept, "{free}");
    pages
}

#[test]
fn rings_are_as_large_as_memory_permits() {
    assert_eq!(pages_of_a_ring(1_000_000), 17, "what the backend takes");
    assert_eq!(pages_of_a_ring(16 * 128), 17);
    assert_eq!(pages_of_a_ring(16 * 128 - 1), 9);
    assert_eq!(pages_of_a_ring(2 * 128), 3);
    assert_eq!(pages_of_a_ring(10), 3, "the smallest there is");
}

#[test]
fn a_smaller_ring_is_better_than_none() {
    let mut rig = rig();
    let options = ConnectOptions::default();
    rig.platform.set_share_error(Some(ShareError::OutOfMemory));
    let none = rig.frontend.connect(Rig::PEER, options, 0);
    assert!(matches!(none, Err(ConnectError::Resources(_))));
    assert_clean(&rig);
}

/// Data pages of rings that are made one after the other, with so many pages free.
fn rings_while_memory_goes(free: &[usize]) -> Vec<usize> {
    let mut rig = rig();
    let ring = |free: &usize| {
        rig.platform.set_free_pages(*free);
        let before = rig.platform.shared_pages();
        let options = ConnectOptions::default();
        { rig.frontend.connect(Rig::PEER, options, 0) }.expect("room");
        rig.platform.shared_pages() - before - 1
    };
    free.iter().map(ring).collect()
}

#[test]
fn when_memory_is_half_gone_rings_are_small_so_that_there_can_be_many() {
    let rings = rings_while_memory_goes(&[2048, 1800, 1500, 1100, 10]);
    assert_eq!(rings, [16, 8, 4, 2, 2]);
    let rings = rings_while_memory_goes(&[32768, 16384, 8192, 5000, 500]);
    assert_eq!(rings, [16, 16, 8, 4, 2]);
}
