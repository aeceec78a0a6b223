//! BIND, LISTEN, ACCEPT, POLL, and the end of a listener.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use pvcalls_back::sessions::Ending;
use pvcalls_back::testbed::{Bed, RawFront, RawStream, request};

use crate::{PLAIN, bed, pair, ret};

/// An ACCEPT that waits: its number and its ring.
fn park(front: &mut RawFront, id: u64, id_new: u64) -> (u32, RawStream) {
    let stream = front.stream(1);
    let accept = request::accept(id, id_new, stream.indexes(), stream.port());
    (front.submit(accept), stream)
}

fn connect(at: SocketAddr) -> TcpStream {
    TcpStream::connect(at).unwrap()
}

#[test]
fn connections_go_to_the_oldest_accept() {
    let (mut bed, mut front) = bed(PLAIN);
    let at = bed.listen(&mut front, 1);
    let mut parked: Vec<_> = (10..20).map(|id| park(&mut front, 1, id)).collect();
    bed.settle();
    assert!(front.next_answer().is_none());
    let mut peers = Vec::new();
    for (number, (call, _)) in parked.iter().enumerate() {
        let mut peer = connect(at);
        peer.write_all(&[number as u8; 5]).unwrap();
        assert_eq!(bed.answer(&mut front, *call).ret(), 0);
        assert!(front.next_answer().is_none(), "one at a time");
        peers.push(peer);
    }
    for (number, (_, stream)) in parked.iter_mut().enumerate() {
        bed.until(|_| stream.unread() == 5);
        assert_eq!(stream.read(5), [number as u8; 5]);
        stream.write(&[number as u8; 3]);
        bed.settle();
        let mut bytes = [0; 3];
        peers[number].read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [number as u8; 3]);
    }
    assert_eq!(bed.counters(front.device()).accepted.get(), 10);
    bed.end(&front, Ending::Linger);
}

#[test]
fn connections_wait_for_accepts() {
    let (mut bed, mut front) = bed(PLAIN);
    let at = bed.listen(&mut front, 1);
    let peers: Vec<_> = (0..5).map(|_| connect(at)).collect();
    bed.settle();
    for id in 10..15 {
        let (call, _) = park(&mut front, 1, id);
        assert_eq!(bed.answer(&mut front, call).ret(), 0);
    }
    drop(peers);
    let (call, _) = park(&mut front, 1, 20);
    bed.settle();
    assert!(front.answer_to(call).is_none());
}

#[test]
fn polls_tell_of_a_connection_and_leave_it() {
    let (mut bed, mut front) = bed(PLAIN);
    let at = bed.listen(&mut front, 1);
    let polls = [0; 3].map(|_| front.submit(request::poll(1)));
    bed.settle();
    assert!(front.next_answer().is_none());
    let _peer = connect(at);
    for poll in polls {
        assert_eq!(bed.answer(&mut front, poll).ret(), 0);
    }
    // Still there: at once.
    bed.ok(&mut front, request::poll(1));
    let (call, _stream) = park(&mut front, 1, 2);
    assert_eq!(bed.answer(&mut front, call).ret(), 0);
    // Now it is gone.
    let poll = front.submit(request::poll(1));
    bed.settle();
    assert!(front.answer_to(poll).is_none());
    let _peer = connect(at);
    assert_eq!(bed.answer(&mut front, poll).ret(), 0);
}

#[test]
fn an_accept_goes_before_a_poll() {
    let (mut bed, mut front) = bed(PLAIN);
    let at = bed.listen(&mut front, 1);
    let poll = front.submit(request::poll(1));
    let (accept, _stream) = park(&mut front, 1, 2);
    bed.settle();
    let _first = connect(at);
    assert_eq!(bed.answer(&mut front, accept).ret(), 0);
    bed.settle();
    assert!(front.answer_to(poll).is_none());
    let _second = connect(at);
    assert_eq!(bed.answer(&mut front, poll).ret(), 0);
}

#[test]
fn the_end_of_a_listener_answers_all_that_waits() {
    let (mut bed, mut front) = bed(PLAIN);
    let at = bed.listen(&mut front, 1);
    let accepts: Vec<_> = (10..20).map(|id| park(&mut front, 1, id).0).collect();
    let polls: Vec<_> = (0..10).map(|_| front.submit(request::poll(1))).collect();
    bed.settle();
    let counters = bed.counters(front.device());
    assert_eq!(counters.mapped_pages.get(), 1 + 30);
    let release = front.submit(request::release(1, false));
    bed.settle();
    let mut answers = Vec::new();
    while let Some(answer) = front.next_answer() {
        answers.push(answer);
    }
    let last = answers.pop().unwrap();
    assert_eq!((last.req_id(), last.ret()), (release, 0));
    assert_eq!(answers.len(), 20);
    assert!(answers.iter().all(|one| one.ret() == ret::ECANCELED));
    let mut ids: Vec<_> = answers.iter().map(|one| one.req_id()).collect();
    ids.sort_unstable();
    let mut expected = [accepts, polls].concat();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(counters.mapped_pages.get(), 1);
    assert!(TcpStream::connect(at).is_err());
    // The promised ids are free again, and so is the address.
    for id in 10..20 {
        bed.ok(&mut front, request::socket(id));
    }
    bed.ok(&mut front, request::bind(10, at));
    bed.ok(&mut front, request::listen(10, 1));
    bed.end(&front, Ending::Now);
}

