//! What the runtime calls from its loop: an event came, time has passed, about to sleep.

use super::{DEVICE, Frontend};
use crate::commands::Commands;
use crate::error::{DeviceFault, SocketError};
use crate::platform::Platform;
use crate::socket::{Role, Socket, State};
use crate::units::Port;

/// How soon to look again at a backend that delivers faster than it is thrown away, in nanoseconds.
const AGAIN_NS: u64 = 1_000_000;

impl<P: Platform> Frontend<P> {
    /// An event came in on `port`, whose pending bit was cleared before. Returns false if the
    /// port is none of this device's.
    pub fn on_event(&mut self, port: Port, now_ns: u64) -> bool {
        if self.command_port() == Some(port) {
            // Not the requests outstanding: an answer may bring another request with it.
            let before = self.commands.as_ref().map(Commands::taken);
            self.receive(now_ns);
            let useful = self.commands.as_ref().map(Commands::taken) != before;
            if self.broken.is_none() && self.command_budget.spend(useful, now_ns) {
                self.counters.masked += 1;
                self.platform.mask_port(port);
                self.rearm_device();
            }
            return true;
        }
        let Some(&place) = self.by_port.get(&port) else {
            return false;
        };
        self.service(place, now_ns);
        if let Some(socket) = self.sockets.at(place)
            && socket.spend_event(now_ns)
        {
            self.counters.masked += 1;
            self.platform.mask_port(port);
            self.rearm(place);
        }
        self.pump();
        true
    }

    /// Does what is due: deadlines, re-kicks, masked ports, quarantined pages, and answers whose
    /// event is still on its way. To be called when [`next_deadline_ns`](Self::next_deadline_ns)
    /// has come; at other times it is harmless.
    pub fn poll(&mut self, now_ns: u64) {
        self.receive(now_ns);
        while let Some(key) = self.timers.pop(now_ns) {
            match key.checked_sub(DEVICE + 1) {
                None => self.service_device(now_ns),
                Some(place) => self.socket_is_due(place, now_ns),
            }
        }
        self.calls.poll(
            now_ns,
            match self.broken {
                Some(_) => SocketError::Away,
                None => SocketError::TimedOut,
            },
        );
        self.pump();
    }

