//! Random lives of a session: sizes, orders, splits, wraps, calls given up, events lost. Nothing is
//! lost, mixed, leaked or left waiting.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use proptest::prelude::*;
use xen_front::test_utils::Mischief;

use super::{Rig, assert_idle, fid, message};
use crate::client::CallId;
use crate::config::SECOND_NS;
use crate::test_utils::Manner;
use crate::wire::{Fid, HEADER_LEN, Header, Kind, Request, Response};
use crate::{Config, Error};

/// What a test does next.
#[derive(Clone, Copy, Debug)]
enum Action {
    Read(u16, u16),
    Write(u16, u16),
    Walk,
    /// Forgets one of those that were walked.
    Forget(u8),
    /// Gives a call up.
    Drop(u8),
    /// Looks for the answer to one.
    Take(u8),
    Turn,
    Idle,
    Advance(u16),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (any::<u16>(), any::<u16>()).prop_map(|(at, len)| Action::Read(at, len)),
        3 => (any::<u16>(), any::<u16>()).prop_map(|(at, len)| Action::Write(at, len)),
        2 => Just(Action::Walk),
        2 => any::<u8>().prop_map(Action::Forget),
        1 => any::<u8>().prop_map(Action::Drop),
        3 => any::<u8>().prop_map(Action::Take),
        6 => Just(Action::Turn),
        1 => Just(Action::Idle),
        1 => any::<u16>().prop_map(Action::Advance),
    ]
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        Just(Manner::Eager),
        Just(Manner::Qemu),
        (1..5000usize).prop_map(Manner::Pieces),
        any::<u64>().prop_map(Manner::Shuffled),
    ]
}

/// The byte that is at that place of the file.
fn byte_at(place: u64) -> u8 {
    (place.wrapping_mul(0x9e37_79b9) >> 16).to_le_bytes()[0]
}

/// A server with one file of infinite length whose bytes are known, and that knows which identifiers
/// there are. `Twrite` is held against the bytes of the file.
#[derive(Default)]
struct Oracle {
    fids: BTreeMap<u32, ()>,
    written: u64,
}

impl Oracle {
    fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        let head = Header::read(*request.first_chunk::<HEADER_LEN>().expect("whole"));
        let word =
            |at: usize| u32::from_le_bytes(*request[at..].first_chunk().expect("long enough"));
        let offset = || u64::from_le_bytes(*request[11..].first_chunk().expect("long enough"));
        let kind = Kind::from_number(head.kind).expect("known");
        let mut body = Vec::new();
        match kind {
            Kind::Attach => {
                assert_eq!(self.fids.insert(word(7), ()), None);
                body.resize(13, 0);
            }
            Kind::Walk => {
                assert!(self.fids.contains_key(&word(7)), "it walks from something");
                assert_eq!(self.fids.insert(word(11), ()), None, "a number in use");
                body.resize(2, 0);
            }
            // One that a flushed walk was to make may not be there.
            Kind::Clunk => {
                self.fids.remove(&word(7));
            }
            Kind::Read => {
                assert!(self.fids.contains_key(&word(7)));
                let count = word(19);
                body.extend_from_slice(&count.to_le_bytes());
                body.extend((0..u64::from(count)).map(|n| byte_at(offset() + n)));
            }
            Kind::Write => {
                assert!(self.fids.contains_key(&word(7)));
                let data = &request[23..];
                assert_eq!(word(19) as usize, data.len());
                let whole = { data.iter().zip(0..) }
                    .all(|(&byte, number)| byte == byte_at(offset() + number));
                assert!(whole, "bytes were lost or mixed");
                self.written += data.len() as u64;
                body.extend_from_slice(&word(19).to_le_bytes());
            }
            Kind::Flush => {}
            other => panic!("{other:?} was not asked for"),
        }
        message(kind.answer(), head.tag, &body)
    }
}

/// What a call must bring.
#[derive(Debug)]
enum Expected {
    Data(u64, usize),
    Written(u32),
    Walked,
}

struct World {
    rig: Rig,
    oracle: Oracle,
    root: Fid,
    calls: Vec<(CallId, Expected)>,
    walked: Vec<Fid>,
}

impl World {
    fn turn(&mut self) -> bool {
        self.rig.idle();
        let oracle = &mut self.oracle;
        let busy = self.rig.peer.serve(|message| oracle.answer(message));
        self.rig.deliver();
        busy
    }

    fn submit(&mut self, request: &Request<'_>, expected: Expected) {
        match self.rig.submit(request) {
            Ok(id) => self.calls.push((id, expected)),
            Err(error) => assert_eq!(error, Error::Busy),
        }
    }

    fn take(&mut self, at: usize) {
        let (id, expected) = &self.calls[at];
        let Some(answer) = self.rig.answer(*id) else {
            return;
        };
        match (expected, answer) {
            (Expected::Data(offset, len), Ok(Response::Data(bytes))) => {
                assert_eq!(bytes.len(), *len);
                let right = { bytes.iter().zip(0..) }
                    .all(|(&byte, number)| byte == byte_at(offset + number));
                assert!(right, "bytes were lost or mixed");
            }
            (Expected::Written(len), Ok(Response::Written(count))) => assert_eq!(count, *len),
            (Expected::Walked, Ok(Response::Walked(qids))) => assert!(qids.is_empty()),
            other => panic!("{other:?}"),
        }
        self.calls.swap_remove(at);
    }

