//! The states of one device: what to do when.
//!
//! A [`Machine`] is told what is seen (the frontend's state, `online`, what became of the
//! session) and says what to do next, one [`Action`] at a time. It looks at levels, not at
//! edges: however often a frontend changes its state, only the one that is there when somebody
//! looks counts, so changes cost no more than looks. An action that could not be done is simply
//! not reported as done, and is asked for again.
//!
//! The table. `1` to `6` are xenbus states; *gone* is a frontend without a state node; anything
//! else a guest writes is as if nothing had changed.
//!
//! | our state | frontend | what happens |
//! |---|---|---|
//! | 1, or 2 of an earlier instance | any | publish what is offered, and 2 |
//! | 3, 4 or nonsense, of an earlier instance | any | its mappings are gone: 5 |
//! | 2 | 1, 2 | wait |
//! | 2 | 3, 4 | read its keys, open a session, then 4. Bad keys or no session: `error` and 5 |
//! | 2, session being opened | 1, 5, 6, gone | close the session, go on in 2 |
//! | 2 | 5; 6, gone | 5; 6 |
//! | 4 | 2, 3, 4 | serve. But 3 after 4: it began anew without waiting: as 5 |
//! | 4 | 5 | close the session, lingering, then 5 |
//! | 4 | 6, gone | close the session (gone: at once), then 5, 6 |
//! | 4 | 1 | close the session, lingering, then 5, 6, 2 |
//! | 4, it broke the protocol | any | `error` and 5, close the session at once |
//! | 5 | 2, 3, 4, 5 | wait |
//! | 5 | 1, 6, gone | 6 |
//! | 6 | 1 | publish what is offered, and 2 |
//! | 6 | other | wait |
//!
//! What comes before all that, whatever the frontend does:
//!
//! | | what happens |
//! |---|---|
//! | `online` is not 1 | 5, close the session (lingering if the frontend is there), 6; in a driver domain remove the directory, in the toolstack's domain the toolstack does |
//! | the domain is dead | close the session at once, 6, remove the directory |
//! | we stop | 5, close the session, lingering, 6; `online` stays: the next instance goes on from there |
//! | our directory is gone, or another one is in its place | close the session at once, forget the device |
//!
//! A state is never written before the session is closed that it ends, except 5 when the end is
//! not the frontend's wish: that tells it to stop writing.

use super::keys::State;
use crate::sessions::Ending;

/// What is seen of the frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// It has no state node.
    Gone,
    /// Its state.
    State(State),
    /// A value that is no state, or none that matters here.
    Nonsense,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Publish what is offered together with state 2, and remove `error`.
    Offer,
    /// Read the frontend's keys and open a session; or [`Machine::refuse`].
    Connect,
    /// Close the session.
    Close(Ending),
    /// Write our state.
    Write(State),
    /// Write `error`, for this reason, together with state 5.
    Fail(String),
    /// Remove our directory.
    Remove,
    /// The device is no more: drop it.
    Forget,
}

/// What became of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// It serves.
    Opened,
    /// It could not be opened; nothing is left of it.
    Failed(String),
    /// The frontend broke the protocol; the session must still be closed.
    Broken(String),
    /// Nothing is left of it.
    Closed,
}

/// Our own state, as it stands in xenstore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    /// The toolstack's 1, or an earlier instance's 2.
    New,
    /// State of a session that an earlier instance had.
    Leftover,
    Offered,
    Connected,
    Closing,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    None,
    Opening,
    Open,
    Broken,
    Closing(Ending),
}

/// One device.
#[derive(Clone, Debug)]
pub struct Machine {
    own: Own,
    session: Session,
    /// Not looked at yet: `None`.
    front: Option<Front>,
    /// The frontend has seen that we are connected: it was in 4 since the last offer.
    front_connected: bool,
    online: bool,
    domain_dead: bool,
    /// It was alive at some time.
    domain_seen: bool,
    /// The directory was as the toolstack makes it.
    found_new: bool,
    vanished: bool,
    stopping: bool,
    /// Our directory is removed here when `online` ends.
    removes: bool,
    /// To be told to the frontend.
    failure: Option<String>,
}