    /// When [`poll`](Self::poll) must be called next, in nanoseconds; `None` if only events
    /// count. May be earlier than needed, never later.
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        let deadlines = [self.timers.next_ns(), self.calls.deadline_ns()];
        deadlines.into_iter().flatten().min()
    }

    /// Announces what was held back. To be called before the vCPU blocks, and when it turns to
    /// something else for long: nobody else tells the backend, and it may be asleep.
    pub fn flush(&mut self, now_ns: u64) {
        while let Some(place) = self.dirty.pop() {
            if self.sockets.at(place).is_some_and(|socket| socket.dirty) {
                self.announce(place, now_ns);
            }
        }
        self.pump();
        self.plan_look(now_ns);
    }

    /// Looks at every socket, event or not: for use when events may have been lost.
    pub fn rescan(&mut self, now_ns: u64) {
        self.receive(now_ns);
        for place in 0..self.sockets.places() {
            self.service(place, now_ns);
        }
        self.pump();
    }

    /// Takes what answers there are; no more than there are requests outstanding.
    pub(super) fn receive(&mut self, now_ns: u64) {
        while self.broken.is_none()
            && let Some(commands) = &mut self.commands
        {
            match commands.receive() {
                Ok(Some(answer)) => self.answer(answer, now_ns),
                Ok(None) => {
                    if commands.died() {
                        self.break_device(DeviceFault::BackendDied, now_ns);
                    }
                    break;
                }
                Err(fault) => self.break_device(fault, now_ns),
            }
        }
        self.pump();
    }

    /// Looks at one socket: its ring, its deadlines.
    pub(super) fn service(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        match socket.state() {
            State::Opening if matches!(socket.role, Role::Accepted { .. }) => {
                self.look_for_connection(place, now_ns);
            }
            State::Creating | State::Binding | State::Opening => {
                if now_ns >= socket.deadline_ns && !socket.abandoned() {
                    let patient = socket.options.deadline_ns.is_none() && self.broken.is_some();
                    socket.fail(match socket.waits_for_device() && patient {
                        true => SocketError::Away,
                        false => SocketError::TimedOut,
                    });
                    self.abandon(place, now_ns);
                } else if socket.listener().is_some() && self.broken.is_none() {
                    self.begin_again(place, now_ns);
                }
            }
            State::Open if socket.listener().is_some() => self.serve_listener(place, now_ns),
            State::Open => self.service_open(place, now_ns),
            State::Draining if socket.listener().is_some() => {
                if now_ns >= socket.deadline_ns {
                    self.release(place); // 8
                }
            }
            State::Draining => self.service_draining(place, now_ns),
            State::Releasing if socket.begins_again() && now_ns >= socket.deadline_ns => {
                socket.fail(SocketError::TimedOut);
            }
            State::Releasing | State::Closed => {}
        }
        self.rearm(place);
    }

    /// A deadline of this socket has come, or one that it had once.
    fn socket_is_due(&mut self, place: usize, now_ns: u64) {
        if let Some(socket) = self.sockets.at(place)
            && socket.budget.expire(now_ns)
            && let (true, Some(data)) = (socket.listens(), &socket.data)
        {
            self.platform.unmask_port(data.ring.port());
        }
        self.service(place, now_ns);
    }

    fn service_open(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let Some(data) = &mut socket.data else {
            return;
        };
        match (data.look_on_event(), data.output.error()) {
            (Err(fault), _) => self.lose(place, SocketError::Ring(fault)),
            (Ok(()), Some(errno)) => self.lose(place, SocketError::Remote(errno)),
            (Ok(()), None) => {
                if data.output.check_kick(now_ns) {
                    self.platform.notify(data.ring.port());
                }
                socket.wake_ready();
            }
        }
    }

    /// Goes on emptying the out ring of a closed socket. What comes in is thrown away: unread
    /// bytes at the backend would make its close a reset, which can destroy our last bytes at
    /// the other end.
    fn service_draining(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let Some(data) = &mut socket.data else {
            return;
        };
        let before = data.output.queued();
        let Ok((mut tell, quiet)) = data.throw_away_input() else {
            self.release(place); // 8; nobody is left who could be told why.
            return;
        };
        if !quiet {
            self.timers.arm(DEVICE + 1 + place, now_ns + AGAIN_NS);
        }
        tell |= data.input.settle();
        let queued = data.output.queued();
        if queued != before {
            socket.deadline_ns = now_ns.saturating_add(socket.linger_ns);
        }
        let over = now_ns >= socket.deadline_ns;
        if queued == 0 || data.output.error().is_some() || over {
            if queued > 0 {
                log::warn!("{}: closed with {queued} bytes unsent", socket.id);
            }
            self.release(place); // 8
            return;
        }
        tell |= data.output.check_kick(now_ns);
        if tell {
            self.platform.notify(data.ring.port());
        }
    }

    fn service_device(&mut self, now_ns: u64) {
        if self.command_budget.expire(now_ns)
            && self.broken.is_none()
            && let Some(commands) = &self.commands
        {
            self.platform.unmask_port(commands.port());
        }
        self.look_ns = self.look_ns.filter(|&at_ns| at_ns > now_ns);
        self.quarantine.poll(&mut self.platform, now_ns);
        self.rearm_device();
    }

    /// Sees to it that `poll` is called in time for this socket.
    pub(super) fn rearm(&mut self, place: usize) {
        if let Some(socket) = self.sockets.at(place)
            && let Some(at_ns) = socket.next_deadline_ns()
        {
            self.timers.arm(DEVICE + 1 + place, at_ns);
        }
    }

    /// Sees to it that `poll` is called in time for what belongs to no socket.
    pub(super) fn rearm_device(&mut self) {
        let deadlines = [
            self.quarantine.deadline_ns(),
            self.command_budget.deadline_ns(),
            self.look_ns,
        ];
        if let Some(at_ns) = deadlines.into_iter().flatten().min() {
            self.timers.arm(DEVICE, at_ns);
        }
    }
}

impl Socket {
    /// Whether its port's events matter.
    fn listens(&self) -> bool {
        !matches!(self.state(), State::Releasing | State::Closed)
    }

    /// Counts an event against the budget; useful is one since which the peer moved. What
    /// counts is the state at the last event, not what a reader may have seen meanwhile.
    fn spend_event(&mut self, now_ns: u64) -> bool {
        if !self.listens() {
            return false;
        }
        let marks = self.data.as_ref().map(|data| data.marks());
        let useful = core::mem::replace(&mut self.marks, marks) != marks;
        self.budget.spend(useful, now_ns)
    }

    /// The earliest time at which this socket needs a look.
    fn next_deadline_ns(&self) -> Option<u64> {
        let pause = match &self.role {
            Role::Listener(listener) if !self.abandoned() => listener.pause.deadline_ns(),
            _ => None,
        };
        let own = match self.state() {
            State::Creating | State::Binding | State::Opening if !self.abandoned() => {
                Some(self.deadline_ns)
            }
            State::Releasing if self.begins_again() => Some(self.deadline_ns),
            // An ACCEPT whose answer is lost: see `look_for_connection`.
            State::Opening if matches!(self.role, Role::Accepted { .. }) => Some(self.deadline_ns),
            State::Draining => Some(self.deadline_ns),
            _ => None,
        };
        let kick = match (self.state(), &self.data) {
            (State::Open | State::Draining, Some(data)) => data.output.deadline_ns(),
            _ => None,
        };
        let mask = self.budget.deadline_ns().filter(|_| self.listens());
        let own = own.filter(|&at_ns| at_ns != u64::MAX);
        [own, pause, kick, mask].into_iter().flatten().min()
    }
}
