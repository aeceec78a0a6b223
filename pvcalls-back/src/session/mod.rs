//! One frontend, served: its command ring, its sockets, what it may use up.
//!
//! A session belongs to one worker and is only touched by it. Everything a frontend can say is
//! data here; what it says wrong gets an error as its answer, and only what makes the command ring
//! itself useless ends the session ([`Session::broken`]).
//!
//! `commands.rs` answers what can be answered at once; `connect.rs`, `listener.rs`, `release.rs`
//! have the commands that wait; `stream.rs` and `datagram.rs` carry bytes, `turns.rs` says when;
//! `rings.rs` maps rings and keeps count; `extras.rs` has the extensions.

mod commands;
mod connect;
mod datagram;
mod extras;
mod listener;
mod rate;
mod release;
mod rings;
mod stream;
mod turns;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::abi::{Call, Extra, Family, Response};
use crate::audit::Audit;
use crate::command_ring::CommandRing;
use crate::counters::DeviceCounters;
use crate::data_ring::DataRing;
use crate::errno::Errno;
use crate::net::HostSocket;
use crate::platform::{Mapped, Platform};
use crate::policy::Transport;
use crate::sessions::{Connection, DeviceId, Ending};
use crate::worker::core::{Core, Target};
use crate::worker::orphans::Usage;
use crate::worker::timers::Due;
use crate::worker::tokens::{GENERATIONS, SOCKETS_MAX, SocketKey};

use datagram::Datagrams;
use extras::Lookup;
use listener::Listener;
use rate::Rate;
use stream::Stream;

/// Commands taken in one turn. As many as the ring has slots: a guest that fills it again
/// meanwhile waits for its next turn.
const COMMANDS_PER_TURN: u32 = crate::abi::SLOTS;
/// So many mapped pages count as a command of their own: a ring of the largest order is work.
const PAGES_PER_COMMAND: u32 = 32;

/// One frontend.
pub(crate) struct Session<M> {
    pub(crate) device: DeviceId,
    /// Its place among the worker's sessions.
    index: usize,
    connection: Connection,
    ring: CommandRing<M>,
    /// Our end of the command ring's port.
    port: u32,
    sockets: Slab<Socket<M>>,
    /// Sockets by the frontend's ids. `None`: promised to an ACCEPT that waits.
    ids: HashMap<u64, Option<usize>>,
    /// Counts the sockets there ever were.
    generation: u32,
    /// Sockets with work waiting, each once.
    ready: VecDeque<usize>,
    /// The session stands among those with such sockets.
    queued: bool,
    /// Rings kept for reuse.
    idle_rings: Vec<DataRing<M>>,
    /// Pages of the frontend's that are mapped.
    mapped_pages: u32,
    /// Connects under way.
    connecting: u32,
    /// Ids promised to ACCEPTs that wait.
    promised: u32,
    /// Sockets that listen.
    listeners: u32,
    /// Names being looked up, by ticket.
    lookups: HashMap<u64, Lookup<M>>,
    rate: Rate,
    /// Pages mapped by the command at hand, or what else it cost, in pages.
    pages_asked: u32,
    /// A timer will let commands be taken again.
    throttled: bool,
    counters: Arc<DeviceCounters>,
    audit: Audit,
    usage: Rc<Usage>,
    state: State,
}

/// How far a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Serving,
    /// The frontend broke the protocol.
    Broken(String),
    /// It ends; released sockets are still being sent from their rings.
    Closing,
}

/// A socket the frontend knows.
struct Socket<M> {
    id: u64,
    key: SocketKey,
    family: Family,
    transport: Transport,
    /// The host's socket; made again after a connect that failed.
    host: Option<HostSocket>,
    bound: bool,
    /// It came from a listener.
    accepted: bool,
    phase: Phase<M>,
    /// It stands in `ready`.
    queued: bool,
    /// Option LINGER: how long it is sent from after RELEASE, if not the domain's time.
    linger: Option<Duration>,
    /// The last error of a datagram, for option ERROR.
    last_error: Option<Errno>,
}

/// What a socket is doing.
enum Phase<M> {
    /// Nothing yet.
    Idle,
    Connecting {
        call: Call,
        ring: DataRing<M>,
        to: SocketAddr,
    },
    Stream(Box<Stream<M>>),
    Listener(Listener<M>),
    Datagrams(Box<Datagrams<M>>),
    /// Released, and there are bytes in its ring that did not fit anywhere else.
    Releasing {
        stream: Box<Stream<M>>,
        /// Who waits for it; nobody if the session ends.
        call: Option<Call>,
        deadline: Instant,
    },
}

