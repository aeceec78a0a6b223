//! Every row of the table, as a script.

use super::*;

/// A device under test; panics name the line of the script.
struct Script(Machine);

impl Script {
    fn found(state: u32) -> Self {
        Self(Machine::new(
            State::parse(state.to_string().as_bytes()),
            false,
        ))
    }

    /// A frontend that published its ring, up to here.
    fn connected() -> Self {
        let mut it = Self::found(1);
        it.front(1).does(Action::Offer).quiet();
        it.front(3).does(Action::Connect).quiet();
        it.session(SessionChange::Opened).writes(4).quiet();
        it.front(4).quiet();
        it
    }

    fn front(&mut self, state: u32) -> &mut Self {
        let state = State::parse(state.to_string().as_bytes());
        self.0.front(state.map_or(Front::Nonsense, Front::State));
        self
    }

    fn gone(&mut self) -> &mut Self {
        self.0.front(Front::Gone);
        self
    }

    fn session(&mut self, change: SessionChange) -> &mut Self {
        self.0.session(change);
        self
    }

    fn closed(&mut self) -> &mut Self {
        self.session(SessionChange::Closed)
    }

    fn offline(&mut self) -> &mut Self {
        self.0.online(false);
        self
    }

    #[track_caller]
    fn does(&mut self, action: Action) -> &mut Self {
        assert_eq!(self.0.next(), Some(action.clone()));
        // Asked again, it says the same: nothing happens by asking.
        assert_eq!(self.0.next(), Some(action.clone()));
        self.0.done(&action);
        self
    }

    #[track_caller]
    fn writes(&mut self, state: u32) -> &mut Self {
        let state = State::parse(state.to_string().as_bytes()).unwrap();
        self.does(Action::Write(state))
    }

    #[track_caller]
    fn closes(&mut self, ending: Ending) -> &mut Self {
        self.does(Action::Close(ending)).quiet()
    }

    #[track_caller]
    fn quiet(&mut self) -> &mut Self {
        assert_eq!(self.0.next(), None);
        self
    }
}

use Ending::{Linger, Now};

#[test]
fn nothing_happens_before_the_frontend_was_looked_at() {
    for state in 1..=6 {
        Script::found(state).quiet();
    }
}

#[test]
fn a_frontend_that_was_first_connects_at_once() {
    for state in [3, 4] {
        let mut it = Script::found(1);
        it.front(state).does(Action::Offer).does(Action::Connect);
        it.quiet().session(SessionChange::Opened).writes(4).quiet();
    }
}

#[test]
fn the_next_instance_goes_on_where_the_last_one_was() {
    // It had offered: the offer is renewed.
    Script::found(2).front(1).does(Action::Offer).quiet();
    // It was connected and died: the frontend closes and comes again.
    for state in [3, 4] {
        let mut it = Script::found(state);
        it.front(4).writes(5).quiet();
        it.front(5).quiet().front(6).writes(6).quiet();
        it.front(1)
            .does(Action::Offer)
            .front(3)
            .does(Action::Connect);
    }
    // The frontend noticed meanwhile and waits already.
    let mut it = Script::found(4);
    it.front(1).writes(5).writes(6).does(Action::Offer).quiet();
    // It had closed in part, or wholly.
    Script::found(5).front(5).quiet().front(6).writes(6).quiet();
    Script::found(5).front(4).quiet();
    Script::found(6)
        .front(4)
        .quiet()
        .front(6)
        .quiet()
        .front(1)
        .does(Action::Offer);
    // Somebody wrote nonsense.
    Script::found(7).front(3).writes(5).quiet();
}

#[test]
fn an_offer_waits_for_the_frontend() {
    let mut it = Script::found(1);
    it.front(1).does(Action::Offer);
    it.quiet()
        .front(2)
        .quiet()
        .front(7)
        .quiet()
        .front(1)
        .quiet();
    it.front(5).writes(5).quiet().front(6).writes(6).quiet();
    let mut it = Script::found(1);
    it.front(1).does(Action::Offer);
    it.front(6).writes(6).quiet();
    let mut it = Script::found(1);
    it.front(1).does(Action::Offer);
    it.gone().writes(6).quiet();
}

#[test]
fn keys_that_make_no_sense_are_an_error() {
    let mut it = Script::found(1);
    it.front(3).does(Action::Offer);
    assert_eq!(it.0.next(), Some(Action::Connect));
    it.0.refuse("port is missing".to_owned());
    it.does(Action::Fail("port is missing".to_owned())).quiet();
    it.front(4)
        .quiet()
        .front(5)
        .quiet()
        .front(6)
        .writes(6)
        .quiet();
    it.front(1).does(Action::Offer).quiet();
}

