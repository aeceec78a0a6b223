//! Any order of what can happen to a device: it comes up again, and nothing is lost or kept.

use proptest::prelude::*;

use crate::platform::XenbusState;
use crate::test_utils::{FakeBackend, FakeStore, Rig};
use crate::tests::{assert_clean, connected};
use crate::{Config, ConnectError, ConnectOptions, ListenOptions, RingOrder, SocketId};
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// The backend writes this state, of its own will.
    State(u32),
    /// The frontend's watch fires.
    Watch,
    /// The backend reacts as Linux's does.
    React,
    /// It dies, with or without an event that comes through.
    Die(bool),
    Restart,
    /// It answers all it was asked.
    Serve,
    /// It answers one request.
    Answer,
    /// It answers one request with this error.
    Refuse(i32),
    /// A connection is made to one of the sockets, if that is a listener.
    Arrive(usize),
    /// It takes bytes, or sends some.
    Data,
    /// It promises answers to nothing.
    Lie,
    Connect,
    Listen(u16),
    /// A connection is taken from one of the sockets, if that is a listener.
    Take(usize),
    Close(usize),
    Write(usize),
    /// A step of the handshake, if there is one; or the runtime finds that there must be one.
    Step,
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => (0u32..8).prop_map(Event::State),
        1 => Just(Event::Watch),
        4 => Just(Event::React),
        1 => any::<bool>().prop_map(Event::Die),
        2 => Just(Event::Restart),
        2 => Just(Event::Serve),
        4 => Just(Event::Answer),
        1 => prop_oneof![Just(-98), Just(-22), Just(-24), Just(-111)].prop_map(Event::Refuse),
        3 => (0usize..6).prop_map(Event::Arrive),
        2 => Just(Event::Data),
        1 => Just(Event::Lie),
        3 => Just(Event::Connect),
        2 => (0u16..3).prop_map(Event::Listen),
        3 => (0usize..6).prop_map(Event::Take),
        2 => (0usize..4).prop_map(Event::Close),
        2 => (0usize..4).prop_map(Event::Write),
        6 => Just(Event::Step),
        2 => (0u64..20).prop_map(Event::Wait),
    ]
}

struct Run {
    rig: Rig,
    sockets: Vec<SocketId>,
    /// Whether the backend's end of the present rings is at work.
    serving: bool,
}

