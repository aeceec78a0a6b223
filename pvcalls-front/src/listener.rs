//! A socket that takes connections: where it is bound, the ACCEPTs that are out, the streams that
//! wait for the caller.
//!
//! # ACCEPT, not POLL
//! An ACCEPT hands a data ring over before there is a connection, a POLL only asks to be told. Both
//! hold a slot of the command ring for as long as nobody connects; a POLL saves the memory of the
//! ring until then, and costs a round trip more for each connection. So the driver has ACCEPTs out,
//! as many as [`Config::accepts_ahead`](crate::Config::accepts_ahead) and memory allow, and never a POLL (which Linux's backend
//! does not answer at all when the listener is gone, and refuses beside an ACCEPT).
//!
//! # How many
//! With `feature-multi-accept` several for each listener, else one: Linux's backend refuses a
//! second. ACCEPTs that are out and streams that wait for the caller count together, so a caller
//! that does not accept leaves the rest of the connections in the host's queue, where the backlog
//! bounds them. Each listener has one ACCEPT for sure; the number of listeners is limited for that.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::config::{ListenOptions, SECOND_NS};
use crate::errno::Errno;
use crate::features::Features;
use crate::platform::Platform;
use crate::socket::{Role, Slot, Socket, State};
use crate::units::SocketId;
use crate::wire::Request;

/// How many ports are tried for a caller that does not mind which.
const PORT_TRIES: u32 = 64;

/// The first of the ports that IANA left for that (RFC 6335, section 6): up to 65535.
const FIRST_FREE_PORT: u16 = 49152;

/// How long a listener that was bound before an outage tries to be so again. Linux's backend does
/// not set `SO_REUSEADDR`: the port stays taken for a minute by connections that were closed.
const REBIND_PATIENCE_NS: u64 = 75 * SECOND_NS;

/// Number of option `ONLY_V6` (docs/extensions.md).
const ONLY_V6: u32 = 9;

/// What only listeners have.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) options: ListenOptions,
    /// What the caller asked for.
    asked: SocketAddr,
    /// The same with the port that was chosen, or is being tried.
    at: SocketAddr,
    /// Ports that were tried.
    tries: u32,
    /// Option `ONLY_V6` has yet to be sent.
    configure: bool,
    /// LISTEN has succeeded at some time: it stays a listener through outages.
    pub(crate) established: bool,
    /// Bound before and not now: until when that is tried.
    rebind_until_ns: Option<u64>,
    /// When RELEASE is answered, it begins again.
    pub(crate) again: bool,
    /// Nothing is sent for it meanwhile.
    pub(crate) pause: Pause,
    /// Streams that the caller has not taken, in the order in which they came.
    pub(crate) ready: VecDeque<SocketId>,
    /// Streams whose ACCEPT waits for a slot or is with the backend.
    pub(crate) out: Vec<SocketId>,
}

/// What is to be done about a step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The same command, with other arguments.
    Repeat,
    /// From SOCKET on, when the pause is over.
    Again,
    /// The error is the caller's.
    Fail,
}

impl Listener {
    pub(crate) fn new(at: SocketAddr, options: ListenOptions) -> Self {
        Self {
            options,
            asked: at,
            at,
            tries: 0,
            configure: false,
            established: false,
            rebind_until_ns: None,
            again: false,
            pause: Pause::default(),
            ready: VecDeque::new(),
            out: Vec::new(),
        }
    }

    /// What a backend must be able to do for it.
    pub(crate) fn needs(&self) -> Features {
        let mut needs = Features::empty();
        needs.set(Features::IPV6, self.asked.is_ipv6());
        needs.set(Features::OPTIONS, self.options.only_v6.is_some());
        needs
    }

    /// Where it is bound, as far as the guest knows it by itself.
    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    /// SOCKET has succeeded: options and BIND are next.
    pub(crate) fn prepare<P: Platform>(&mut self, features: Features, platform: &mut P) {
        self.configure = self.options.only_v6.is_some();
        if self.at.port() == 0 && !features.contains(Features::NAMES) {
            self.guess_port(platform);
        }
    }

    /// What Binding sends.
    pub(crate) fn bind_request(&self, id: SocketId) -> Request {
        match self.options.only_v6 {
            Some(only) if self.configure => Request::SetOption {
                id,
                option: ONLY_V6,
                value: i64::from(only),
            },
            _ => Request::Bind { id, at: self.at },
        }
    }

    /// The option is set.
    pub(crate) fn configured(&mut self) {
        self.configure = false;
    }

    /// BIND has succeeded, and perhaps told which port it is.
    pub(crate) fn bound(&mut self, local: Option<SocketAddr>) {
        if self.at.port() == 0
            && let Some(local) = local
        {
            self.at.set_port(local.port());
        }
    }

    /// LISTEN has succeeded.
    pub(crate) fn listens(&mut self) {
        self.established = true;
        self.rebind_until_ns = None;
        self.pause = Pause::default();
    }

