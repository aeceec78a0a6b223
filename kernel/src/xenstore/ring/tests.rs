//! The page with a server that writes what it likes: each go ends, in bounded memory, and the
//! first thing that cannot be ends the connection.

use ::xenstore::request::Read;
use ::xenstore::test_utils::{Server, message};
use ::xenstore::{Path, Pending, ProtocolError, TransactionId, WatchEvent, WatchToken};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A page, and our end of it.
struct Bed {
    ring: Ring,
    client: Client,
    peer: Peer,
}

/// The server's end.
struct Peer {
    /// Another look at the page.
    view: Ring,
    req_cons: u32,
    rsp_prod: u32,
}

impl Peer {
    /// Puts bytes into the response ring, as many as there is room for. How many.
    fn respond(&mut self, bytes: &[u8]) -> usize {
        let cons = self.view.rsp_cons_field().load(Ordering::Acquire);
        let room = CAPACITY.bytes() - self.rsp_prod.wrapping_sub(cons) as usize;
        let count = room.min(bytes.len());
        for &byte in &bytes[..count] {
            let offset = self.rsp_prod as usize % CAPACITY.bytes();
            // SAFETY: the offset lies within the array, and there is one thread.
            unsafe {
                (&raw mut (*self.view.page).rsp)
                    .cast::<u8>()
                    .add(offset)
                    .write_volatile(byte);
            }
            self.rsp_prod = self.rsp_prod.wrapping_add(1);
        }
        self.view.rsp_prod().store(self.rsp_prod, Ordering::Release);
        count
    }

    /// Takes what is in the request ring.
    fn requests(&mut self) -> Vec<u8> {
        let prod = self.view.req_prod_field().load(Ordering::Acquire);
        let mut bytes = Vec::new();
        while self.req_cons != prod {
            let offset = self.req_cons as usize % CAPACITY.bytes();
            // SAFETY: the offset lies within the array, and there is one thread.
            bytes.push(unsafe {
                (&raw const (*self.view.page).req)
                    .cast::<u8>()
                    .add(offset)
                    .read_volatile()
            });
            self.req_cons = self.req_cons.wrapping_add(1);
        }
        self.view.req_cons().store(self.req_cons, Ordering::Release);
        bytes
    }
}

impl Bed {
    /// Begins with both rings at this index.
    fn new(index: u32) -> Bed {
        let page: &'static mut [u64; 512] = Box::leak(Box::new([0; 512]));
        // SAFETY: it is a page, aligned for its fields, and leaked to this ring. The server's view
        // touches it as a server does.
        let mut ring = unsafe { Ring::new(page.as_mut_ptr().cast()) };
        for field in [
            ring.req_cons(),
            ring.rsp_prod(),
            ring.req_prod_field(),
            ring.rsp_cons_field(),
        ] {
            field.store(index, Ordering::Relaxed);
        }
        ring.req_prod = index;
        ring.rsp_cons = index;
        let view = Ring { ..ring };
        Bed {
            ring,
            client: Client::new(),
            peer: Peer {
                view,
                req_cons: index,
                rsp_prod: index,
            },
        }
    }

    fn pump(&mut self) -> Pumped {
        self.ring.pump(&mut self.client, |_| {}, || {})
    }

    /// Asks for the value of a node.
    fn read(&mut self) -> Pending<Vec<u8>> {
        let path = Path::new("name").expect("a path");
        let pending = self.client.submit(&Read(path), TransactionId::NONE);
        pending.expect("there is room")
    }

    fn watch(&mut self) -> WatchToken {
        let path = Path::new("name").expect("a path");
        let (token, pending) = self.client.watch(path).expect("there is room");
        self.client.abandon(pending);
        token
    }

    #[track_caller]
    fn has_ended_by_indexes(&mut self) {
        let pumped = self.pump();
        assert_eq!(
            (pumped.received, pumped.more),
            (true, false),
            "all learn of it"
        );
        let ended = self.client.ended();
        assert!(matches!(ended, Some(ProtocolError::Ring(_))), "{ended:?}");
        self.pump();
    }
}