#[test]
fn a_session_that_cannot_be_opened_is_an_error() {
    let mut it = Script::found(1);
    it.front(3).does(Action::Offer).does(Action::Connect);
    it.session(SessionChange::Failed("no such grant".to_owned()));
    it.does(Action::Fail("no such grant".to_owned())).quiet();
    // Straight to a new attempt.
    it.front(1).writes(6).does(Action::Offer).quiet();
}

#[test]
fn a_frontend_that_leaves_while_it_is_connected_to_is_let_go() {
    for state in [1, 5, 6] {
        let mut it = Script::found(1);
        it.front(3).does(Action::Offer).does(Action::Connect);
        it.front(state).closes(Now);
        // The answer to the open comes late: it is of no interest.
        it.session(SessionChange::Opened).quiet().closed();
        match state {
            1 => it.quiet().front(3).does(Action::Connect),
            state => it.writes(state),
        };
    }
    let mut it = Script::found(1);
    it.front(3).does(Action::Offer).does(Action::Connect);
    it.front(6).closes(Now);
    let reason = "no such grant".to_owned();
    it.session(SessionChange::Failed(reason)).quiet().closed();
    it.writes(6).quiet();
}

#[test]
fn a_frontend_closes_in_order_and_connects_again() {
    let mut it = Script::connected();
    it.front(5).closes(Linger).closed().writes(5).quiet();
    it.front(6).writes(6).quiet();
    it.front(1).does(Action::Offer).quiet();
    it.front(3)
        .does(Action::Connect)
        .session(SessionChange::Opened);
    it.writes(4).quiet();
}

#[test]
fn closing_and_closed_seen_as_one_show_both_states() {
    let mut it = Script::connected();
    it.front(6)
        .closes(Linger)
        .closed()
        .writes(5)
        .writes(6)
        .quiet();
    let mut it = Script::connected();
    it.front(5).closes(Linger).front(6).quiet();
    it.closed().writes(5).writes(6).quiet();
}

#[test]
fn from_connected_straight_to_initialising() {
    let mut it = Script::connected();
    it.front(1).closes(Linger).closed();
    it.writes(5).writes(6).does(Action::Offer).quiet();
    it.front(3).does(Action::Connect).quiet();
}

#[test]
fn a_frontend_that_begins_anew_without_waiting_has_to_close() {
    let mut it = Script::connected();
    it.front(3).closes(Linger).closed().writes(5).quiet();
    // But one that never was seen in 4 has only been slow.
    let mut it = Script::found(1);
    it.front(3).does(Action::Offer).does(Action::Connect);
    it.session(SessionChange::Opened).writes(4).front(3).quiet();
}

#[test]
fn a_frontend_whose_state_is_gone() {
    let mut it = Script::connected();
    it.gone().closes(Now).closed().writes(5).writes(6).quiet();
    it.front(1).does(Action::Offer).quiet();
}

#[test]
fn nonsense_changes_nothing() {
    let mut it = Script::connected();
    it.front(0).quiet().front(7).quiet().front(99).quiet();
    it.front(2).quiet().front(4).quiet();
    it.front(5).front(99).closes(Linger);
    let mut it = Script::found(1);
    it.front(99)
        .does(Action::Offer)
        .quiet()
        .front(3)
        .does(Action::Connect);
}

#[test]
fn a_broken_session_is_an_error_and_closed_at_once() {
    let mut it = Script::connected();
    it.session(SessionChange::Broken("indexes jump".to_owned()));
    it.does(Action::Fail("indexes jump".to_owned())).closes(Now);
    it.front(5).quiet().closed().quiet();
    it.front(6).writes(6).quiet();
    it.front(1).does(Action::Offer).quiet();
}

#[test]
fn a_session_that_ends_by_itself_is_an_error() {
    let mut it = Script::connected();
    it.closed();
    it.does(Action::Fail("the session has ended by itself".to_owned()));
    it.quiet().front(6).writes(6).quiet();
}

#[test]
fn late_events_of_a_session_that_is_gone_mean_nothing() {
    let mut it = Script::connected();
    it.front(6).closes(Linger).closed().writes(5).writes(6);
    for late in [
        SessionChange::Opened,
        SessionChange::Broken(String::new()),
        SessionChange::Failed(String::new()),
        SessionChange::Closed,
    ] {
        it.session(late).quiet();
    }
}

