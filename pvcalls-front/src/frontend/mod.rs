//! The connected device: sockets, and the calls that the runtime makes.
//!
//! * `lifecycle.rs`: connect and close, and what becomes of a socket;
//! * `exchange.rs`: commands, and what their answers do;
//! * `calls.rs`: what can be asked of a socket that is there; `names.rs`: its addresses;
//! * `passive.rs`: listen; `accept.rs`: accept;
//! * `resolve.rs`: names of hosts;
//! * `stream.rs`: reading and writing;
//! * `datagram.rs`: the same, and binding, of datagram sockets;
//! * `events.rs`: what the runtime calls when time passes, an event comes or it wants to sleep;
//! * `outage.rs`: a device that breaks, and comes up again.
//!
//! Nothing here waits, and nothing here is called by anyone but the owner of the [`Frontend`]:
//! all methods take `&mut self`, so "look, then register, then sleep" needs no further care as
//! long as pending events are handled between the last two.

mod accept;
mod calls;
mod datagram;
mod events;
mod exchange;
mod lifecycle;
mod names;
mod outage;
mod passive;
mod resolve;
mod stream;

pub use datagram::Received;
pub use stream::Readiness;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::task::Waker;

use self::resolve::LookupPages;
use crate::budget::Budget;
use crate::calls::Calls;
use crate::commands::Commands;
use crate::config::Config;
use crate::error::{DeviceFault, SocketError};
use crate::features::Features;
use crate::handshake::Backoff;
use crate::platform::Platform;
use crate::pool::Pool;
use crate::quarantine::Quarantine;
use crate::ring::Ring;
use crate::socket::{Interest, Role, Socket, State};
use crate::table::Table;
use crate::timers::Timers;
use crate::units::{DomainId, Port, RingOrder, SocketId};
use crate::wakers::WakerSet;

/// A PV Calls device. Made by [`Handshake::step`](crate::Handshake::step), in the state Connected.
///
/// It outlives its backend: when that goes away, every socket fails, and what
/// [`reconnect`](Self::reconnect) gives brings the device up again.
#[derive(Debug)]
pub struct Frontend<P> {
    platform: P,
    config: Config,
    backend: DomainId,
    max_order: RingOrder,
    features: Features,
    /// `None` from [`reconnect`](Self::reconnect) to [`resume`](Self::resume).
    commands: Option<Commands>,
    command_budget: Budget,
    sockets: Table,
    by_port: BTreeMap<Port, usize>,
    /// Sockets whose RELEASE waits for a slot; they come first.
    releases: VecDeque<usize>,
    /// Sockets whose command waits for a slot, and is answered at once: SOCKET, BIND, LISTEN.
    prompt: VecDeque<usize>,
    /// Sockets whose command waits for a slot, and may be answered late: CONNECT.
    waiting: VecDeque<usize>,
    /// Streams whose ACCEPT waits for a slot.
    accepts: VecDeque<usize>,
    /// CONNECTs that the backend has not answered.
    connecting: u32,
    /// The most pages that were free when a ring was made.
    most_free_pages: usize,
    calls: Calls,
    /// Listeners that nobody has closed.
    listeners: Vec<SocketId>,
    /// Streams whose ACCEPT is with the backend although their listener is not: see `accept.rs`.
    orphans: Vec<SocketId>,
    lookup_pages: LookupPages,
    /// Sockets with something to announce before the caller blocks.
    dirty: Vec<usize>,
    timers: Timers,
    pool: Pool,
    quarantine: Quarantine,
    /// Rings of CONNECTs that the backend had not answered when the device broke.
    held: Vec<Ring>,
    broken: Option<DeviceFault>,
    /// When the device came up, in nanoseconds.
    up_since_ns: u64,
    backoff: Backoff,
    /// When to see whether the backend lives, although no event says otherwise.
    look_ns: Option<u64>,
    drain_wakers: WakerSet,
    device_wakers: WakerSet,
    counters: Counters,
}

/// The timer key of what belongs to no socket: the quarantine and the command port's mask. A
/// socket's key is its place plus one.
const DEVICE: usize = 0;

#[derive(Debug, Default)]
struct Counters {
    late: u64,
    masked: u64,
    /// Datagrams whose sender's address made no sense.
    nameless: u64,
    /// Bad responses in command rings that are gone.
    bad_responses: u64,
    reconnects: u64,
}