impl<M: Mapped> Session<M> {
    /// Maps the command ring and binds its port.
    ///
    /// # Errors
    /// What to tell the operator. Nothing is mapped or bound then.
    pub(crate) fn open<P: Platform<Mapping = M>>(
        core: &mut Core<P>,
        index: usize,
        device: DeviceId,
        connection: Connection,
        counters: Arc<DeviceCounters>,
    ) -> Result<Self, String> {
        let page = core.platform.map(device.domain, &[connection.ring_ref]);
        let page = page.map_err(|error| {
            format!("ring-ref {} cannot be mapped: {error}", connection.ring_ref)
        })?;
        let ring = CommandRing::new(page);
        let port = core.platform.bind(device.domain, connection.port);
        let port =
            port.map_err(|error| format!("port {} cannot be bound: {error}", connection.port))?;
        core.direct(port, Target::Commands(index));
        if connection.features.has(crate::features::Feature::Alive) {
            if let Err(error) = ring
                .mapping()
                .notify_on_unmap(crate::abi::sring::ALIVE, port)
            {
                core.close_port(port);
                return Err(format!("the kernel does not watch over the ring: {error}"));
            }
            ring.set_alive();
        }
        let rate = Rate::new(connection.settings.limits.commands_per_second, core.now);
        counters.mapped_pages.add(1);
        Ok(Self {
            device,
            index,
            ring,
            port,
            sockets: Slab::new(),
            ids: HashMap::new(),
            generation: 0,
            ready: VecDeque::new(),
            queued: false,
            idle_rings: Vec::new(),
            mapped_pages: 1,
            connecting: 0,
            promised: 0,
            listeners: 0,
            lookups: HashMap::new(),
            rate,
            pages_asked: 0,
            throttled: false,
            counters,
            audit: Audit::new(device, &connection.settings),
            usage: core.usage(device),
            connection,
            state: State::Serving,
        })
    }

    /// Why the frontend is not served any more, if it broke the protocol.
    pub(crate) fn broken(&self) -> Option<&str> {
        match &self.state {
            State::Broken(reason) => Some(reason),
            _ => None,
        }
    }

