//! Sessions that end, and devices that come up again; pages and ports are counted.

use alloc::boxed::Box;
use alloc::vec::Vec;

use xen_front::platform::{XenbusState, key};
use xen_front::ring::words;
use xen_front::test_utils::{CountingWaker, FakePlatform};

use super::{Rig, get, known_fid, next, refusal, reply, rings, small, submit};
use crate::config::SECOND_NS;
use crate::test_utils::{FakeStore, Manner, Peer};
use crate::{Afterwards, Config, Error, Fault, Handshake, Session, Step};

const HOUR: u64 = 3600 * SECOND_NS;

/// What is left of a rig when its session is closed.
struct After {
    handshake: Option<Handshake<FakePlatform>>,
    peer: Peer,
    platform: FakePlatform,
    store: FakeStore,
    now_ns: u64,
    /// States written before.
    written: usize,
}

enum Outcome {
    Up(Box<Session<FakePlatform>>),
    Down,
    /// Nothing to be done until then.
    Waits(u64),
}

impl After {
    fn close(rig: Rig, afterwards: Afterwards) -> Self {
        let handshake = rig.session.close(afterwards, rig.now_ns);
        Self {
            handshake: Some(handshake),
            peer: rig.peer,
            platform: rig.platform,
            written: rig.store.frontend_states().len(),
            store: rig.store,
            now_ns: rig.now_ns,
        }
    }

    fn states(&self) -> &[u32] {
        &self.store.frontend_states()[self.written..]
    }

    #[track_caller]
    fn step(&mut self) -> Outcome {
        let handshake = self.handshake.take().expect("it goes on");
        match handshake.step(&mut self.store, self.now_ns) {
            Step::Connected(session) => Outcome::Up(session.into()),
            Step::Closed(_) => Outcome::Down,
            Step::Failed { error, .. } => panic!("it does not give up: {error}"),
            Step::WaitForBackend {
                handshake,
                deadline_ns,
                ..
            } => {
                assert!(deadline_ns > self.now_ns, "a wait is not over already");
                self.handshake = Some(handshake);
                Outcome::Waits(deadline_ns)
            }
        }
    }

    /// Steps until the end; the backend reacts like QEMU's and lets go when it closes.
    #[track_caller]
    fn run(&mut self) -> Outcome {
        for _ in 0..200 {
            match self.step() {
                Outcome::Waits(deadline_ns) => {
                    if !self.store.react() {
                        self.now_ns = deadline_ns;
                    }
                    if self.store.backend_state() == XenbusState::Closed {
                        self.peer.unbind();
                    }
                }
                outcome => return outcome,
            }
        }
        panic!("it does not end");
    }
}

#[track_caller]
fn assert_nothing_left(after: &After) {
    assert_eq!(after.platform.shared_pages(), 0);
    assert_eq!(after.platform.open_ports(), 0);
    after.platform.assert_graves_untouched();
}

#[test]
fn closing_follows_the_protocol_and_gives_everything_back() {
    let mut rig = rings(4);
    rig.attach();
    let mut after = After::close(rig, Afterwards::Stay);
    let pages = after.platform.shared_pages();
    assert!(matches!(after.step(), Outcome::Waits(_)));
    assert_eq!(after.states(), [5]);
    assert_eq!(after.platform.shared_pages(), pages, "nothing yet");
    assert!(after.store.react(), "5");
    assert!(matches!(after.step(), Outcome::Waits(_)));
    assert_eq!(after.states(), [5, 6]);
    assert_eq!(after.platform.shared_pages(), pages, "nothing yet");
    assert_eq!(after.platform.open_ports(), 4);
    assert!(after.store.react(), "6");
    after.peer.unbind();
    assert!(matches!(after.step(), Outcome::Down));
    assert_eq!(after.states(), [5, 6]);
    assert_nothing_left(&after);
}

#[test]
fn pages_that_a_closed_backend_still_maps_wait_and_come_back() {
    let mut rig = rings(2);
    rig.attach();
    let mut after = After::close(rig, Afterwards::Stay);
    let pages = after.platform.shared_pages();
    after.store.set_backend_state(XenbusState::Closed);
    let Outcome::Waits(until_ns) = after.step() else {
        panic!("they are mapped");
    };
    assert_eq!(after.platform.shared_pages(), pages);
    assert_eq!(after.platform.open_ports(), 0);
    after.now_ns = until_ns;
    assert!(matches!(after.step(), Outcome::Waits(_)));
    after.peer.unbind();
    assert!(matches!(after.run(), Outcome::Down));
    assert_nothing_left(&after);
}

