//! Properties of rings of frames: whatever the sizes, wherever the indexes wrap, whatever the order of
//! things, what was accepted comes out at the other end, whole and in order.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use proptest::prelude::*;

use super::{rig, ring};
use crate::datagram::{encode_header, payload_limit};
use crate::in_ring::Arrived;
use crate::index::Index;
use crate::ring::{DataRing, Ring};
use crate::test_utils::{CountingWaker, FakePlatform, FakeStream, Mischief, Rig};
use crate::{DomainId, Interest, RingOrder, SocketId, TryError};

/// One move of either side; the number is the length of a payload.
#[derive(Clone, Copy, Debug)]
enum Move {
    Send(usize),
    Receive(usize),
    BackTakes,
    BackSends(usize),
    Flush,
    Deliver,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let size = || prop_oneof![0usize..20, 0usize..300, 1000usize..4200];
    let one = prop_oneof![
        size().prop_map(Move::Send),
        size().prop_map(Move::Receive),
        Just(Move::BackTakes),
        size().prop_map(Move::BackSends),
        Just(Move::Flush),
        Just(Move::Deliver),
    ];
    proptest::collection::vec(one, 0..150)
}

/// Bytes that tell which datagram they belong to.
fn payload(number: u32, len: usize) -> Vec<u8> {
    let bytes = number.to_le_bytes().into_iter().cycle();
    bytes
        .zip(0_u8..=255)
        .map(|(a, b)| a ^ b)
        .cycle()
        .take(len)
        .collect()
}

/// The datagrams of one direction.
#[derive(Default)]
struct Way {
    number: u32,
    under_way: VecDeque<Vec<u8>>,
}

impl Way {
    fn next(&mut self, len: usize) -> Vec<u8> {
        self.number += 1;
        payload(self.number, len)
    }

    #[track_caller]
    fn came(&mut self, bytes: &[u8], most: usize) {
        let expected = self.under_way.pop_front().expect("nothing comes of itself");
        assert!(
            bytes == &expected[..expected.len().min(most)],
            "whole, in order"
        );
    }
}

fn ends(order: RingOrder, start: Index, wishes: bool) -> (DataRing, FakeStream, FakePlatform) {
    let mut platform = FakePlatform::new();
    let ring = Ring::create(&mut platform, DomainId(0), order).expect("there are resources");
    let data = DataRing::for_datagrams(ring, start, wishes);
    let grant = data.ring.grant().get();
    let port = data.ring.port().get();
    let stream = FakeStream::map(&platform, DomainId(0), grant, port, wishes);
    (data, stream, platform)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_accepted_comes_out_whole_wherever_the_indexes_begin(
        start in prop_oneof![any::<u32>(), (u32::MAX - 9000)..=u32::MAX],
        order in 1u8..=3,
        moves in moves(),
        wishes in any::<bool>(),
    ) {
        let order = RingOrder::new(order).expect("in range");
        let (mut data, stream, _platform) = ends(order, Index::new(start & !7), wishes);
        let limit = payload_limit(order.array_bytes()) as usize;
        let (mut outward, mut inward) = (Way::default(), Way::default());
        for step in moves {
            match step {
                Move::Send(len) => {
                    data.output.refresh(&data.ring).expect("an honest backend");
                    let bytes = outward.next(len.min(limit));
                    let header = encode_header(u32::try_from(bytes.len()).expect("short"), None);
                    let empty = stream.queued_out() == 0;
                    let sent = data.output.write_frame(&data.ring, &header, &bytes);
                    prop_assert!(sent.is_some() || !empty);
                    if sent.is_some() {
                        outward.under_way.push_back(bytes);
                    }
                }
                Move::Receive(most) => {
                    let mut into = alloc::vec![0; most];
                    let arrived = data.input.read_frame(&data.ring, &mut into, true);
                    match arrived.expect("an honest backend") {
                        Arrived::Datagram(_, count, _) => inward.came(&into[..count], most),
                        other => prop_assert!(inward.under_way.is_empty(), "{other:?}"),
                    }
                }
                Move::BackTakes => match stream.receive_datagram() {
                    Some(datagram) => outward.came(&datagram.payload, usize::MAX),
                    None => prop_assert!(outward.under_way.is_empty()),
                },
                Move::BackSends(len) => {
                    let bytes = inward.next(len.min(limit));
                    if stream.send_datagram(Rig::PEER, &bytes) {
                        inward.under_way.push_back(bytes);
                    }
                }
                Move::Flush | Move::Deliver => {}
            }
        }
    }

    /// The whole driver with events that are repeated and late, and writers and readers that sleep
    /// until they are woken. In the end everything must have arrived.
    #[test]
    fn nobody_sleeps_for_ever(
        moves in moves(),
        seed in any::<u32>(),
        repeated in 0u8..60,
        delayed in 0u8..60,
        lens in proptest::collection::vec(0usize..4065, 1..40),
    ) {
        let mut rig = rig();
        let id = rig.bind(RingOrder::MIN);
        rig.platform.set_mischief(Mischief { dropped: 0, repeated, delayed }, seed);
        let mut run = Run { told: u64::MAX, ..Run::default() };
        for step in moves {
            run.step(&mut rig, id, step);
        }
        run.finish(&mut rig, id, lens.into());
        prop_assert_eq!(rig.frontend.fault(), None);
    }

    #[test]
    fn a_backend_that_writes_anything_hurts_only_itself(
        words in proptest::collection::vec(
            (0u8..6, any::<i32>(), 0usize..4000, proptest::collection::vec(any::<u8>(), 0..64)),
            1..40,
        ),
    ) {
        let mut rig = rig();
        let id = rig.bind(RingOrder::MIN);
        let other = rig.bind(RingOrder::MIN);
        for (word, value, size, bytes) in words {
            if let Some(stream) = rig.backend.stream(id) {
                match word {
                    0 => stream.shift_in_prod(value % 5000),
                    1 => stream.shift_out_cons(value % 5000),
                    2 => stream.set_in_error(value % 3),
                    3 => stream.set_out_error(value % 3),
                    4 => stream.set_wishes(value.cast_unsigned()),
                    // Often the header of what comes next.
                    _ => stream.overwrite_in(u32::try_from(size & !7).expect("short"), &bytes),
                }
            }
            let to = Some(Rig::PEER);
            let _ = rig.frontend.try_send_to(id, &[1; 5000][..size], to, rig.now_ns);
            let _ = rig.frontend.try_receive_from(id, &mut [0; 5000][..size], value % 2 == 0);
            rig.settle();
            rig.advance(20_000_000);
        }
        let sent = rig.frontend.try_send_to(other, b"unharmed", Some(Rig::PEER), rig.now_ns);
        prop_assert_eq!(sent, Ok(()));
        rig.idle();
        let there = ring(&rig, other).receive_datagram().expect("it is there");
        prop_assert_eq!(there.payload, b"unharmed");
        for id in [id, other] {
            rig.frontend.close(id, Some(0), rig.now_ns).expect("good");
        }
        rig.settle();
        super::assert_clean(&rig);
    }
}

