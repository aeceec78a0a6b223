//! Any order of what can happen to listeners and to what they accept, while the device is up: streams
//! come in the order of arrival, slots are shared, and nothing is left.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::assert_clean;
use super::passive::{SECOND, at, rig_with, small};
use crate::test_utils::Rig;
use crate::{ConnectError, SocketId, TryError};

#[derive(Clone, Copy, Debug)]
enum Op {
    Listen(u16),
    /// A connection is made to a listener, if an ACCEPT of it waits.
    Arrive(usize),
    /// An ACCEPT of it fails, for a while.
    Refuse(usize, i32),
    /// A connection is taken.
    Take(usize),
    /// A listener is closed.
    Close(usize),
    /// A stream is closed that was taken.
    End(usize),
    Connect,
    /// So many milliseconds.
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let errno = prop_oneof![Just(-4), Just(-24), Just(-103), Just(-105)];
    prop_oneof![
        2 => (0u16..1000).prop_map(Op::Listen),
        8 => (0usize..20).prop_map(Op::Arrive),
        2 => (0usize..20, errno).prop_map(|(at, errno)| Op::Refuse(at, errno)),
        6 => (0usize..20).prop_map(Op::Take),
        1 => (0usize..20).prop_map(Op::Close),
        4 => (0usize..50).prop_map(Op::End),
        1 => Just(Op::Connect),
        2 => (0u64..2000).prop_map(Op::Wait),
    ]
}

struct Run {
    rig: Rig,
    several: bool,
    /// Listeners, and the streams that came and were not taken.
    listeners: Vec<(SocketId, VecDeque<u64>)>,
    streams: Vec<SocketId>,
}

impl Run {
    fn play(&mut self, op: Op) {
        let rig = &mut self.rig;
        let count = self.listeners.len();
        let pick = |number: usize| (count > 0).then(|| number % count);
        match op {
            Op::Listen(port) => match rig.frontend.listen(at(port), small(), rig.now_ns) {
                Ok(id) => self.listeners.push((id, VecDeque::new())),
                Err(error) => {
                    assert_eq!((error, count), (ConnectError::TooManyListeners, 10));
                }
            },
            Op::Arrive(number) => {
                if let Some(at) = pick(number) {
                    let (listener, arrived) = &mut self.listeners[at];
                    arrived.extend(rig.backend.accept(*listener));
                }
            }
            Op::Refuse(number, ret) => {
                if let Some(at) = pick(number) {
                    rig.backend.refuse(self.listeners[at].0, ret);
                }
            }
            Op::Take(number) => {
                if let Some(at) = pick(number) {
                    let (listener, arrived) = &mut self.listeners[at];
                    match (
                        rig.frontend.try_accept(*listener, rig.now_ns),
                        arrived.pop_front(),
                    ) {
                        (Ok(stream), Some(first)) => {
                            assert_eq!(stream.get(), first);
                            self.streams.push(stream);
                        }
                        (Err(error), None) => assert_eq!(error, TryError::WouldBlock),
                        (result, first) => panic!("{result:?}, but {first:?} came"),
                    }
                }
            }
            Op::Close(number) => {
                if let Some(at) = pick(number) {
                    let (listener, _) = self.listeners.swap_remove(at);
                    { rig.frontend.close(listener, None, rig.now_ns) }.expect("ours");
                }
            }
            Op::End(number) => {
                if !self.streams.is_empty() {
                    let id = self.streams.swap_remove(number % self.streams.len());
                    rig.frontend.close(id, None, rig.now_ns).expect("ours");
                }
            }
            Op::Connect => self.streams.push(super::begin(rig)),
            Op::Wait(milliseconds) => rig.advance(milliseconds * SECOND / 1000),
        }
        self.rig.settle();
        self.check();
    }

    fn check(&self) {
        let stats = self.rig.frontend.stats();
        assert!(stats.accepts_out + stats.slots_lost <= 16, "{stats:?}");
        assert_eq!(stats.listeners, self.listeners.len());
        let limit = if self.several { 7 } else { 1 };
        for (listener, arrived) in &self.listeners {
            let parked = self.rig.backend.parked(*listener);
            assert!(parked <= limit && parked + arrived.len() <= 8, "{parked}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn streams_come_in_order_and_nothing_is_left(
        ops in proptest::collection::vec(op(), 0..150),
        several in any::<bool>(),
    ) {
        // With a backend that cancels; what Linux's loses has its own tests.
        let features = ["feature-cancel", "feature-multi-accept"];
        let features = if several { &features[..] } else { &features[..1] };
        let rig = rig_with(features);
        let mut run = Run { rig, several, listeners: Vec::new(), streams: Vec::new() };
        for op in ops {
            run.play(op);
        }
        // Whatever went wrong, every listener can be connected to again.
        run.rig.advance(5 * SECOND);
        for number in 0..run.listeners.len() {
            for _ in 0..9 {
                run.play(Op::Take(number));
            }
            prop_assert!(run.rig.backend.parked(run.listeners[number].0) > 0);
        }
        for (id, _) in core::mem::take(&mut run.listeners) {
            run.rig.frontend.close(id, None, run.rig.now_ns).expect("ours");
        }
        for id in core::mem::take(&mut run.streams) {
            run.rig.frontend.close(id, None, run.rig.now_ns).expect("ours");
        }
        run.rig.settle();
        run.rig.advance(200 * SECOND);
        run.rig.settle();
        assert_clean(&run.rig);
        prop_assert_eq!(run.rig.frontend.stats().bad_responses, 0);
    }
}
