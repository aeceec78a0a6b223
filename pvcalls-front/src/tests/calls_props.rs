//! Calls at random, with answers that are lost, late, wrong or come twice, sockets that go and a
//! device that breaks: every caller gets its own answer or an error in time, and nothing stays.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::task::Waker;

use proptest::prelude::*;

use super::{assert_clean, connected};
use crate::platform::XenbusState;
use crate::test_utils::{Call as Wire, FakeRequest, FakeStore, Rig};
use crate::{
    Call, CallId, Config, Errno, How, ResolveFamily, SocketError, SocketId, SocketOption, TryError,
};

const SECOND: u64 = 1_000_000_000;

/// How many calls may have a place.
const LIMIT: usize = 40;

#[derive(Clone, Copy, Debug)]
enum Event {
    Connect,
    /// What is asked carries a number of its own, which the answer depends on.
    Ask(usize),
    Resolve,
    Shutdown(usize, How),
    Take(usize),
    Drop(usize),
    Close(usize),
    Write(usize),
    /// The backend answers one of the requests it has.
    Answer(usize),
    AnswerAll,
    /// It answers wrongly: a request that it has, as another one.
    Lie(usize),
    /// It answers what it has answered before.
    Repeat(usize),
    Wait(u64),
    Break,
}

fn event() -> impl Strategy<Value = Event> {
    let how = || prop_oneof![Just(How::Read), Just(How::Write), Just(How::Both)];
    prop_oneof![
        2 => Just(Event::Connect),
        8 => any::<usize>().prop_map(Event::Ask),
        4 => Just(Event::Resolve),
        1 => (any::<usize>(), how()).prop_map(|(at, how)| Event::Shutdown(at, how)),
        5 => any::<usize>().prop_map(Event::Take),
        3 => any::<usize>().prop_map(Event::Drop),
        1 => any::<usize>().prop_map(Event::Close),
        1 => any::<usize>().prop_map(Event::Write),
        8 => any::<usize>().prop_map(Event::Answer),
        1 => Just(Event::AnswerAll),
        1 => any::<usize>().prop_map(Event::Lie),
        1 => any::<usize>().prop_map(Event::Repeat),
        2 => (0u64..20).prop_map(Event::Wait),
        1 => Just(Event::Break),
    ]
}

/// A call that somebody has not taken yet.
struct Waiting {
    call: CallId,
    lookup: bool,
    /// What it carries.
    tag: u16,
    since_ns: u64,
}

struct Run {
    rig: Rig,
    sockets: Vec<SocketId>,
    calls: Vec<Waiting>,
    /// Requests that the backend has, and those that it has answered.
    has: Vec<FakeRequest>,
    answered: Vec<FakeRequest>,
    /// The names that lookups carry, as long as their pages say so.
    names: BTreeMap<u32, u16>,
    tag: u16,
}

/// What the backend answers to an option that is set to this.
fn verdict(tag: u16) -> i32 {
    match tag % 3 {
        0 => 0,
        _ => -i32::from(tag % 100 + 1),
    }
}

fn address(tag: u16) -> IpAddr {
    let [high, low] = tag.to_be_bytes();
    Ipv4Addr::new(10, 1, high, low).into()
}

impl Run {
    fn new() -> Self {
        let config = Config {
            calls: LIMIT,
            ..Config::default()
        };
        Self {
            rig: Rig::with_store(config, FakeStore::with_features()),
            sockets: Vec::new(),
            calls: Vec::new(),
            has: Vec::new(),
            answered: Vec::new(),
            names: BTreeMap::new(),
            tag: 0,
        }
    }

    fn pick<T: Copy>(all: &[T], at: usize) -> Option<T> {
        (!all.is_empty()).then(|| all[at % all.len()])
    }

    fn begun(&mut self, result: Result<CallId, SocketError>, lookup: bool) {
        match result {
            Ok(call) => self.calls.push(Waiting {
                call,
                lookup,
                tag: self.tag,
                since_ns: self.rig.now_ns,
            }),
            Err(SocketError::TooManyCalls) => {
                assert_eq!(self.rig.frontend.stats().calls, LIMIT);
            }
            Err(SocketError::NotConnected | SocketError::Device(_)) => assert!(!lookup),
            Err(error) => panic!("{error}"),
        }
    }