    /// What to do after this error of a step before it listens; `bind` if it is that of BIND.
    pub(crate) fn step_failed<P: Platform>(
        &mut self,
        bind: bool,
        errno: Errno,
        platform: &mut P,
        now_ns: u64,
    ) -> Next {
        if self.established {
            let until_ns = self.rebind_until_ns;
            let until_ns = until_ns.unwrap_or(now_ns.saturating_add(REBIND_PATIENCE_NS));
            self.rebind_until_ns = Some(until_ns);
            if now_ns < until_ns && (errno == Errno::EADDRINUSE || is_shortage(errno)) {
                self.pause.begin(now_ns);
                return Next::Again;
            }
            return Next::Fail;
        }
        let another_port =
            errno == Errno::EADDRINUSE && self.asked.port() == 0 && self.tries < PORT_TRIES;
        match (another_port, bind) {
            (false, _) => Next::Fail,
            (true, true) => {
                self.guess_port(platform);
                Next::Repeat
            }
            // The socket has a port by now, and cannot be given another one.
            (true, false) => {
                self.at.set_port(0);
                Next::Again
            }
        }
    }

    /// The port is about to be free.
    pub(crate) fn wait_for_port(&mut self, now_ns: u64) -> Next {
        self.pause.begin(now_ns);
        Next::Again
    }

    /// The device is out of use, and what it had with it.
    pub(crate) fn suspend(&mut self) {
        self.out.clear();
        self.again = false;
        self.rebind_until_ns = None;
        self.pause = Pause::default();
    }

    fn guess_port<P: Platform>(&mut self, platform: &mut P) {
        self.tries += 1;
        let ports = u64::from(u16::MAX - FIRST_FREE_PORT) + 1;
        let offset = platform.random() % ports;
        let offset = u16::try_from(offset).unwrap_or_default();
        self.at.set_port(FIRST_FREE_PORT + offset);
    }
}

/// That a socket listened a moment ago: ACCEPT needs it. A Linux backend that is asked to accept
/// before it was asked to listen takes dom0 with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listening(SocketId);

impl Listening {
    /// The listener.
    pub(crate) fn id(self) -> SocketId {
        self.0
    }

    #[cfg(test)]
    pub(crate) fn pretend(id: SocketId) -> Self {
        Self(id)
    }
}

impl Socket {
    /// Whether it takes connections: LISTEN was answered, and nothing came in between.
    pub(crate) fn listening(&self) -> Option<Listening> {
        let is = matches!(self.role, Role::Listener(_)) && self.state() == State::Open;
        (is && !self.abandoned()).then_some(Listening(self.id))
    }

    /// The device broke. A listener that survives that waits from now on: true.
    pub(crate) fn suspend(&mut self) -> bool {
        let stays = !self.abandoned();
        let Some(listener) = self.listener() else {
            return false;
        };
        listener.suspend();
        if !stays || !listener.options.survives {
            return false;
        }
        if listener.established {
            self.deadline_ns = u64::MAX; // An outage has no end.
        }
        self.slot = Slot::None;
        self.set_state(State::Creating); // 12
        true
    }

    /// Whether it goes on with SOCKET when RELEASE is answered.
    pub(crate) fn begins_again(&self) -> bool {
        match &self.role {
            Role::Listener(listener) => listener.again && !self.abandoned(),
            _ => false,
        }
    }

    /// What it has if it is a listener.
    pub(crate) fn listener(&mut self) -> Option<&mut Listener> {
        match &mut self.role {
            Role::Listener(listener) => Some(listener),
            _ => None,
        }
    }
}

/// Whether an error of ACCEPT is about the listener. All others are about one connection, or about
/// something that is short for now.
pub(crate) fn is_fatal(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EBADF
            | Errno::EINVAL
            | Errno::ENOSYS
            | Errno::ENOTSOCK
            | Errno::EOPNOTSUPP
            | Errno::ENOTSUPP
    )
}

/// Whether the host is short of something.
fn is_shortage(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOMEM | Errno::ENFILE | Errno::EMFILE | Errno::ENOBUFS | Errno::EAGAIN
    )
}

/// A pause after something that went wrong, longer each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    until_ns: Option<u64>,
    next_ns: u64,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            until_ns: None,
            next_ns: Self::FIRST_NS,
        }
    }
}

impl Pause {
    /// The first pause, in nanoseconds.
    const FIRST_NS: u64 = 2_000_000;
    /// The longest.
    const LONGEST_NS: u64 = SECOND_NS;

    /// It begins, unless there is one.
    pub(crate) fn begin(&mut self, now_ns: u64) {
        if self.until_ns.is_none() {
            self.until_ns = Some(now_ns.saturating_add(self.next_ns));
            self.next_ns = (2 * self.next_ns).min(Self::LONGEST_NS);
        }
    }

    /// Whether there is none, or it is over, which is noted.
    pub(crate) fn is_over(&mut self, now_ns: u64) -> bool {
        self.until_ns = self.until_ns.filter(|&until_ns| until_ns > now_ns);
        self.until_ns.is_none()
    }

    /// When it ends.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        self.until_ns
    }
}