#[test]
fn the_toolstack_unplugs() {
    let mut it = Script::connected();
    it.offline().writes(5).closes(Linger);
    // Whatever the frontend does meanwhile.
    it.front(5)
        .quiet()
        .front(1)
        .quiet()
        .closed()
        .writes(6)
        .quiet();
    it.front(1).quiet();
    // The toolstack removes the directory.
    it.0.vanish();
    it.does(Action::Forget);
}

#[test]
fn unplugged_before_anything_happened() {
    let mut it = Script::found(1);
    it.offline().writes(6).quiet();
    let mut it = Script::found(1);
    it.front(3).does(Action::Offer).does(Action::Connect);
    it.offline().closes(Linger).closed().writes(6).quiet();
}

#[test]
fn in_a_driver_domain_nobody_else_removes_the_directory() {
    let mut it = Script(Machine::new(Some(State::Initialising), true));
    it.front(1).does(Action::Offer).offline().writes(6);
    it.does(Action::Remove).does(Action::Forget);
}

#[test]
fn an_ended_domain_waits_for_no_one() {
    // As `xl destroy` does it: the frontend's directory goes together with `online`.
    let mut it = Script::connected();
    it.gone().offline().closes(Now).closed().writes(6).quiet();
    // Seen one after the other: lingering is cut short.
    let mut it = Script::connected();
    it.offline().writes(5).closes(Linger).gone().closes(Now);
    it.closed().writes(6).quiet().closed().quiet();
    // Nobody cleans up after it.
    let mut it = Script::connected();
    it.0.domain_missing();
    it.closes(Now)
        .closed()
        .writes(6)
        .does(Action::Remove)
        .does(Action::Forget);
}

#[test]
fn found_after_the_domain_died() {
    for state in 1..=7 {
        let mut it = Script::found(state);
        it.gone().0.domain_missing();
        if state != 6 {
            it.writes(6);
        }
        it.does(Action::Remove).does(Action::Forget);
    }
}

#[test]
fn a_domain_that_is_still_to_be_made_is_not_dead() {
    let mut it = Script::found(1);
    it.front(1).0.domain_missing();
    it.does(Action::Offer).quiet().0.domain_missing();
    it.quiet().0.domain_alive();
    it.quiet().0.domain_missing();
    it.writes(6).does(Action::Remove);
    // One that never was, and never will be.
    let mut it = Script::found(1);
    it.front(1).does(Action::Offer).gone().0.domain_missing();
    it.writes(6).does(Action::Remove);
    // Who was connected has been there.
    let mut it = Script::connected();
    it.0.domain_missing();
    it.closes(Now);
    // What an earlier instance served is not new.
    let mut it = Script::found(4);
    it.front(4).0.domain_missing();
    it.writes(6).does(Action::Remove);
}

#[test]
fn a_directory_that_vanishes_takes_the_session_with_it() {
    let mut it = Script::connected();
    it.0.vanish();
    it.closes(Now).closed().does(Action::Forget);
    let mut it = Script::connected();
    it.front(5).closes(Linger).0.vanish();
    it.closes(Now).closed().does(Action::Forget);
}

#[test]
fn a_directory_that_is_new_is_another_device() {
    let mut it = Script::connected();
    it.0.found(Some(State::Connected));
    it.quiet().0.found(Some(State::Initialising));
    it.closes(Now).closed().does(Action::Forget);
    let mut it = Script::found(1);
    it.0.found(Some(State::Initialising));
    it.front(1).does(Action::Offer).quiet();
}

#[test]
fn a_clean_stop_tells_the_frontend_first_and_the_next_instance_goes_on() {
    let mut it = Script::connected();
    it.0.stop();
    assert!(!it.0.is_idle());
    it.writes(5).closes(Linger);
    assert!(!it.0.is_idle());
    it.front(5).quiet().closed().writes(6).quiet();
    assert!(it.0.is_idle());
    it.front(1).quiet();
    Script::found(6).front(1).does(Action::Offer).quiet();
    // What was not connected.
    let mut it = Script::found(1);
    it.0.stop();
    it.front(1).quiet();
    assert!(it.0.is_idle());
    let mut it = Script::found(1);
    it.front(1).does(Action::Offer).0.stop();
    it.writes(6).quiet();
    assert!(it.0.is_idle());
}

#[test]
fn what_could_not_be_done_is_asked_for_again() {
    let mut it = Script::found(1);
    it.front(3);
    assert_eq!(it.0.next(), Some(Action::Offer));
    // Xenstore failed: not done. The frontend went on meanwhile.
    it.front(6).does(Action::Offer).writes(6).quiet();
}