/// As many waiting requests as the ring has slots hold up this frontend only.
#[test]
fn a_ring_full_of_accepts_is_the_guests_own_loss() {
    let (mut bed, mut front) = bed(PLAIN);
    let at = bed.listen(&mut front, 1);
    let parked: Vec<_> = (10..42).map(|id| park(&mut front, 1, id)).collect();
    bed.settle();
    assert_eq!(front.outstanding(), 32);
    let mut other = bed.serve(2, PLAIN, pvcalls_back::testbed::open_settings());
    drop(pair(&mut bed, &mut other, 1, 1));
    let _peer = connect(at);
    assert_eq!(bed.answer(&mut front, parked[0].0).ret(), 0);
    bed.ok(&mut front, request::release(1, false));
    bed.close_and_wait(front.device(), Ending::Linger);
    bed.end(&other, Ending::Now);
}

#[test]
fn an_address_can_be_bound_again_at_once() {
    let (mut bed, mut front) = bed(PLAIN);
    let at = bed.listen(&mut front, 1);
    let (call, _stream) = park(&mut front, 1, 2);
    let peer = connect(at);
    assert_eq!(bed.answer(&mut front, call).ret(), 0);
    // This side closes first and has the address in TIME_WAIT.
    bed.ok(&mut front, request::release(2, false));
    bed.settle();
    drop(peer);
    bed.ok(&mut front, request::release(1, false));
    bed.settle();
    bed.ok(&mut front, request::socket(3));
    bed.ok(&mut front, request::bind(3, at));
    bed.ok(&mut front, request::listen(3, 1));
    // Not while somebody listens there.
    bed.ok(&mut front, request::socket(4));
    let taken = bed.ask(&mut front, request::bind(4, at));
    assert_eq!(taken.ret(), ret::EADDRINUSE);
}

#[test]
fn steps_in_another_order_are_refused() {
    let (mut bed, mut front) = bed(PLAIN);
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let inval = |bed: &mut Bed, front: &mut RawFront, slot| {
        assert_eq!(bed.ask(front, slot).ret(), ret::EINVAL);
    };
    bed.ok(&mut front, request::socket(1));
    let stream = front.stream(1);
    let (indexes, port) = (stream.indexes(), stream.port());
    // A port that nobody chose and the policy never saw.
    inval(&mut bed, &mut front, request::listen(1, 1));
    inval(&mut bed, &mut front, request::poll(1));
    inval(&mut bed, &mut front, request::accept(1, 2, indexes, port));
    bed.ok(&mut front, request::bind(1, free));
    inval(&mut bed, &mut front, request::bind(1, free));
    inval(&mut bed, &mut front, request::accept(1, 2, indexes, port));
    bed.ok(&mut front, request::listen(1, u32::MAX));
    // Once more changes the backlog.
    bed.ok(&mut front, request::listen(1, 0));
    inval(
        &mut bed,
        &mut front,
        request::connect(1, free, indexes, port),
    );
    let bad = bed.ask(&mut front, request::accept(1, 1, indexes, port));
    assert_eq!(bad.ret(), ret::EEXIST);
    let bad = bed.ask(&mut front, request::accept(1, 2, 0, port));
    assert_eq!(bad.ret(), ret::EFAULT);
    // That id was not used up.
    let (_, _stream) = park(&mut front, 1, 2);
    bed.settle();
    let (call, _) = park(&mut front, 1, 2);
    assert_eq!(bed.answer(&mut front, call).ret(), ret::EEXIST);
    let promised = bed.ask(&mut front, request::release(2, false));
    assert_eq!(promised.ret(), ret::EBADF);
    let (stream, _peer) = pair(&mut bed, &mut front, 9, 1);
    for slot in [
        request::listen(9, 1),
        request::bind(9, free),
        request::poll(9),
    ] {
        inval(&mut bed, &mut front, slot);
    }
    drop(stream);
    bed.end(&front, Ending::Linger);
}

/// A guest's own connection to its own listener.
#[test]
fn a_guest_talks_to_itself() {
    let (mut bed, mut front) = bed(PLAIN);
    let at = bed.listen(&mut front, 1);
    let (call, mut here) = park(&mut front, 1, 2);
    let mut there = bed.connect(&mut front, 3, at, 2);
    assert_eq!(bed.answer(&mut front, call).ret(), 0);
    there.write(b"to myself");
    bed.until(|_| here.unread() == 9);
    assert_eq!(here.read(100), b"to myself");
    bed.ok(&mut front, request::release(3, false));
    bed.until(|_| here.in_error() == ret::ENOTCONN);
    bed.end(&front, Ending::Linger);
}
