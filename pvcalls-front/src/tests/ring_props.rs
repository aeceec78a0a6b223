//! Properties of the data rings: whatever the schedule, bytes in are bytes out, nobody sleeps on
//! work for ever, and the wrap of the indexes is not noticed.

use alloc::vec::Vec;
use proptest::prelude::*;

use crate::index::Index;
use crate::ring::{DataRing, Ring};
use crate::test_utils::{CountingWaker, FakePlatform, FakeStore, FakeStream, Mischief, Rig};
use crate::{Config, DomainId, Interest, RingOrder, SocketId, TryError};

/// One move of either side.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// The frontend writes up to that many bytes.
    Write(usize),
    /// The frontend reads up to that many bytes.
    Read(usize),
    /// The backend takes up to that many bytes.
    Receive(usize),
    /// The backend sends up to that many bytes.
    Send(usize),
    /// The frontend is about to block.
    Flush,
    /// Events are handled.
    Deliver,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let size = prop_oneof![0usize..5, 0usize..300, 2000usize..6000];
    let one = prop_oneof![
        size.clone().prop_map(Move::Write),
        size.clone().prop_map(Move::Read),
        size.clone().prop_map(Move::Receive),
        size.prop_map(Move::Send),
        Just(Move::Flush),
        Just(Move::Deliver),
    ];
    proptest::collection::vec(one, 0..120)
}

/// Bytes that tell where they belong.
fn pattern(from: usize, count: usize) -> Vec<u8> {
    (from..from + count)
        .map(|n| n.wrapping_mul(167).to_le_bytes()[0] ^ (n >> 8).to_le_bytes()[0])
        .collect()
}

/// How far one direction has come at both ends.
#[derive(Default)]
struct Progress {
    put: usize,
    taken: usize,
}

impl Progress {
    fn took(&mut self, bytes: &[u8]) {
        assert!(bytes == pattern(self.taken, bytes.len()), "the bytes");
        self.taken += bytes.len();
        assert!(self.taken <= self.put);
    }
}

/// The two halves of a ring without the rest of the driver, begun at any index.
fn ends(order: RingOrder, start: Index, wishes: bool) -> (DataRing, FakeStream, FakePlatform) {
    let mut platform = FakePlatform::new();
    let ring = Ring::create(&mut platform, DomainId(0), order).expect("there are resources");
    let data = DataRing::new(ring, start, wishes);
    let grant = data.ring.grant().get();
    let port = data.ring.port().get();
    let stream = FakeStream::map(&platform, DomainId(0), grant, port, wishes);
    (data, stream, platform)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn bytes_in_are_bytes_out_wherever_the_indexes_begin(
        start in prop_oneof![any::<u32>(), (u32::MAX - 9000)..=u32::MAX],
        order in 1u8..=3,
        moves in moves(),
        wishes in any::<bool>(),
    ) {
        let order = RingOrder::new(order).expect("in range");
        let (mut data, stream, _platform) = ends(order, Index::new(start), wishes);
        let (mut outward, mut inward) = (Progress::default(), Progress::default());
        for step in moves {
            match step {
                Move::Write(size) => {
                    data.output.refresh(&data.ring).expect("an honest backend");
                    let bytes = pattern(outward.put, size);
                    let (count, _) = data.output.write(&data.ring, &bytes);
                    prop_assert!(count == size || data.output.room(&data.ring) == 0);
                    outward.put += count;
                }
                Move::Read(size) => {
                    let mut into = alloc::vec![0; size];
                    let read = data.input.read(&data.ring, &mut into);
                    if let crate::in_ring::Consumed::Bytes(count, _) = read.expect("honest") {
                        inward.took(&into[..count]);
                    }
                }
                Move::Receive(size) => outward.took(&stream.receive(size)),
                Move::Send(size) => inward.put += stream.send(&pattern(inward.put, size)),
                Move::Flush | Move::Deliver => {}
            }
            prop_assert_eq!(outward.put - outward.taken, stream.queued_out() as usize);
            prop_assert_eq!(inward.put - inward.taken, stream.queued_in() as usize);
        }
    }

    /// The whole driver, with events that are lost, repeated and late, and a backend that works
    /// only when it is told: after the moves, both sides go on as real ones would, and everything
    /// must arrive. Lost events towards us are made up for by `rescan`, as after a lost event
    /// ring; those towards the backend by the timer alone.
    #[test]
    fn everything_arrives_however_events_travel(
        moves in moves(),
        seed in any::<u32>(),
        dropped in 0u8..60,
        repeated in 0u8..60,
        delayed in 0u8..60,
        deaf in 1u64..5,
        wishes in any::<bool>(),
    ) {
        let mut rig = rig_with(wishes);
        let id = rig.connect(RingOrder::MIN);
        rig.platform.set_mischief(Mischief { dropped, repeated, delayed }, seed);
        let mut run = Run::default();
        for step in moves {
            run.step(&mut rig, id, step);
        }
        run.finish(&mut rig, id, deaf);
        prop_assert_eq!(run.outward.taken, run.outward.put);
        prop_assert_eq!(run.inward.taken, run.inward.put);
        prop_assert_eq!(rig.frontend.fault(), None);
    }

    #[test]
    fn a_backend_that_writes_anything_hurts_only_itself(
        words in proptest::collection::vec((0u8..5, any::<i32>(), 0usize..5000), 1..40),
        wishes in any::<bool>(),
    ) {
        let mut rig = rig_with(wishes);
        let id = rig.connect(RingOrder::MIN);
        let other = rig.connect(RingOrder::MIN);
        for (word, value, size) in words {
            if let Some(stream) = rig.backend.stream(id) {
                match word {
                    0 => stream.shift_in_prod(value % 5000),
                    1 => stream.shift_out_cons(value % 5000),
                    2 => stream.set_in_error(value % 3),
                    4 => stream.set_wishes(value.cast_unsigned()),
                    _ => stream.set_out_error(value % 3),
                }
            }
            let _ = rig.frontend.try_write(id, &[1; 5000][..size], rig.now_ns);
            let _ = rig.frontend.try_read(id, &mut [0; 5000][..size]);
            rig.settle();
            rig.advance(20_000_000);
        }
        rig.frontend.try_write(other, b"unharmed", rig.now_ns).expect("room");
        rig.idle();
        let stream = rig.backend.stream(other).expect("connected");
        prop_assert_eq!(stream.receive(99), b"unharmed");
        for id in [id, other] {
            rig.frontend.close(id, Some(0), rig.now_ns).expect("good");
        }
        rig.settle();
        super::assert_clean(&rig);
    }
}