impl Machine {
    /// A device whose directory has this state (`None` for nonsense). `removes`: no toolstack of
    /// this domain removes directories of devices that ended.
    #[must_use]
    pub const fn new(found: Option<State>, removes: bool) -> Self {
        Self {
            own: match found {
                Some(State::Initialising | State::InitWait) => Own::New,
                Some(State::Closing) => Own::Closing,
                Some(State::Closed) => Own::Closed,
                Some(State::Initialised | State::Connected) | None => Own::Leftover,
            },
            session: Session::None,
            front: None,
            front_connected: false,
            online: true,
            domain_dead: false,
            domain_seen: false,
            found_new: matches!(found, Some(State::Initialising)),
            vanished: false,
            stopping: false,
            removes,
            failure: None,
        }
    }

    /// The frontend's state, as just read.
    pub fn front(&mut self, front: Front) {
        match front {
            // No state: what was known before still holds.
            Front::Nonsense if self.front.is_some() => {}
            front => self.front = Some(front),
        }
        if front == Front::State(State::Connected) && self.own == Own::Connected {
            self.front_connected = true;
        }
    }

    /// Whether the toolstack still wants the device.
    pub const fn online(&mut self, online: bool) {
        self.online = online;
    }

    /// xenstore knows the domain.
    pub const fn domain_alive(&mut self) {
        self.domain_seen = true;
    }

    /// xenstore does not know the domain. It is dead, and nobody is left to answer or to clean
    /// up; unless it is only about to be made: a toolstack may write a new device first.
    pub fn domain_missing(&mut self) {
        let gone = self.front == Some(Front::Gone);
        self.domain_dead |= self.domain_seen || !self.found_new || gone;
    }

    /// Our directory has this state. Nobody but the toolstack writes 1, and that only into a new
    /// directory: where something was written since, another one has taken its place.
    pub fn found(&mut self, state: Option<State>) {
        if state == Some(State::Initialising) && self.own != Own::New {
            self.vanished = true;
        }
    }

    /// Our directory is gone.
    pub const fn vanish(&mut self) {
        self.vanished = true;
    }

    /// This instance stops.
    pub const fn stop(&mut self) {
        self.stopping = true;
    }

    /// Instead of a session that was to be opened: what the frontend published makes no sense.
    pub fn refuse(&mut self, reason: String) {
        self.failure = Some(reason);
    }

    /// What became of the session.
    pub fn session(&mut self, change: SessionChange) {
        use Session as S;
        match (self.session, change) {
            (S::Opening, SessionChange::Opened) => {
                self.session = S::Open;
                self.domain_seen = true;
            }
            (S::Opening, SessionChange::Failed(reason)) => {
                self.session = S::None;
                self.failure = Some(reason);
            }
            (S::Opening | S::Open, SessionChange::Broken(reason)) => {
                self.session = S::Broken;
                self.failure = Some(reason);
            }
            (S::Closing(_), SessionChange::Closed) => self.session = S::None,
            (S::Opening | S::Open | S::Broken, SessionChange::Closed) => {
                // Nobody asked for it. Not left to be found out by the frontend.
                self.session = S::None;
                let reason = "the session has ended by itself".to_owned();
                self.failure.get_or_insert(reason);
            }
            // While it closes, only its end counts. And what is late is of no session.
            (S::Closing(_) | S::None | S::Open | S::Broken, _) => {}
        }
    }