/// What a handshake brings.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) backend: DomainId,
    pub(crate) max_order: RingOrder,
    pub(crate) features: Features,
    pub(crate) commands: Commands,
    /// Pages of earlier attempts.
    pub(crate) quarantine: Quarantine,
    pub(crate) backoff: Backoff,
    pub(crate) up_since_ns: u64,
}

/// Numbers for tests, logs and the curious; see [`Frontend::stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Sockets in the table: those with a handle and those still being closed.
    pub sockets: usize,
    /// Requests that the backend has not answered.
    pub outstanding_commands: u32,
    /// Responses that answered nothing and were dropped.
    pub bad_responses: u64,
    /// Calls that have a place: their caller waits, or the backend has not answered.
    pub calls: usize,
    /// Those of them that nobody waits for any more.
    pub calls_given_up: usize,
    /// Answers that came after the caller had given up.
    pub late_answers: u64,
    /// Times a port was masked because its events brought nothing.
    pub ports_masked: u64,
    /// Pages the backend has not let go of.
    pub quarantined_pages: usize,
    /// Pages of rings that wait for the next connection, and those that wait for the next lookup.
    pub pooled_pages: usize,
    /// Such rings; each has a port.
    pub pooled_rings: usize,
    /// Times the device came up again.
    pub reconnects: u64,
    /// Listeners that nobody has closed.
    pub listeners: usize,
    /// ACCEPTs of theirs that wait for a connection, or for a slot. Each has a ring with a port.
    pub accepts_out: usize,
    /// Pages of these rings, and of those of lost slots.
    pub accept_pages: usize,
    /// Slots of the command ring that are lost, until the device is connected anew, to ACCEPTs that
    /// a Linux backend does not answer because their listener was closed.
    pub slots_lost: usize,
    /// Datagrams that were dropped because the backend gave them no sender that makes sense.
    pub nameless_datagrams: u64,
}

impl<P: Platform> Frontend<P> {
    pub(crate) fn new(platform: P, config: Config, link: Link) -> Self {
        Self {
            platform,
            config,
            pool: Pool::new(config.pooled_rings),
            backend: link.backend,
            max_order: link.max_order,
            features: link.features,
            commands: Some(link.commands),
            command_budget: Budget::default(),
            sockets: Table::default(),
            by_port: BTreeMap::new(),
            releases: VecDeque::new(),
            prompt: VecDeque::new(),
            waiting: VecDeque::new(),
            accepts: VecDeque::new(),
            connecting: 0,
            most_free_pages: 0,
            calls: Calls::default(),
            listeners: Vec::new(),
            orphans: Vec::new(),
            lookup_pages: LookupPages::default(),
            dirty: Vec::new(),
            timers: Timers::default(),
            quarantine: link.quarantine,
            held: Vec::new(),
            broken: None,
            up_since_ns: link.up_since_ns,
            backoff: link.backoff,
            look_ns: None,
            drain_wakers: WakerSet::default(),
            device_wakers: WakerSet::default(),
            counters: Counters::default(),
        }
    }

    /// The port of the command ring, while there is one; its events go to
    /// [`on_event`](Self::on_event) as well.
    #[must_use]
    pub fn command_port(&self) -> Option<Port> {
        self.commands.as_ref().map(Commands::port)
    }

    /// The largest ring that this backend and this driver both take. During an outage, that the
    /// last one took.
    #[must_use]
    pub fn max_ring_order(&self) -> RingOrder {
        self.max_order
    }

    /// Changes [`Config::ring_order`], for connections that begin from now on.
    pub fn set_ring_order(&mut self, order: RingOrder) {
        self.config.ring_order = order;
    }

    /// The extensions of docs/extensions.md that are in force. During an outage, those that were.
    #[must_use]
    pub fn features(&self) -> Features {
        self.features
    }

    /// The domain that the backend runs in.
    #[must_use]
    pub fn backend(&self) -> DomainId {
        self.backend
    }

    /// Why the device is out of use, if it is: from when it breaks until
    /// [`resume`](Self::resume).
    #[must_use]
    pub fn fault(&self) -> Option<DeviceFault> {
        self.broken
    }

    /// The platform, to look at.
    #[must_use]
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Closed sockets whose bytes are not all with the backend yet. A guest that ends before
    /// this is 0 loses them.
    #[must_use]
    pub fn draining(&self) -> usize {
        self.sockets
            .iter()
            .filter(|socket| socket.state() == State::Draining)
            .count()
    }

