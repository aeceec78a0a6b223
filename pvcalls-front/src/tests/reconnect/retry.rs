//! What goes wrong on the way up, or soon after, is tried again, after ever longer pauses.

use alloc::string::ToString;

use super::{HOUR, SECOND, kill, lively, states, works};
use crate::platform::{XenbusState, key};
use crate::test_utils::{BACKEND_DIR, Rig};
use crate::tests::{assert_clean, rig};
use crate::{DeviceFault, Errno, FRONTEND_DIR};

#[test]
fn killed_again_and_again_it_comes_back_each_time_after_a_pause() {
    let mut rig = lively();
    rig.advance(HOUR);
    for pause in [0, 1, 2, 4, 8, 16, 32, 60, 60] {
        let begun = rig.now_ns;
        kill(&mut rig);
        rig.reconnect();
        rig.store.restart_backend();
        rig.come_back();
        assert_eq!(rig.now_ns - begun, pause * SECOND);
        works(&mut rig);
    }
    // Once it was up for a while all is forgiven.
    rig.advance(10 * SECOND);
    let begun = rig.now_ns;
    kill(&mut rig);
    rig.reconnect();
    rig.store.restart_backend();
    rig.come_back();
    assert_eq!(rig.now_ns, begun);
    assert_eq!(rig.frontend.stats().reconnects, 10);
    assert_clean(&rig);
}

#[test]
fn during_the_pause_the_old_ring_is_closed_and_nothing_is_offered() {
    let mut rig = lively();
    kill(&mut rig);
    rig.reconnect();
    rig.store.restart_backend();
    let deadline_ns = loop {
        let deadline_ns = rig.step().expect("not yet");
        if !rig.store.react() {
            break deadline_ns;
        }
    };
    assert_eq!(states(&rig), [6]);
    assert_eq!(deadline_ns, SECOND);
    rig.advance(deadline_ns - 1);
    rig.step().expect("not yet");
    assert_eq!(states(&rig), [6]);
    rig.come_back();
    works(&mut rig);
}

#[test]
fn a_backend_that_breaks_the_rules_at_once_gets_a_handshake_a_minute() {
    let mut rig = rig();
    for _ in 0..67 {
        rig.backend.publish(1);
        rig.backend.raise();
        rig.deliver();
        assert_eq!(rig.frontend.fault(), Some(DeviceFault::ResponseIndex));
        rig.backend.unbind();
        rig.reconnect();
        rig.come_back();
    }
    assert!(rig.now_ns > HOUR, "{} s", rig.now_ns / SECOND);
    works(&mut rig);
}

#[test]
fn what_goes_wrong_on_the_way_up_is_tried_again_ever_more_rarely() {
    type Mistake = (&'static str, fn(&mut Rig));
    let wrong: [Mistake; 6] = [
        ("a value", |rig| {
            rig.store.set(&key(BACKEND_DIR, "versions"), "7");
        }),
        ("a key", |rig| {
            rig.store.remove(&key(BACKEND_DIR, "function-calls"));
        }),
        ("no device", |rig| {
            rig.store.remove(&key(FRONTEND_DIR, "backend"));
        }),
        ("xenstore", |rig| {
            rig.store.set_write_error(Some(Errno::EACCES));
        }),
        ("grants", |rig| {
            let error = Some(crate::ShareError::NoGrants);
            rig.platform.set_share_error(error);
        }),
        ("ports", |rig| rig.platform.set_no_port(true)),
    ];
    for (what, break_it) in wrong {
        let mut rig = lively();
        rig.advance(HOUR);
        let good = rig.store.clone();
        kill(&mut rig);
        rig.reconnect();
        rig.store.restart_backend();
        break_it(&mut rig);
        let mut steps = 0;
        while rig.now_ns < 2 * HOUR {
            let deadline_ns = rig.step().expect("it cannot work");
            if !rig.store.react() {
                rig.advance(deadline_ns - rig.now_ns);
            }
            steps += 1;
            assert!(steps < 200, "{what}: {steps} steps");
        }
        assert_eq!(rig.platform.shared_pages(), 0, "{what}");
        assert_eq!(rig.platform.open_ports(), 0, "{what}");

        let state = rig.store.number(&key(BACKEND_DIR, "state")).unwrap_or(0);
        let ours = rig.store.number(&key(FRONTEND_DIR, "state")).unwrap_or(0);
        let before = rig.store.frontend_states().len();
        rig.store = good;
        rig.store.set_backend_state(XenbusState::from_number(state));
        rig.store.set(&key(FRONTEND_DIR, "state"), ours.to_string());
        rig.platform.set_share_error(None);
        rig.platform.set_no_port(false);
        let mended_ns = rig.now_ns;
        rig.come_back();
        assert!(rig.now_ns - mended_ns <= 60 * SECOND, "{what}");
        assert!(before > 2, "{what}");
        works(&mut rig);
    }
}

#[test]
fn a_backend_that_stops_half_way_up_is_begun_with_again() {
    for state in [
        XenbusState::InitWait,
        XenbusState::Closing,
        XenbusState::Closed,
    ] {
        let mut rig = rig();
        rig.advance(HOUR);
        rig.store.set_backend_state(XenbusState::Closed);
        rig.frontend
            .on_backend_state(XenbusState::Closed, rig.now_ns);
        rig.backend.unbind();
        rig.reconnect();
        rig.step();
        rig.store.set_backend_state(XenbusState::InitWait);
        rig.step();
        assert_eq!(states(&rig), [1, 3]);
        assert_eq!(rig.platform.shared_pages(), 1);
        // It is killed before it answers, or refuses.
        rig.store.set_backend_state(state);
        if state == XenbusState::InitWait {
            rig.stay_away(10 * SECOND);
            rig.step();
        } else {
            rig.step();
        }
        assert_eq!(states(&rig), [1, 3, 5], "{state}");
        rig.come_back();
        works(&mut rig);
    }
}