/// A socket of the whole driver, in both directions.
#[derive(Default)]
struct Run {
    outward: Way,
    inward: Way,
    /// Notifications that the backend has acted on.
    told: u64,
}

impl Run {
    fn send(&mut self, rig: &mut Rig, id: SocketId, len: usize) -> bool {
        let bytes = self.outward.next(len.min(4064));
        match rig
            .frontend
            .try_send_to(id, &bytes, Some(Rig::PEER), rig.now_ns)
        {
            Ok(()) => self.outward.under_way.push_back(bytes),
            Err(error) => {
                assert_eq!(error, TryError::WouldBlock);
                return false;
            }
        }
        true
    }

    fn receive(&mut self, rig: &mut Rig, id: SocketId, most: usize) -> bool {
        let mut into = alloc::vec![0; most];
        match rig.frontend.try_receive_from(id, &mut into, true) {
            Ok(received) => self.inward.came(&into[..received.bytes], most),
            Err(error) => {
                assert_eq!(error, TryError::WouldBlock);
                return false;
            }
        }
        true
    }

    fn back_sends(&mut self, rig: &Rig, id: SocketId, len: usize) -> bool {
        let bytes = self.inward.next(len.min(4064));
        let sent = ring(rig, id).send_datagram(Rig::PEER, &bytes);
        if sent {
            self.inward.under_way.push_back(bytes);
        }
        sent
    }

    fn step(&mut self, rig: &mut Rig, id: SocketId, step: Move) {
        match step {
            Move::Send(len) => drop(self.send(rig, id, len)),
            Move::Receive(most) => drop(self.receive(rig, id, most)),
            Move::BackTakes => {
                if let Some(datagram) = ring(rig, id).receive_datagram() {
                    self.outward.came(&datagram.payload, usize::MAX);
                }
                ring(rig, id).wait_for_bytes();
            }
            Move::BackSends(len) => drop(self.back_sends(rig, id, len)),
            Move::Flush => rig.frontend.flush(rig.now_ns),
            Move::Deliver => rig.deliver(),
        }
    }

    /// Writer and reader act only when they are woken, the backend only when it is told. No time
    /// passes: no timer helps.
    fn finish(&mut self, rig: &mut Rig, id: SocketId, mut lens: VecDeque<usize>) {
        let (writes, writer) = CountingWaker::pair();
        let (reads, reader) = CountingWaker::pair();
        let (mut writes_seen, mut reads_seen) = (u64::MAX, u64::MAX);
        for _ in 0..3000 {
            if writes.count() != writes_seen {
                writes_seen = writes.count();
                while let Some(&len) = lens.front()
                    && self.send(rig, id, len)
                {
                    lens.pop_front();
                }
                let register = rig.frontend.register(id, Interest::Write, &writer);
                register.expect("good");
            }
            if reads.count() != reads_seen {
                reads_seen = reads.count();
                while self.receive(rig, id, 5000) {}
                let register = rig.frontend.register(id, Interest::Read, &reader);
                register.expect("good");
            }
            rig.idle();
            let told = rig.platform.notifications(ring(rig, id).port());
            if told != self.told {
                self.told = told;
                // It takes as many as it likes before it looks whether more has come.
                ring(rig, id).wait_for_bytes();
                while let Some(datagram) = ring(rig, id).receive_datagram() {
                    self.outward.came(&datagram.payload, usize::MAX);
                    ring(rig, id).wait_for_bytes();
                }
            }
            rig.deliver();
            let quiet = self.outward.under_way.is_empty() && self.inward.under_way.is_empty();
            if quiet && lens.is_empty() {
                return;
            }
        }
        panic!(
            "{} under way out, {} in, {} to go",
            self.outward.under_way.len(),
            self.inward.under_way.len(),
            lens.len()
        );
    }
}