    /// Closed sockets that the backend has not let go of, although all bytes are with it. The other
    /// end does not see the end of such a connection before. A waker of
    /// [`register_drain`](Self::register_drain) is woken for each that goes.
    #[must_use]
    pub fn releasing(&self) -> usize {
        self.sockets
            .iter()
            .filter(|socket| socket.state() == State::Releasing)
            .count()
    }

    /// CONNECTs that the backend has not answered, those included whose caller has given up; and
    /// closed listeners that it has not let go of, whose ACCEPTs may still bring a connection.
    ///
    /// A guest should not end while there are any, if it can help it: a Linux backend whose
    /// connect or accept succeeds after its guest is gone fails to map the ring, and its domain
    /// with it. Always 0 with a backend that can cancel: no guest needs to wait for that.
    #[must_use]
    pub fn unanswered_connects(&self) -> u32 {
        if self.features.contains(Features::CANCEL) {
            return 0;
        }
        let ending = |socket: &&Socket| {
            matches!(socket.role, Role::Listener(_)) && socket.state() == State::Releasing
        };
        let listeners = self.sockets.iter().filter(ending).count();
        self.connecting + u32::try_from(listeners).unwrap_or(u32::MAX)
    }

    /// Has `waker` woken when a draining socket is through, or a CONNECT is answered.
    pub fn register_drain(&mut self, waker: &Waker) {
        self.drain_wakers.register(waker);
    }

    /// Has `waker` woken when the device breaks: it is time to [`reconnect`](Self::reconnect).
    pub fn register_fault(&mut self, waker: &Waker) {
        self.device_wakers.register(waker);
    }

    /// Has `waker` woken once when what `interest` names may have changed.
    ///
    /// Any number of wakers can be registered; each is woken once and forgotten. A wake-up is a
    /// reason to try again, not a promise of success. A backend that was told to be sparing with
    /// events sends none for what nobody registered for.
    ///
    /// # Errors
    /// [`SocketError::NoSuchSocket`].
    pub fn register(
        &mut self,
        id: SocketId,
        interest: Interest,
        waker: &Waker,
    ) -> Result<(), SocketError> {
        let wishes = self.features.contains(Features::EVENT_IDX);
        let socket = self.socket(id)?;
        socket.register(interest, waker);
        // Or somebody would wait for room or bytes that are of no use.
        socket.wake_shut();
        if wishes && let (State::Open, Some(data)) = (socket.state(), &mut socket.data) {
            match data.wait(interest) {
                Ok(()) => socket.wake_ready(),
                Err(fault) => {
                    self.lose(id.place(), SocketError::Ring(fault));
                    self.pump();
                }
            }
        }
        Ok(())
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            sockets: self.sockets.iter().count(),
            outstanding_commands: self.outstanding(),
            bad_responses: self.counters.bad_responses
                + self.commands.as_ref().map_or(0, Commands::faults),
            calls: self.calls.len(),
            calls_given_up: self.calls.given_up(),
            late_answers: self.counters.late,
            ports_masked: self.counters.masked,
            quarantined_pages: self.quarantine.page_count()
                + self.held.iter().map(Ring::page_count).sum::<usize>()
                + self.lookup_pages.held.len(),
            pooled_pages: self.pool.page_count() + self.lookup_pages.spare.len(),
            pooled_rings: self.pool.len(),
            reconnects: self.counters.reconnects,
            listeners: self.listeners.len(),
            accepts_out: { self.sockets.iter() }
                .filter_map(|socket| match &socket.role {
                    Role::Listener(listener) => Some(listener.out.len()),
                    _ => None,
                })
                .sum(),
            accept_pages: { self.sockets.iter() }
                .filter(|socket| {
                    matches!(socket.role, Role::Accepted { .. }) && socket.state() == State::Opening
                })
                .filter_map(|socket| Some(socket.data.as_ref()?.ring.page_count()))
                .sum(),
            slots_lost: self.orphans.len(),
            nameless_datagrams: self.counters.nameless,
        }
    }

    /// Requests whose slot has not come back.
    fn outstanding(&self) -> u32 {
        self.commands.as_ref().map_or(0, Commands::outstanding)
    }

    /// The socket of a handle that its owner has not closed.
    fn socket(&mut self, id: SocketId) -> Result<&mut Socket, SocketError> {
        self.sockets
            .get(id)
            .filter(|socket| socket.owned)
            .ok_or(SocketError::NoSuchSocket)
    }
}
