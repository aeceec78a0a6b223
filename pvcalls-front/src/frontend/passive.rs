//! Listen, and the moves of listeners. The numbers in the comments are those of the diagram in
//! `socket.rs`; what comes after LISTEN is in `accept.rs`.

use core::net::SocketAddr;

use super::Frontend;
use super::accept::LISTENERS_MAX;
use crate::config::{ConnectOptions, ListenOptions, SECOND_NS};
use crate::errno::Errno;
use crate::error::{ConnectError, SocketError, TryError};
use crate::features::Features;
use crate::listener::{Listener, Next};
use crate::platform::Platform;
use crate::socket::{Names, Role, Slot, Socket, State};
use crate::units::SocketId;
use crate::wire::{Command, Extra};

/// How long a backend that cannot cancel keeps a closed listener with an ACCEPT that waits, in
/// nanoseconds. Linux's hands an ACCEPT to a worker; a RELEASE that comes before that has run takes
/// the socket from under it, which is the end of all commands of this guest, if not of dom0.
const ACCEPT_SETTLE_NS: u64 = SECOND_NS;

impl<P: Platform> Frontend<P> {
    /// Begins to listen; [`try_listen`](Self::try_listen) tells the outcome.
    ///
    /// At port 0 the host chooses one, with `feature-names`; else the driver tries random ones from
    /// 49152 on until one is free. While the device is out of use the socket waits for it, as
    /// [`connect`](Self::connect) does.
    ///
    /// # Errors
    /// Only what shows at once: a ring order out of range, too many listeners, or what the backend
    /// does not know: IPv6 addresses, options. Nothing is left behind then.
    pub fn listen(
        &mut self,
        at: SocketAddr,
        options: ListenOptions,
        now_ns: u64,
    ) -> Result<SocketId, ConnectError> {
        let listener = Listener::new(at, options);
        let missing = listener.needs().difference(self.features);
        if let Some(first) = missing.iter().next() {
            return Err(ConnectError::Unsupported(first));
        }
        let max = self.max_order;
        if let Some(asked) = options.ring_order
            && asked > max
        {
            return Err(ConnectError::RingOrder { asked, max });
        }
        if self.listeners.len() >= LISTENERS_MAX {
            return Err(ConnectError::TooManyListeners);
        }
        let patience_ns = match self.broken {
            Some(_) => self.config.outage_patience_ns,
            None => self.config.connect_timeout_ns,
        };
        let deadline_ns = options.deadline_ns;
        let own = ConnectOptions {
            ring_order: options.ring_order,
            deadline_ns,
        };
        let deadline_ns = deadline_ns.unwrap_or(now_ns.saturating_add(patience_ns));
        let role = Role::Listener(listener.into());
        let id = self
            .sockets
            .insert(|id| Socket::new(id, role, own, None, deadline_ns)); // 1
        self.listeners.push(id);
        self.set_out(id.place());
        self.pump();
        Ok(id)
    }

    /// The outcome of a listen. Once it is `Ok` it stays so until something goes wrong, outages
    /// not included if the listener survives them.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] while it is under way; else the reason of the failure, with the
    /// error number from the backend ([`SocketError::errno`]).
    pub fn try_listen(&mut self, id: SocketId) -> Result<(), TryError> {
        self.try_connect(id)
    }