impl Run {
    fn happen(&mut self, event: Event) {
        let rig = &mut self.rig;
        match event {
            Event::State(number) => rig
                .store
                .set_backend_state(XenbusState::from_number(number)),
            Event::Watch => {
                if rig.handshake.is_none() {
                    rig.frontend
                        .on_backend_state(rig.store.backend_state(), rig.now_ns);
                }
            }
            Event::React => {
                rig.store.react();
            }
            Event::Die(told) => {
                if self.serving {
                    rig.backend.die();
                    if told {
                        rig.backend.raise();
                    }
                    self.serving = false;
                }
            }
            Event::Restart => rig.store.restart_backend(),
            Event::Serve if self.serving => rig.settle(),
            Event::Answer if self.serving => {
                if let Some(request) = rig.backend.next_request() {
                    rig.backend.answer(&request, 0);
                }
            }
            Event::Data if self.serving => {
                for id in &self.sockets {
                    if let Some(stream) = rig.backend.stream(*id) {
                        stream.send(b"to the guest");
                        let _ = stream.receive(100);
                    }
                }
            }
            Event::Lie if self.serving => {
                rig.backend.publish(40);
                rig.backend.raise();
                // Its ring is beyond repair.
                self.serving = false;
            }
            Event::Refuse(ret) if self.serving => {
                if let Some(request) = rig.backend.next_request() {
                    // A RELEASE that fails leaves the ring mapped: that is another test's.
                    let release = FakeBackend::is_release(&request);
                    rig.backend.answer(&request, if release { 0 } else { ret });
                }
            }
            Event::Arrive(number) if self.serving => {
                if let Some(id) = self.sockets.get(number) {
                    rig.backend.accept(*id);
                }
            }
            Event::Serve
            | Event::Answer
            | Event::Refuse(_)
            | Event::Arrive(_)
            | Event::Data
            | Event::Lie => {}
            Event::Listen(port) => {
                let options = ListenOptions {
                    ring_order: Some(RingOrder::MIN),
                    survives: port != 2,
                    ..ListenOptions::default()
                };
                let at = SocketAddr::new([192, 0, 2, 7].into(), port);
                match rig.frontend.listen(at, options, rig.now_ns) {
                    Ok(id) => self.sockets.push(id),
                    Err(error) => assert_eq!(error, ConnectError::TooManyListeners),
                }
            }
            Event::Take(number) => {
                if let Some(id) = self.sockets.get(number)
                    && let Ok(stream) = rig.frontend.try_accept(*id, rig.now_ns)
                {
                    self.sockets.push(stream);
                }
            }
            Event::Connect => {
                let options = ConnectOptions {
                    ring_order: Some(RingOrder::MIN),
                    deadline_ns: None,
                };
                let id = rig.frontend.connect(Rig::PEER, options, rig.now_ns);
                self.sockets.push(id.expect("there are resources"));
            }
            Event::Close(number) => {
                if !self.sockets.is_empty() {
                    let id = self.sockets.swap_remove(number % self.sockets.len());
                    rig.frontend
                        .close(id, None, rig.now_ns)
                        .expect("ours until now");
                }
            }
            Event::Write(number) => {
                if let Some(id) = self.sockets.get(number) {
                    let _ = rig.frontend.try_write(*id, &[7; 500], rig.now_ns);
                    let _ = rig.frontend.try_read(*id, &mut [0; 100]);
                    let _ = rig.frontend.try_connect(*id);
                }
            }
            Event::Step => self.step(),
            Event::Wait(seconds) => rig.advance(seconds * 1_000_000_000),
        }
        self.rig.idle();
    }

    /// The device goes down, if it is not, and comes up again.
    fn renew(&mut self) {
        for number in [5, 6] {
            if self.rig.handshake.is_none() {
                let state = XenbusState::from_number(number);
                self.rig.frontend.on_backend_state(state, self.rig.now_ns);
            }
        }
        if self.rig.handshake.is_none() {
            self.step();
        }
        self.rig.store.set_backend_state(XenbusState::Closed);
        self.rig.come_back();
    }

    fn step(&mut self) {
        let rig = &mut self.rig;
        if rig.handshake.is_some() {
            let deadline_ns = rig.step();
            self.serving = deadline_ns.is_none();
        } else if rig.frontend.fault().is_some() {
            rig.backend.unbind();
            self.serving = false;
            rig.reconnect();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_happens_the_device_comes_up_again_and_everything_is_given_back(
        events in proptest::collection::vec(event(), 0..120),
        lively in any::<bool>(),
    ) {
        let store = match lively {
            true => FakeStore::with_features(),
            false => FakeStore::with_backend(),
        };
        let rig = Rig::with_store(Config::default(), store);
        let mut run = Run { rig, sockets: Vec::new(), serving: true };
        for event in events {
            run.happen(event);
        }
        // From now on all goes well, once more: whatever is up goes down.
        run.renew();
        for id in core::mem::take(&mut run.sockets) {
            run.rig.frontend.close(id, None, run.rig.now_ns).expect("ours until now");
        }
        run.rig.settle();
        if !lively {
            // What ACCEPTs of closed listeners hold comes back with the next connection.
            run.renew();
        }
        run.rig.advance(200_000_000_000);
        run.rig.settle();
        prop_assert_eq!(run.rig.frontend.fault(), None);
        assert_clean(&run.rig);
        connected(&mut run.rig);
    }
}