/// A backend of either kind.
fn rig_with(wishes: bool) -> Rig {
    let store = match wishes {
        true => FakeStore::with_features(),
        false => FakeStore::with_backend(),
    };
    Rig::with_store(Config::default(), store)
}

/// A transfer in both directions over one socket.
#[derive(Default)]
struct Run {
    outward: Progress,
    inward: Progress,
    /// Notifications that the backend has acted on, or slept through.
    told: u64,
}

impl Run {
    fn step(&mut self, rig: &mut Rig, id: SocketId, step: Move) {
        match step {
            Move::Write(size) => {
                let bytes = pattern(self.outward.put, size);
                match rig.frontend.try_write(id, &bytes, rig.now_ns) {
                    Ok(count) => self.outward.put += count,
                    Err(error) => assert_eq!(error, TryError::WouldBlock),
                }
            }
            Move::Read(size) => {
                let mut into = alloc::vec![0; size];
                match rig.frontend.try_read(id, &mut into) {
                    Ok(count) => self.inward.took(&into[..count]),
                    Err(error) => assert_eq!(error, TryError::WouldBlock),
                }
            }
            Move::Receive(size) => {
                let stream = rig.backend.stream(id).expect("connected");
                self.outward.took(&stream.receive(size));
                stream.wait_for_bytes();
            }
            Move::Send(size) => {
                let stream = rig.backend.stream(id).expect("connected");
                self.inward.put += stream.send(&pattern(self.inward.put, size));
            }
            Move::Flush => rig.frontend.flush(rig.now_ns),
            Move::Deliver => rig.deliver(),
        }
    }

    /// Reads until there is nothing.
    fn drain(&mut self, rig: &mut Rig, id: SocketId) {
        let mut into = [0; 700];
        loop {
            match rig.frontend.try_read(id, &mut into) {
                Ok(count) => self.inward.took(&into[..count]),
                Err(error) => return assert_eq!(error, TryError::WouldBlock),
            }
        }
    }

    /// The backend takes what is there only when it was told, and sleeps through all but every
    /// `deaf`th time; the frontend reads only when its waker was woken; time passes when neither
    /// has anything to do.
    fn finish(&mut self, rig: &mut Rig, id: SocketId, deaf: u64) {
        let (woken, waker) = CountingWaker::pair();
        let mut seen = u64::MAX;
        for _ in 0..3000 {
            if woken.count() != seen {
                seen = woken.count();
                self.drain(rig, id);
                rig.frontend
                    .register(id, Interest::Read, &waker)
                    .expect("good");
            }
            rig.idle();
            let stream = rig.backend.stream(id).expect("connected");
            let told = rig.platform.notifications(stream.port());
            if told != self.told {
                self.told = told;
                while told.is_multiple_of(deaf) && stream.queued_out() > 0 {
                    self.outward.took(&stream.receive(1000));
                }
                stream.wait_for_bytes();
            }
            rig.deliver();
            if self.outward.taken == self.outward.put && self.inward.taken == self.inward.put {
                return;
            }
            rig.advance(10_000_000);
            rig.frontend.rescan(rig.now_ns);
        }
    }
}