#[test]
fn a_device_comes_up_again_and_works() {
    for manner in [Manner::Qemu, Manner::Eager] {
        let mut rig = Rig::new(Config::default(), 2, 4, manner, 0);
        let root = rig.attach();
        rig.advance(HOUR);
        // In the middle of something.
        submit(&mut rig, &get(root));
        let mut after = After::close(rig, Afterwards::Reconnect);
        let Outcome::Up(session) = after.run() else {
            panic!("it comes up");
        };
        assert_eq!(after.states(), [5, 6, 1, 3, 4]);
        let (platform, store) = (after.platform, after.store);
        let dir = FakeStore::frontend_dir(0);
        let peer = Peer::bind(&platform, &store, &dir, manner);
        let mut rig = Rig {
            session: *session,
            peer,
            server: crate::test_utils::server::Server::new(),
            platform,
            store,
            now_ns: after.now_ns,
        };
        let root = rig.attach();
        rig.ask(&get(root)).expect("it works");
        super::assert_idle(&rig);
        assert_eq!(rig.platform.open_ports(), 2);
    }
}

#[test]
fn whatever_state_the_backend_went_to_the_session_breaks_and_comes_back() {
    for (state, way) in [
        (XenbusState::Closing, &[6, 1, 3, 4][..]),
        (XenbusState::Closed, &[1, 3, 4]),
        (XenbusState::InitWait, &[5, 6, 1, 3, 4]),
        (XenbusState::Initialising, &[1, 3, 4]),
    ] {
        let mut rig = small();
        let root = rig.attach();
        rig.advance(HOUR);
        let id = submit(&mut rig, &get(root));
        let (counter, waker) = CountingWaker::pair();
        assert!(rig.session.poll_call(id, &waker).is_pending());
        let (faults, waker) = CountingWaker::pair();
        rig.session.register_fault(&waker);
        rig.store.set_backend_state(state);
        rig.session.on_backend_state(state, rig.now_ns);
        assert_eq!(rig.session.fault(), Some(Fault::BackendGone));
        assert_eq!((counter.count(), faults.count()), (1, 1));
        assert_eq!(rig.answer(id), Some(Err(Error::Gone)));
        let mut after = After::close(rig, Afterwards::Reconnect);
        assert!(matches!(after.run(), Outcome::Up(_)), "{state}");
        assert_eq!(after.states(), way, "{state}");
    }
}

#[test]
fn states_that_end_nothing_end_nothing() {
    let mut rig = small();
    for state in [
        XenbusState::Connected,
        XenbusState::Initialised,
        XenbusState::Other(9),
    ] {
        rig.session.on_backend_state(state, 0);
        assert_eq!(rig.session.fault(), None);
    }
}

#[test]
fn a_backend_that_was_killed_is_noticed_by_the_next_call_and_holds_nothing() {
    let mut rig = rings(2);
    let root = rig.attach();
    rig.advance(HOUR);
    rig.peer.unbind();
    rig.platform.set_unbound(true);
    rig.advance(HOUR);
    assert_eq!(rig.session.fault(), None, "nobody asked");
    let id = submit(&mut rig, &get(root));
    let began_ns = rig.now_ns;
    while rig.answer(id).is_none() {
        rig.advance(SECOND_NS / 100);
    }
    assert_eq!(rig.session.fault(), Some(Fault::BackendDied));
    assert!(
        rig.now_ns - began_ns <= SECOND_NS / 2,
        "before it is too late"
    );
    let mut after = After::close(rig, Afterwards::Reconnect);
    assert_nothing_left(&after);
    // Its state stays as it was, for as long as nobody takes its place.
    for _ in 0..5 {
        let Outcome::Waits(until_ns) = after.step() else {
            panic!("there is nobody");
        };
        after.now_ns = until_ns;
    }
    assert_eq!(after.states(), [5]);
    after.platform.set_unbound(false);
    assert!(matches!(after.run(), Outcome::Up(_)), "a new one came");
}

#[test]
fn whoever_waits_when_a_session_is_closed_is_woken() {
    let mut rig = small();
    let root = rig.attach();
    let id = submit(&mut rig, &get(root));
    let (counter, waker) = CountingWaker::pair();
    assert!(rig.session.poll_call(id, &waker).is_pending());
    After::close(rig, Afterwards::Stay);
    assert_eq!(counter.count(), 1);
}