    fn happen(&mut self, event: Event) {
        let now_ns = self.rig.now_ns;
        match event {
            Event::Connect => {
                let options = crate::ConnectOptions {
                    ring_order: Some(crate::RingOrder::MIN),
                    deadline_ns: None,
                };
                let id = self.rig.frontend.connect(Rig::PEER, options, now_ns);
                self.sockets.push(id.expect("there are resources"));
            }
            Event::Ask(at) => {
                if let Some(id) = Self::pick(&self.sockets, at) {
                    self.tag += 1;
                    let set = Call::SetOption(SocketOption::SendBuffer, self.tag.into());
                    let result = self.rig.frontend.call(id, set, now_ns);
                    self.begun(result, false);
                }
            }
            Event::Resolve => {
                self.tag += 1;
                let name = format!("h{}", self.tag);
                let frontend = &mut self.rig.frontend;
                let result = frontend.resolve(&name, ResolveFamily::Any, now_ns);
                self.begun(result, true);
            }
            Event::Shutdown(at, how) => {
                if let Some(id) = Self::pick(&self.sockets, at)
                    && let Ok(call) = self.rig.frontend.call(id, Call::Shutdown(how), now_ns)
                {
                    self.rig.frontend.drop_call(call);
                }
            }
            Event::Take(at) => {
                if !self.calls.is_empty() {
                    self.take(at % self.calls.len());
                }
            }
            Event::Drop(at) => {
                if !self.calls.is_empty() {
                    let waiting = self.calls.swap_remove(at % self.calls.len());
                    self.rig.frontend.drop_call(waiting.call);
                }
            }
            Event::Close(at) => {
                if !self.sockets.is_empty() {
                    let id = self.sockets.swap_remove(at % self.sockets.len());
                    let closed = self.rig.frontend.close(id, Some(SECOND), now_ns);
                    closed.expect("ours until now");
                }
            }
            Event::Write(at) => {
                if let Some(id) = Self::pick(&self.sockets, at) {
                    let _ = self.rig.frontend.try_write(id, &[7; 100], now_ns);
                    let _ = self.rig.frontend.try_read(id, &mut [0; 100]);
                }
            }
            Event::Answer(at) => {
                if let Some(request) = Self::pick(&self.has, at) {
                    // What makes and unmakes a socket is answered in its order.
                    let in_order = |request: &FakeRequest| request.cmd <= 2;
                    let first = self.has.iter().position(|other| {
                        *other == request
                            || in_order(&request) && in_order(other) && other.id == request.id
                    });
                    let request = self.has.remove(first.expect("itself at least"));
                    self.answer(&request);
                }
            }
            Event::AnswerAll => {
                for request in core::mem::take(&mut self.has) {
                    self.answer(&request);
                }
            }
            Event::Lie(at) => {
                // The slot is gone, and the request stays without an answer.
                if !self.has.is_empty() {
                    let request = self.has.remove(at % self.has.len());
                    let req_id = request.req_id ^ 0x1000;
                    self.rig.backend.respond(req_id, request.cmd, 0, request.id);
                }
            }
            Event::Repeat(at) => {
                // It takes the slot of another one, which loses its answer.
                if let (Some(request), Some(_)) = (Self::pick(&self.answered, at), self.has.pop()) {
                    self.rig
                        .backend
                        .respond(request.req_id, request.cmd, 0, request.id);
                }
            }
            Event::Wait(seconds) => self.rig.advance(seconds * SECOND),
            Event::Break => self.outage(),
        }
        self.rig.idle();
        if self.rig.frontend.fault().is_some() {
            self.outage();
        }
        self.requests();
    }

    /// The backend looks at what it is asked.
    fn requests(&mut self) {
        while let Some(request) = self.rig.backend.next_request() {
            if let Wire::Resolve { .. } = request.call {
                let name = self.rig.backend.host_name(&request);
                let name = core::str::from_utf8(&name).expect("a name");
                let tag = name[1..].parse().expect("a number");
                self.names.insert(request.req_id, tag);
            }
            self.has.push(request);
        }
    }

    fn answer(&mut self, request: &FakeRequest) {
        match request.call {
            Wire::SetOption { value, .. } => {
                let tag = u16::try_from(value).expect("a number of ours");
                self.rig.backend.answer(request, verdict(tag));
            }
            Wire::Resolve { .. } => {
                let name = SocketAddr::new(address(self.names[&request.req_id]), 0);
                self.rig.backend.answer_resolve(request, &[name], 1);
            }
            _ => self.rig.backend.answer(request, 0),
        }
        self.answered.push(*request);
        self.rig.deliver();
    }

    /// Somebody looks at the outcome of a call.
    fn take(&mut self, at: usize) {
        let Waiting {
            call,
            lookup,
            tag,
            since_ns,
        } = self.calls[at];
        let frontend = &mut self.rig.frontend;
        let patience_ns = if lookup { 45 * SECOND } else { 10 * SECOND };
        let outcome = match lookup {
            true => frontend.try_resolve(call, Waker::noop()).map(|found| {
                assert_eq!(found, [address(tag)], "its own answer");
            }),
            false => frontend.try_call(call, Waker::noop()).map(|_| {
                assert_eq!(verdict(tag), 0, "its own answer");
            }),
        };
        match outcome {
            Ok(()) => {}
            Err(TryError::WouldBlock) => {
                assert!(self.rig.now_ns < since_ns + patience_ns);
                return;
            }
            Err(TryError::Failed(SocketError::Remote(errno))) => {
                assert_eq!(Errno::new(-verdict(tag)), Some(errno), "its own answer");
            }
            Err(TryError::Failed(SocketError::TimedOut)) => {
                assert!(self.rig.now_ns >= since_ns + patience_ns);
            }
            Err(TryError::Failed(error)) => assert!(
                matches!(error, SocketError::NoSuchSocket | SocketError::Device(_)),
                "{error}"
            ),
        }
        self.calls.swap_remove(at);
    }

    /// The device goes, and comes back.
    fn outage(&mut self) {
        let rig = &mut self.rig;
        rig.store.set_backend_state(XenbusState::Closed);
        rig.frontend
            .on_backend_state(XenbusState::Closed, rig.now_ns);
        rig.backend.unbind();
        self.has.clear();
        self.answered.clear();
        rig.reconnect();
        rig.come_back();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whoever_calls_gets_its_own_answer_in_time_and_nothing_stays(
        events in proptest::collection::vec(event(), 0..150),
    ) {
        let mut run = Run::new();
        for event in events {
            run.happen(event);
        }
        // Everybody who waits has an end, whether the backend answers or not.
        run.rig.advance(60 * SECOND);
        while !run.calls.is_empty() {
            run.take(0);
        }
        let stats = run.rig.frontend.stats();
        prop_assert_eq!(stats.calls, stats.calls_given_up);
        // What is left is what the backend owes; it is gone with the device.
        run.outage();
        prop_assert_eq!(run.rig.frontend.stats().calls, 0);
        for id in run.sockets {
            run.rig.frontend.close(id, None, run.rig.now_ns).expect("ours until now");
        }
        run.rig.settle();
        run.rig.advance(200 * SECOND);
        run.rig.settle();
        assert_clean(&run.rig);
        connected(&mut run.rig);
    }
}