    /// Takes commands, as many as a turn and the rate allow. Whether there were any.
    pub(crate) fn serve<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>) -> bool {
        let mut taken = 0;
        while self.state == State::Serving && !self.throttled && taken < COMMANDS_PER_TURN {
            match self.ring.take() {
                Err(overflow) => self.break_off(core, overflow.to_string()),
                Ok(None) => {
                    if !self.ring.wait() {
                        break;
                    }
                    // Or a guest that takes its request back each time could keep us here.
                    taken += 1;
                }
                Ok(Some(request)) => {
                    self.counters.commands.add(1);
                    self.execute(core, request);
                    let cost = 1 + std::mem::take(&mut self.pages_asked) / PAGES_PER_COMMAND;
                    taken += cost;
                    if let Err(wait) = self.rate.take(cost, core.now) {
                        self.throttled = true;
                        self.counters.throttled.add(1);
                        core.timers.add(core.now + wait, Due::Commands(self.index));
                    }
                }
            }
        }
        if taken >= COMMANDS_PER_TURN && !self.throttled {
            // There may be more, and nobody will tell of it. Not in this turn: a guest may put in
            // requests as fast as they are taken.
            self.throttled = true;
            let next_turn = core.now + Duration::from_nanos(1);
            core.timers.add(next_turn, Due::Commands(self.index));
        }
        taken > 0
    }

    /// The time has come to take commands again.
    pub(crate) fn serve_again<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>) {
        if std::mem::take(&mut self.throttled) {
            self.serve(core);
        }
    }

    /// Lets the frontend see its answers.
    pub(crate) fn flush<P: Platform>(&mut self, core: &mut Core<P>) {
        if self.state == State::Serving && self.ring.publish() {
            core.platform.notify(self.port);
            self.counters.notifications_sent.add(1);
        }
    }

    /// Answers a request. Each is answered once: a [`Call`] stands for the duty.
    fn answer(&mut self, call: Call, result: Result<Extra, Errno>) {
        if self.state != State::Serving {
            return;
        }
        if result.is_err() {
            self.counters.command_errors.add(1);
        }
        self.ring.answer(&Response { call, result });
    }

    /// The sockets of a domain, those included that it has released.
    fn sockets_in_use(&self) -> usize {
        let own = self.sockets.len() + self.promised as usize;
        own + self.usage.orphans.get() as usize
    }

    /// Whether there may be another one.
    fn has_room_for_a_socket(&self) -> bool {
        self.sockets_in_use() < self.connection.settings.limits.sockets as usize
            && self.sockets.len() < SOCKETS_MAX as usize
    }

    /// Adds a socket under a new id.
    fn add_socket(
        &mut self,
        id: u64,
        transport: Transport,
        family: Family,
        host: HostSocket,
    ) -> usize {
        self.generation = (self.generation + 1) % GENERATIONS;
        let entry = self.sockets.vacant_entry();
        let index = entry.key();
        entry.insert(Socket {
            id,
            key: SocketKey {
                session: self.index,
                socket: index,
                generation: self.generation,
            },
            family,
            transport,
            host: Some(host),
            bound: false,
            accepted: false,
            phase: Phase::Idle,
            queued: false,
            linger: None,
            last_error: None,
        });
        self.ids.insert(id, Some(index));
        self.counters.sockets.add(1);
        index
    }

    /// Takes a socket out: nothing of it is left but what is returned.
    fn remove_socket(&mut self, index: usize) -> Socket<M> {
        let socket = self.sockets.remove(index);
        // The id may stand for another socket, if this one was released long ago.
        if self.ids.get(&socket.id) == Some(&Some(index)) {
            self.ids.remove(&socket.id);
        }
        self.counters.sockets.sub(1);
        if socket.queued {
            self.ready.retain(|&one| one != index);
        }
        socket
    }

    /// The place of the socket with this id.
    fn find(&self, id: u64) -> Result<usize, Errno> {
        self.ids.get(&id).copied().flatten().ok_or(Errno::EBADF)
    }

    /// The socket with this key, if it is still there.
    fn current(&self, key: SocketKey) -> bool {
        self.sockets
            .get(key.socket)
            .is_some_and(|socket| socket.key.generation == key.generation)
    }

    /// The operating system has news of a socket.
    pub(crate) fn on_socket<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        key: SocketKey,
        event: &mio::event::Event,
    ) {
        if !self.current(key) {
            return;
        }
        match &mut self.sockets[key.socket].phase {
            Phase::Idle => {}
            Phase::Connecting { .. } if !event.is_writable() && !event.is_error() => {}
            Phase::Connecting { .. } => {
                self.finish_connect(core, key.socket);
                // The same event may tell of bytes, even of the end: it is not told again.
                if let Some(socket) = self.sockets.get_mut(key.socket)
                    && let Phase::Stream(stream) = &mut socket.phase
                {
                    stream.on_event(event);
                }
            }
            Phase::Stream(stream) | Phase::Releasing { stream, .. } => {
                stream.on_event(event);
                self.enqueue(core, key.socket);
            }
            Phase::Datagrams(datagrams) => {
                datagrams.on_event(event);
                self.enqueue(core, key.socket);
            }
            Phase::Listener(listener) => {
                listener.on_event();
                self.serve_listener(core, key.socket);
            }
        }
    }

    /// The frontend raised the port of a socket. Whether there was something to do.
    pub(crate) fn on_ring<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        key: SocketKey,
    ) -> bool {
        self.counters.notifications_received.add(1);
        self.current(key) && self.pump(core, key.socket, turns::DIRECT_BUDGET)
    }

    /// The frontend raised the port of the command ring. Whether there was something to do.
    pub(crate) fn on_commands<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>) -> bool {
        self.counters.notifications_received.add(1);
        self.serve(core)
    }

    /// The frontend broke the protocol: nothing it says is believed any more.
    fn break_off<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>, reason: String) {
        tracing::warn!(device = %self.device, %reason, "the frontend broke the protocol");
        self.state = State::Broken(reason);
        self.close_sockets(core, Ending::Now);
    }

    /// Begins to end the session.
    pub(crate) fn close<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>, ending: Ending) {
        self.cancel_waiting();
        self.flush(core);
        self.state = State::Closing;
        self.close_sockets(core, ending);
    }

    /// Whether nothing is left but the command ring.
    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closing && self.sockets.is_empty()
    }

    /// The last step: gives back the command ring.
    pub(crate) fn finish<P: Platform<Mapping = M>>(self, core: &mut Core<P>) {
        drop(self.ring);
        self.counters.mapped_pages.sub(1);
        core.close_port(self.port);
    }
}