    fn act(&mut self, action: Action) {
        let msize = self.rig.session.msize();
        match action {
            Action::Read(offset, len) => {
                let count = u32::from(len) % (msize - 10);
                let offset = u64::from(offset);
                let fid = self.root;
                let request = Request::Read { fid, offset, count };
                self.submit(&request, Expected::Data(offset, count as usize));
            }
            Action::Write(offset, len) => {
                let count = u32::from(len) % (msize - 22);
                let offset = u64::from(offset);
                let data: Vec<u8> = (0..u64::from(count)).map(|n| byte_at(offset + n)).collect();
                let fid = self.root;
                let data = &data[..];
                let request = Request::Write { fid, offset, data };
                self.submit(&request, Expected::Written(count));
            }
            Action::Walk => {
                let Ok(new_fid) = self.rig.session.new_fid() else {
                    return;
                };
                let fid = self.root;
                let names = &[];
                let request = Request::Walk {
                    fid,
                    new_fid,
                    names,
                };
                self.submit(&request, Expected::Walked);
                self.walked.push(new_fid);
            }
            Action::Forget(at) if !self.walked.is_empty() => {
                let at = usize::from(at) % self.walked.len();
                let fid = self.walked.swap_remove(at);
                self.rig.session.forget(fid, self.rig.now_ns);
            }
            Action::Drop(at) if !self.calls.is_empty() => {
                let at = usize::from(at) % self.calls.len();
                let (id, _) = self.calls.swap_remove(at);
                self.rig.session.drop_call(id, self.rig.now_ns);
            }
            Action::Take(at) if !self.calls.is_empty() => {
                self.take(usize::from(at) % self.calls.len());
            }
            Action::Forget(_) | Action::Drop(_) | Action::Take(_) => {}
            Action::Turn => {
                self.turn();
            }
            Action::Idle => self.rig.idle(),
            Action::Advance(ms) => self.rig.advance(u64::from(ms % 200) * 1_000_000),
        }
    }

    /// Lets everything come to its end; events that were lost are made up for by time.
    fn finish(&mut self) {
        for fid in core::mem::take(&mut self.walked) {
            self.rig.session.forget(fid, self.rig.now_ns);
        }
        for _ in 0..200 {
            while self.turn() {}
            for at in (0..self.calls.len()).rev() {
                self.take(at);
            }
            let stats = self.rig.session.stats();
            if self.calls.is_empty() && (stats.in_flight, stats.fids) == (0, 1) {
                return;
            }
            self.rig.advance(SECOND_NS / 2);
        }
        panic!("{:?}: {:?}", self.calls, self.rig.session.stats());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_when_every_byte_arrives_once_and_nothing_is_left(
        rings in 1..5u32,
        order in 2..5u32,
        start in prop_oneof![any::<u32>(), (u32::MAX - 70_000)..=u32::MAX],
        manner in manner(),
        mischief in (0..30u8, 0..30u8, 0..30u8),
        seed in 1..u32::MAX,
        actions in prop::collection::vec(action(), 0..200),
    ) {
        let config = Config { calls: 40, fids: 60, ..Config::default() };
        let mut rig = Rig::new(config, rings, order, Manner::Eager, start);
        let root = fid(&mut rig);
        let attach = Request::Attach { fid: root, user: b"", name: b"", uid: 0 };
        let id = rig.submit(&attach).expect("taken");
        let mut world = World {
            rig,
            oracle: Oracle::default(),
            root,
            calls: Vec::new(),
            walked: Vec::new(),
        };
        while world.turn() {}
        let attached = world.rig.answer(id);
        prop_assert!(matches!(attached, Some(Ok(Response::Attached(_)))));
        world.rig.peer.set_manner(manner);
        let (dropped, repeated, delayed) = mischief;
        world.rig.platform.set_mischief(Mischief { dropped, repeated, delayed }, seed);
        for action in actions {
            world.act(action);
        }
        world.finish();
        assert_idle(&world.rig);
        let stats = world.rig.session.stats();
        prop_assert_eq!((stats.bad_answers, stats.timeouts), (0, 0));
        prop_assert_eq!(world.oracle.fids.len(), 1);
        prop_assert_eq!(world.rig.session.fault(), None);
    }

    #[test]
    fn any_bytes_and_indexes_end_in_answers_or_a_fault(
        junk in prop::collection::vec(any::<u8>(), 0..3000),
        moves in prop::collection::vec((any::<bool>(), any::<u32>()), 0..4),
        sane in any::<bool>(),
        calls in 1..20usize,
    ) {
        let mut rig = super::small();
        let fid = super::known_fid(&mut rig);
        let ids: Vec<_> = (0..calls)
            .map(|_| rig.submit(&super::get(fid)).expect("taken"))
            .collect();
        rig.idle();
        let mut junk = junk;
        if sane && junk.len() >= 7 {
            // A header that could be one.
            let size = u32::try_from(junk.len()).expect("short");
            junk[..4].copy_from_slice(&size.to_le_bytes());
            junk[5..7].copy_from_slice(&[0, 0]);
        }
        rig.peer.ring(0).write(&junk);
        rig.peer.ring(0).raise();
        rig.deliver();
        for (which, value) in moves {
            let word = match which {
                true => xen_front::ring::words::IN_PROD,
                false => xen_front::ring::words::OUT_CONS,
            };
            rig.peer.ring(0).set_word(word, value);
            rig.peer.ring(0).raise();
            rig.deliver();
            rig.idle();
        }
        rig.advance(1000 * SECOND_NS);
        for id in ids {
            prop_assert!(rig.answer(id).is_some(), "nobody waits for ever");
        }
        rig.platform.assert_graves_untouched();
    }
}