#[test]
fn what_had_come_when_the_session_broke_can_be_taken() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let ids = [submit(&mut rig, &get(fid)), submit(&mut rig, &get(fid))];
    let (head, _) = next(&mut rig, 0);
    reply(&mut rig, 0, &refusal(head.tag, 5));
    rig.session.on_backend_state(XenbusState::Closed, 0);
    assert!(matches!(rig.answer(ids[0]), Some(Err(Error::Server(_)))));
    assert_eq!(rig.answer(ids[1]), Some(Err(Error::Gone)));
    rig.session.drop_call(ids[1], 0);
    assert_eq!(rig.session.stats().in_flight, 0);
}

#[test]
fn a_backend_that_broke_the_rules_at_once_is_tried_ever_less_often() {
    let mut pauses = Vec::new();
    let mut rig = small();
    for _ in 0..9 {
        rig.peer.ring(0).set_word(words::IN_PROD, 1 << 30);
        rig.session.poll(rig.now_ns);
        assert_eq!(rig.session.fault(), Some(Fault::InProd));
        let began_ns = rig.now_ns;
        let mut after = After::close(rig, Afterwards::Reconnect);
        let Outcome::Up(session) = after.run() else {
            panic!("it comes up");
        };
        pauses.push((after.now_ns - began_ns) / SECOND_NS);
        let (platform, store) = (after.platform, after.store);
        let dir = FakeStore::frontend_dir(0);
        rig = Rig {
            session: *session,
            peer: Peer::bind(&platform, &store, &dir, Manner::Qemu),
            server: crate::test_utils::server::Server::new(),
            platform,
            store,
            now_ns: after.now_ns,
        };
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(rig.platform.shared_pages(), rig.session.stats().ring_pages);
}

#[test]
fn a_device_that_is_gone_is_waited_for_and_leaves_nothing_shared() {
    let mut rig = rings(2);
    rig.attach();
    rig.advance(HOUR);
    rig.store.remove_all(&FakeStore::frontend_dir(0));
    rig.store.remove_all(&FakeStore::backend_dir(0));
    rig.session
        .on_backend_state(XenbusState::Absent, rig.now_ns);
    rig.peer.unbind();
    let mut after = After::close(rig, Afterwards::Reconnect);
    for _ in 0..20 {
        let Outcome::Waits(until_ns) = after.step() else {
            panic!("there is nothing to connect to");
        };
        after.now_ns = until_ns;
    }
    assert_nothing_left(&after);
    // It is added again, elsewhere.
    after.store.add_device(3, FakeStore::TAG);
    let dir = FakeStore::backend_dir(3);
    for name in ["versions", "max-rings", "max-ring-page-order"] {
        after.store.set(&key(&dir, name), "1");
    }
    after.store.set(&key(&dir, "state"), "2");
    let Outcome::Waits(_) = after.step() else {
        panic!("it waits for Connected");
    };
    after.store.set(&key(&dir, "state"), "4");
    assert!(matches!(after.step(), Outcome::Up(_)));
}

#[test]
fn a_device_that_is_gone_is_down() {
    let mut rig = rings(2);
    rig.attach();
    rig.store.remove_all(&FakeStore::frontend_dir(0));
    rig.store.remove_all(&FakeStore::backend_dir(0));
    rig.peer.unbind();
    let mut after = After::close(rig, Afterwards::Stay);
    assert!(matches!(after.run(), Outcome::Down));
    assert_nothing_left(&after);
    assert!(after.states().is_empty(), "no ghost is raised");
}

#[test]
fn a_backend_that_does_not_connect_again_costs_an_attempt_now_and_then() {
    let mut rig = rings(2);
    rig.attach();
    rig.advance(HOUR);
    let mut after = After::close(rig, Afterwards::Reconnect);
    after.peer.unbind();
    let mut attempts = 0;
    for _ in 0..400 {
        let Outcome::Waits(until_ns) = after.step() else {
            panic!("nobody connects");
        };
        // It goes everywhere but to Connected.
        if after.store.backend_state() == XenbusState::InitWait && after.states().ends_with(&[3]) {
            attempts += 1;
            after.store.set_backend_state(XenbusState::Closed);
        } else if !after.store.react() {
            after.now_ns = until_ns;
        }
    }
    assert!(attempts > 3, "{attempts}");
    let pages = after.platform.shared_pages();
    assert!(
        pages <= 2 * (2 * 33),
        "{pages} pages at most for two attempts"
    );
    after.platform.assert_graves_untouched();
}