#[test]
fn messages_longer_than_the_ring_pass_both_ways_and_wrap() {
    for index in [0, 1000, u32::MAX - 100] {
        let mut bed = Bed::new(index);
        let mut server = Server::new();
        let path = Path::new("name").expect("a path");
        let value = [7; 3000];
        let write = ::xenstore::request::Write(path, &value);
        let written = bed
            .client
            .submit(&write, TransactionId::NONE)
            .expect("room");
        let read = bed.read();
        for _ in 0..20 {
            bed.pump();
            let bytes = bed.peer.requests();
            server.receive(&bytes);
            while server.serve() {}
            let room = server.sent(usize::MAX);
            let taken = bed.peer.respond(&room);
            // What does not fit yet comes with the next turn.
            let mut rest = room[taken..].to_vec();
            while !rest.is_empty() {
                bed.pump();
                let taken = bed.peer.respond(&rest);
                rest.drain(..taken);
            }
        }
        assert_eq!(bed.client.take(&written), Some(Ok(())));
        assert_eq!(bed.client.take(&read), Some(Ok(value.to_vec())));
    }
}

#[test]
fn indexes_that_jump_end_the_connection() {
    for jump in [1025, 4096, 1 << 31, u32::MAX] {
        let mut bed = Bed::new(77);
        let _pending = bed.read();
        bed.ring
            .rsp_prod()
            .store(77u32.wrapping_add(jump), Ordering::Release);
        bed.has_ended_by_indexes();

        // Beyond what was sent, or far behind it.
        let mut bed = Bed::new(77);
        let _pending = bed.read();
        bed.ring
            .req_cons()
            .store(77u32.wrapping_sub(jump), Ordering::Release);
        bed.has_ended_by_indexes();
    }
}

#[test]
fn a_server_that_takes_nothing_costs_nothing() {
    let mut bed = Bed::new(0);
    let many: Vec<_> = (0..::xenstore::client::REQUESTS_MAX)
        .map(|_| bed.read())
        .collect();
    for _ in 0..10 {
        bed.pump();
    }
    let quiet = Pumped {
        received: false,
        more: false,
    };
    assert_eq!(bed.pump(), quiet);
    assert_eq!(many.len(), ::xenstore::client::REQUESTS_MAX);
}

#[test]
fn events_without_end_leave_others_their_turn() {
    let mut bed = Bed::new(5);
    let token = bed.watch();
    bed.pump();
    bed.peer.requests();
    let reply = message(4, 1, 0, b"OK\0");
    assert_eq!(bed.peer.respond(&reply), reply.len());
    bed.pump();
    let (mut sent, mut pending) = (0u32, Vec::new());
    for go in 0..50 {
        let mut rounds = 0;
        // The server is as fast as we are: whenever bytes were taken, the ring is full again.
        let refill = |_: &mut Client| {
            rounds += 1;
            while pending.len() < CAPACITY.bytes() {
                sent += 1;
                let payload = format!("name/{sent}\0{token}\0");
                pending.extend(message(15, 0, 0, payload.as_bytes()));
            }
            let taken = bed.peer.respond(&pending);
            pending.drain(..taken);
        };
        let pumped = bed.ring.pump(&mut bed.client, refill, || {});
        assert!(rounds <= ROUNDS);
        // The first finds the ring empty.
        assert!(go == 0 || pumped.more, "it goes on in the next turn");
    }
    assert!(sent > 1000, "{sent}");
    let events: Vec<WatchEvent> = std::iter::from_fn(|| bed.client.take_event(token)).collect();
    assert!((1..=33).contains(&events.len()), "{}", events.len());
    assert_eq!(bed.client.ended(), None);
}

proptest! {
    /// Whatever stands in the page, at any time.
    #[test]
    fn garbage_is_survived(
        start: u32,
        turns in vec((any::<bool>(), 0u32..3000, any::<u32>(), vec(any::<u8>(), 0..1100)), 1..20),
    ) {
        let mut bed = Bed::new(start);
        let _token = bed.watch();
        let _pending = bed.read();
        for (near, step, wild, bytes) in turns {
            bed.peer.requests();
            bed.peer.respond(&bytes);
            let jump = if near { step } else { wild };
            let field = if wild % 2 == 0 { bed.ring.req_cons() } else { bed.ring.rsp_prod() };
            if wild % 3 == 0 {
                field.store(field.load(Ordering::Relaxed).wrapping_add(jump), Ordering::Release);
            }
            let mut rounds = 0;
            bed.ring.pump(&mut bed.client, |_| rounds += 1, || {});
            prop_assert!(rounds <= ROUNDS);
            if bed.client.ended().is_some() {
                break;
            }
        }
    }
}
