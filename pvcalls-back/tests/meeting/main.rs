//! Our frontend's driver and our backend, with threads, in one process: pages are memory files,
//! event channels are eventfds, sockets are this machine's. Two readings of one protocol.

mod datagrams;
mod device;
mod extensions;
mod listeners;
mod operations;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use device::Meeting;
use pvcalls_front::test_utils::CountingWaker;
use pvcalls_front::{Errno, Interest, SocketError, TryError};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

fn data(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// A server that sends back what it gets, a thread per connection.
fn echo() -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    std::thread::spawn(move || {
        for peer in server.incoming() {
            let mut peer = peer.unwrap();
            std::thread::spawn(move || {
                let mut bytes = [0; 10_000];
                while let Ok(count @ 1..) = peer.read(&mut bytes) {
                    if peer.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    at
}

fn echo_bulk(extended: bool) {
    let mut meeting = Meeting::new(extended);
    let at = echo();
    for (order, len, piece) in [
        (1, 1 << 20, 1000),
        (4, 4 << 20, 65_537),
        (9, 8 << 20, 1 << 20),
    ] {
        let id = meeting.connect(at, order);
        let all = data(order.into(), len);
        let (mut written, mut got) = (0, Vec::new());
        meeting.until("the echo", |meeting| {
            // As long as something moves there is no reason to sleep.
            for _ in 0..1000 {
                let rest = &all[written..];
                let count = meeting.write(id, &rest[..rest.len().min(piece)]);
                written += count;
                let bytes = meeting.read(id, piece).expect("no end yet");
                got.extend_from_slice(&bytes);
                if count == 0 && bytes.is_empty() {
                    break;
                }
            }
            got.len() == all.len()
        });
        assert!(got == all);
        meeting.close(id);
    }
    meeting.end();
}

#[test]
fn megabytes_come_back() {
    echo_bulk(false);
}

#[test]
fn megabytes_come_back_with_extensions() {
    echo_bulk(true);
}

/// A thread that sleeps until it is woken, as a guest's does: bulk that comes back in pieces of all
/// sizes. A wake-up that gets lost costs more than a second here, or all patience.
#[test]
fn sleepers_are_woken() {
    for order in [1, 4] {
        let mut meeting = Meeting::new(true);
        let at = echo();
        let id = meeting.connect(at, order);
        let mut slow = 0;
        for round in 0..500_u64 {
            let len = if round % 50 == 0 {
                200_000
            } else {
                round * 37 % 9000
            };
            let all = data(round, 1 + usize::try_from(len).unwrap());
            let (mut written, mut got) = (0, Vec::new());
            let start = Instant::now();
            while got.len() < all.len() {
                written += meeting.write(id, &all[written..]);
                let bytes = meeting.read(id, 5000).expect("no end yet");
                got.extend_from_slice(&bytes);
                if bytes.is_empty() {
                    let room = written < all.len();
                    let also = room.then_some(Interest::Write);
                    meeting.sleep(id, [Interest::Read].into_iter().chain(also));
                }
            }
            assert!(got == all);
            slow += u32::from(start.elapsed() > Duration::from_millis(900));
        }
        assert!(slow <= 2, "{slow} round trips took as long as a timer");
        meeting.close(id);
        meeting.end();
    }
}

/// One that only writes, and one that only reads, on the same stream: a peer that takes and gives
/// a little at a time.
#[test]
fn a_writer_and_a_reader_of_one_stream_are_woken() {
    let mut meeting = Meeting::new(true);
    let at = echo();
    for order in [1, 2, 4] {
        let id = meeting.connect(at, order);
        let all = data(9, 1 << 20);
        let (mut written, mut got) = (0, Vec::new());
        let start = Instant::now();
        let mut wakers: [Option<Arc<CountingWaker>>; 2] = [None, None];
        while got.len() < all.len() {
            let asleep = |waker: &Option<Arc<CountingWaker>>| {
                waker.as_ref().is_some_and(|waker| waker.count() == 0)
            };
            if !asleep(&wakers[0]) && written < all.len() {
                let count = meeting.write(id, &all[written..all.len().min(written + 3000)]);
                written += count;
                wakers[0] = (count == 0).then(|| meeting.register(id, Interest::Write));
            }
            if !asleep(&wakers[1]) {
                let bytes = meeting.read(id, 3000).expect("no end yet");
                got.extend_from_slice(&bytes);
                wakers[1] = bytes
                    .is_empty()
                    .then(|| meeting.register(id, Interest::Read));
            }
            let writes = written < all.len() && !asleep(&wakers[0]);
            if !writes && asleep(&wakers[1]) {
                meeting.idle_until_something();
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{written} and {} of {}",
                got.len(),
                all.len()
            );
        }
        assert!(got == all);
        meeting.close(id);
    }
    meeting.end();
}

#[test]
fn many_sockets_one_after_the_other_and_at_once() {
    for extended in [false, true] {
        let mut meeting = Meeting::new(extended);
        let at = echo();
        for round in 0..60 {
            let id = meeting.connect(at, 4);
            assert_eq!(meeting.write(id, b"hello"), 5);
            meeting.until("an answer", |meeting| {
                meeting.read(id, 10).expect("no end yet") == b"hello"
            });
            meeting.close(id);
            assert!(round < 60);
        }
        let all: Vec<_> = (0..100).map(|_| meeting.begin(at, 1)).collect();
        for &id in &all {
            meeting.until("a connection", |meeting| {
                meeting.frontend.try_connect(id).is_ok()
            });
            assert_eq!(meeting.write(id, &data(1, 3000)), 3000);
        }
        for &id in &all {
            let mut got = Vec::new();
            meeting.until("an answer", |meeting| {
                got.extend(meeting.read(id, 5000).expect("no end yet"));
                got.len() == 3000
            });
            assert!(got == data(1, 3000));
            meeting.close(id);
        }
        meeting.end();
    }
}

#[test]
fn a_refusal_has_its_reason() {
    let mut meeting = Meeting::new(true);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = closed.local_addr().unwrap();
    drop(closed);
    let id = meeting.begin(at, 1);
    let mut reason = None;
    meeting.until("a refusal", |meeting| {
        match meeting.frontend.try_connect(id) {
            Err(TryError::Failed(error)) => reason = Some(error),
            other => assert_eq!(other, Err(TryError::WouldBlock)),
        }
        reason.is_some()
    });
    let errno = reason.as_ref().map(SocketError::errno);
    assert_eq!(errno, Some(Errno::ECONNREFUSED));
    meeting.close(id);
}