    /// Nothing is served and nothing is to be done, for an instance that stops.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.session == Session::None && self.next().is_none()
    }

    /// Whether the domain is dead, so that nobody watches what becomes of the directory.
    #[must_use]
    pub const fn is_domain_dead(&self) -> bool {
        self.domain_dead
    }

    /// What to do next; `None` when there is nothing to do until something changes.
    #[must_use]
    pub fn next(&self) -> Option<Action> {
        if self.vanished {
            return self
                .end_session(Ending::Now)
                .unwrap_or(Some(Action::Forget));
        }
        if self.domain_dead || !self.online || self.stopping {
            return self.ending();
        }
        if let Some(reason) = &self.failure {
            return Some(Action::Fail(reason.clone()));
        }
        let front = self.front?;
        match self.own {
            Own::New => Some(Action::Offer),
            Own::Leftover => Some(Action::Write(State::Closing)),
            Own::Offered => self.offered(front),
            Own::Connected => self.connected(front),
            Own::Closing => self
                .end_session(Ending::Now)
                .unwrap_or_else(|| closing(front)),
            Own::Closed => (front == Front::State(State::Initialising)).then_some(Action::Offer),
        }
    }

    /// This action has been done.
    pub fn done(&mut self, action: &Action) {
        match action {
            Action::Offer => {
                self.own = Own::Offered;
                self.front_connected = false;
                self.failure = None;
            }
            Action::Connect => self.session = Session::Opening,
            Action::Close(ending) => self.session = Session::Closing(*ending),
            Action::Write(State::Connected) => {
                self.own = Own::Connected;
                self.front_connected = self.front == Some(Front::State(State::Connected));
            }
            Action::Write(State::Closed) => self.own = Own::Closed,
            Action::Write(_) => self.own = Own::Closing,
            Action::Fail(_) => {
                self.own = Own::Closing;
                self.failure = None;
            }
            Action::Remove => self.vanished = true,
            Action::Forget => {}
        }
    }

    /// Towards the end of the device, or of this instance.
    fn ending(&self) -> Option<Action> {
        let alone = self.domain_dead || (!self.online && self.front == Some(Front::Gone));
        let ending = if alone { Ending::Now } else { Ending::Linger };
        if !alone && self.own == Own::Connected && self.session == Session::Open {
            return Some(Action::Write(State::Closing));
        }
        if let Some(action) = self.end_session(ending) {
            return action;
        }
        match self.own {
            // The next instance finds it as this one did.
            Own::New if self.online && !self.domain_dead => None,
            Own::Closed if self.domain_dead || (!self.online && self.removes) => {
                Some(Action::Remove)
            }
            Own::Closed => None,
            _ => Some(Action::Write(State::Closed)),
        }
    }

    /// How to be rid of the session: `None` when there is none, `Some(None)` when only waiting
    /// is left. One that lingers is cut short if need be.
    fn end_session(&self, ending: Ending) -> Option<Option<Action>> {
        match (self.session, ending) {
            (Session::None, _) => None,
            (Session::Closing(Ending::Linger), Ending::Now) if self.own_end_is_final() => {
                Some(Some(Action::Close(Ending::Now)))
            }
            (Session::Closing(_), _) => Some(None),
            (Session::Broken, _) => Some(Some(Action::Close(Ending::Now))),
            (Session::Opening | Session::Open, _) => Some(Some(Action::Close(ending))),
        }
    }

    /// No session follows this one: then a second order to close it cannot meet the next.
    const fn own_end_is_final(&self) -> bool {
        self.vanished || self.domain_dead || !self.online
    }

    fn offered(&self, front: Front) -> Option<Action> {
        use State::{Closed, Closing, Connected, Initialised, Initialising};
        let leaves = matches!(
            front,
            Front::Gone | Front::State(Initialising | Closing | Closed)
        );
        match (self.session, front) {
            (Session::Opening | Session::Open | Session::Broken, _) if leaves => {
                Some(Action::Close(Ending::Now))
            }
            (Session::Opening | Session::Closing(_), _) => None,
            (Session::Open, _) => Some(Action::Write(Connected)),
            (Session::Broken, _) => Some(Action::Close(Ending::Now)),
            (Session::None, Front::State(Initialised | Connected)) => Some(Action::Connect),
            (Session::None, Front::State(Closing)) => Some(Action::Write(Closing)),
            (Session::None, Front::State(Closed) | Front::Gone) => Some(Action::Write(Closed)),
            (Session::None, _) => None,
        }
    }

    fn connected(&self, front: Front) -> Option<Action> {
        use State::{Closed, Closing, Initialised, Initialising};
        let ending = match front {
            Front::Gone => Some(Ending::Now),
            Front::State(Initialising | Closing | Closed) => Some(Ending::Linger),
            Front::State(Initialised) if self.front_connected => Some(Ending::Linger),
            Front::State(_) | Front::Nonsense => None,
        };
        match (self.session, ending) {
            // Closed, because the frontend left; it sees every state on the way.
            (Session::None, _) => Some(Action::Write(Closing)),
            (_, Some(ending)) => self.end_session(ending).flatten(),
            (_, None) => None,
        }
    }
}

/// In state 5, without a session.
fn closing(front: Front) -> Option<Action> {
    use State::{Closed, Initialising};
    let left = matches!(front, Front::Gone | Front::State(Closed | Initialising));
    left.then_some(Action::Write(Closed))
}

#[cfg(test)]
mod tests;