    /// A command of a listener was answered.
    pub(super) fn answer_listener(
        &mut self,
        place: usize,
        command: Command,
        result: Result<Extra, Errno>,
        now_ns: u64,
    ) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let awaited = socket.request().map(|request| request.command());
        if socket.slot != Slot::Sent || awaited != Some(command) {
            self.counters.late += 1; // The caller gave up, and RELEASE is on its way.
            return;
        }
        socket.slot = Slot::None;
        match (command, result) {
            (Command::Release, result) => {
                if let Err(errno) = result {
                    log::warn!("{}: RELEASE failed: {errno}", socket.id);
                }
                self.listener_released(place, now_ns);
            }
            (_, Ok(extra)) => self.listener_step(place, command, &extra, now_ns),
            (_, Err(errno)) => self.listener_failed(place, command, errno, now_ns),
        }
    }

    /// One step further towards connections.
    fn listener_step(&mut self, place: usize, command: Command, extra: &Extra, now_ns: u64) {
        let features = self.features;
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let Role::Listener(listener) = &mut socket.role else {
            return;
        };
        match command {
            Command::Socket => {
                listener.prepare(features, &mut self.platform);
                socket.set_state(State::Binding); // 10
                self.queue(place);
            }
            Command::SetOption => {
                listener.configured();
                self.queue(place);
            }
            Command::Bind => {
                if features.contains(Features::NAMES) {
                    let names = Names::told(extra.names(), Some(listener.at()), None, true);
                    listener.bound(names.local().ok());
                    socket.names = names;
                }
                socket.set_state(State::Opening); // 2
                self.queue(place);
            }
            Command::Listen => {
                listener.listens();
                socket.set_state(State::Open); // 3
                self.serve_listener(place, now_ns);
            }
            command => debug_assert!(false, "{command:?} is not sent for listeners"),
        }
    }

    /// A step towards connections failed.
    fn listener_failed(&mut self, place: usize, command: Command, errno: Errno, now_ns: u64) {
        let bind = command == Command::Bind;
        let own = bind && errno == Errno::EADDRINUSE && self.closes_that_port(place);
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let Role::Listener(listener) = &mut socket.role else {
            return;
        };
        let next = match own {
            true => listener.wait_for_port(now_ns),
            false => listener.step_failed(bind, errno, &mut self.platform, now_ns),
        };
        match next {
            Next::Repeat => self.queue(place), // 10
            Next::Again => {
                listener.again = true;
                self.release(place); // 6, then 11
            }
            Next::Fail => {
                socket.fail(SocketError::Remote(errno));
                match command {
                    Command::Socket => self.finish(place, now_ns), // 5
                    _ => self.release(place),                      // 6
                }
            }
        }
    }

    /// Whether the port that a listener wants is that of one of ours that is closed and not yet
    /// released.
    fn closes_that_port(&mut self, place: usize) -> bool {
        let Some(wanted) = self.sockets.at(place).and_then(Socket::listener) else {
            return false;
        };
        let port = wanted.at().port();
        self.sockets.iter().any(|socket| match &socket.role {
            Role::Listener(other) => {
                let ends = matches!(socket.state(), State::Draining | State::Releasing);
                ends && !socket.owned && other.at().port() == port
            }
            _ => false,
        })
    }

    /// RELEASE was answered.
    fn listener_released(&mut self, place: usize, now_ns: u64) {
        self.orphan_accepts(place);
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let again = socket.begins_again();
        if let Some(listener) = socket.listener() {
            listener.again = false;
        }
        if again {
            socket.set_state(State::Creating); // 11
            self.begin_again(place, now_ns);
        } else {
            self.finish(place, now_ns); // 9
        }
        self.mend_slots(now_ns);
    }

    /// A listener that is Creating sets out, if its pause is over.
    pub(super) fn begin_again(&mut self, place: usize, now_ns: u64) {
        let waits = |socket: &&mut Socket| socket.waits_for_device();
        let Some(socket) = self.sockets.at(place).filter(waits) else {
            return;
        };
        if { socket.listener() }.is_some_and(|it| it.pause.is_over(now_ns)) {
            self.set_out(place);
        }
        self.rearm(place);
    }

    /// The caller is through with a listener that listens.
    pub(super) fn close_listener(&mut self, place: usize, now_ns: u64) {
        let cancels = self.features.contains(Features::CANCEL);
        self.recall_accepts(place, now_ns);
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let waits = { socket.listener() }.is_some_and(|it| !it.out.is_empty());
        if waits && !cancels {
            socket.deadline_ns = now_ns.saturating_add(ACCEPT_SETTLE_NS);
            socket.set_state(State::Draining); // 4
            self.rearm(place);
        } else {
            self.release(place); // 7
        }
    }

    /// An error is through with a listener.
    pub(super) fn release_listener(&mut self, place: usize, now_ns: u64) {
        self.recall_accepts(place, now_ns);
        self.release(place);
    }
}
