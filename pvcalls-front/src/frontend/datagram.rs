//! Datagram sockets (`feature-udp`): binding, sending, receiving, and going on after an outage.
//!
//! A datagram socket takes SOCKET, BIND and ATTACH, which hands over its data ring. Datagrams lie in
//! that as frames ([`datagram`](crate::datagram)), whole ones only. What the network does to one of
//! them later (nobody listens, no route, a policy) shows in the option ERROR and fails nothing.
//!
//! When the device breaks the socket fails once, and waits: it is bound again, to the same port, when
//! the device is back, and has its peer again if it had one. Datagrams that were on their way are lost,
//! as datagrams may be.

use core::net::SocketAddr;

use super::Frontend;
use crate::config::ConnectOptions;
use crate::datagram::{Datagrams, encode_header, payload_limit};
use crate::errno::Errno;
use crate::error::{ConnectError, DeviceFault, ResourceError, SocketError, TryError};
use crate::features::Features;
use crate::in_ring::Arrived;
use crate::index::Index;
use crate::notify::Notify;
use crate::options::Call;
use crate::platform::Platform;
use crate::ring::DataRing;
use crate::socket::{Names, Role, Socket, State};
use crate::units::{RingOrder, SocketId};
use crate::wire::{Command, Extra};

/// The smallest ring that every datagram fits into.
const ROOMY: RingOrder = RingOrder::new(6).expect("in range");

/// A ring that nobody asked for in that size takes at most one in so many free pages. There are few
/// such sockets, and a smaller ring does not only cost turns, but datagrams.
const FREE_PER_RING: usize = 32;

/// How many datagrams of nobody are passed over before somebody else has a turn.
const NAMELESS_LIMIT: u32 = 256;

/// A datagram that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of its payload in the caller's buffer.
    pub bytes: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// It was longer: than the buffer, or than the ring, and the rest is lost.
    pub cut: bool,
}

impl<P: Platform> Frontend<P> {
    /// Begins to open a datagram socket with that local address; the outcome is told by
    /// [`try_bound`](Self::try_bound). Port 0 lets the host choose; with an address of zeroes as well,
    /// a host whose policy lets nobody bind is asked for nothing, and chooses when something is sent.
    ///
    /// The handle is the caller's until it is given to [`close`](Self::close). Without a
    /// [`ring_order`](ConnectOptions::ring_order) the ring has room for the longest datagram as far as
    /// backend and memory permit: see [`datagram_limit`](Self::datagram_limit).
    ///
    /// # Errors
    /// Only what shows at once: a ring order out of range, a shortage of this guest, a backend
    /// without `feature-udp`, or without `feature-ipv6` for such an address.
    pub fn bind_datagram(
        &mut self,
        at: SocketAddr,
        options: ConnectOptions,
        now_ns: u64,
    ) -> Result<SocketId, ConnectError> {
        for (needed, feature) in [(true, Features::UDP), (at.is_ipv6(), Features::IPV6)] {
            if needed && !self.features.contains(feature) {
                return Err(ConnectError::Unsupported(feature));
            }
        }
        let max = self.max_order;
        if let Some(asked) = options.ring_order
            && asked > max
        {
            return Err(ConnectError::RingOrder { asked, max });
        }
        let (data, patience_ns) = if self.broken.is_some() {
            (None, self.config.outage_patience_ns)
        } else {
            let data = self.create_datagram_ring(options);
            let data = data.map_err(ConnectError::Resources)?;
            (Some(data), self.config.connect_timeout_ns)
        };
        let deadline_ns = options
            .deadline_ns
            .unwrap_or(now_ns.saturating_add(patience_ns));
        let role = Role::Datagrams(Datagrams::new(at));
        let id = self
            .sockets
            .insert(|id| Socket::new(id, role, options, data, deadline_ns));
        self.set_out(id.place());
        self.pump();
        Ok(id)
    }

    /// The outcome of a bind. While it is bound anew after an outage, it is under way again.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] while it is under way ([`Interest::Connect`](crate::Interest)); else
    /// the reason of the failure.
    pub fn try_bound(&mut self, id: SocketId) -> Result<(), TryError> {
        self.try_connect(id)
    }

    /// The longest datagram that the socket can carry, in bytes, either way. Longer ones are refused
    /// or come in cut.
    ///
    /// # Errors
    /// [`SocketError::NoSuchSocket`], and [`SocketError::NotConnected`] if it has no ring now.
    pub fn datagram_limit(&mut self, id: SocketId) -> Result<usize, SocketError> {
        let socket = self.socket(id)?;
        match (&socket.role, &socket.data) {
            (Role::Datagrams(_), Some(data)) => Ok(payload_limit(data.ring.array_bytes()) as usize),
            _ => Err(socket.failure.unwrap_or(SocketError::NotConnected)),
        }
    }

    /// Sends a datagram to that address, or to the default peer: all of it or nothing.
    ///
    /// The backend may not know of it until [`flush`](Self::flush). That it was taken does not mean
    /// that it arrives, or that the host's policy lets it out.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if there is no room for it now; else why it cannot be sent:
    /// [`SocketError::MessageSize`] if there never will be, [`SocketError::Away`] while the device is
    /// out of use.
    pub fn try_send_to(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        to: Option<SocketAddr>,
        now_ns: u64,
    ) -> Result<(), TryError> {
        let place = id.place();
        let socket = self.socket(id)?;
        let failure = socket.failure;
        let state = socket.state();
        let Role::Datagrams(datagrams) = &mut socket.role else {
            return Err(failure.unwrap_or(SocketError::NotConnected).into());
        };
        if let Some(error) = failure.or_else(|| datagrams.news.take()) {
            return Err(error.into());
        }
        let data = match (state, &mut socket.data) {
            (State::Open, Some(data)) => data,
            _ if datagrams.survives => return Err(SocketError::Away.into()),
            _ => return Err(SocketError::NotConnected.into()),
        };
        match to {
            None if datagrams.peer.is_none() => return Err(SocketError::NoPeer.into()),
            Some(to) if to.is_ipv6() && datagrams.at.is_ipv4() => {
                return Err(SocketError::AddressFamily.into());
            }
            _ => {}
        }
        let limit = payload_limit(data.ring.array_bytes());
        let payload = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if payload > limit {
            return Err(SocketError::MessageSize.into());
        }
        let looked = data.output.refresh(&data.ring);
        let error = match (looked, data.output.error()) {
            (Err(fault), _) => SocketError::Ring(fault),
            (Ok(()), Some(errno)) => SocketError::Remote(errno),
            (Ok(()), None) => {
                let header = encode_header(payload, to.as_ref());
                match data.output.write_frame(&data.ring, &header, bytes) {
                    None => return Err(TryError::WouldBlock),
                    Some(Notify::No) => {}
                    Some(Notify::Later) => self.mark_dirty(place),
                    Some(Notify::Now) => {
                        self.announce(place, now_ns);
                        self.pump();
                    }
                }
                return Ok(());
            }
        };
        self.lose(place, error);
        self.pump();
        Err(error.into())
    }

    /// Takes the next datagram, or looks at it if it is not to be consumed. What is longer than `into`
    /// is cut, and the rest is lost with it.
    ///
    /// Datagrams whose sender's address makes no sense are passed over, and counted.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if there is none yet; else why none will come. After an outage of the
    /// backend an error is told once ([`SocketError::Device`]), and more datagrams may come.
    pub fn try_receive_from(
        &mut self,
        id: SocketId,
        into: &mut [u8],
        consume: bool,
    ) -> Result<Received, TryError> {
        for _ in 0..NAMELESS_LIMIT {
            if let Some(received) = self.look_for_datagram(id, into, consume)? {
                return Ok(received);
            }
        }
        Err(TryError::WouldBlock)
    }

    /// As [`try_receive_from`](Self::try_receive_from), or `None` for one that is passed over.
    fn look_for_datagram(
        &mut self,
        id: SocketId,
        into: &mut [u8],
        consume: bool,
    ) -> Result<Option<Received>, TryError> {
        let place = id.place();
        let socket = self.socket(id)?;
        let failure = socket.failure;
        let state = socket.state();
        let Role::Datagrams(datagrams) = &mut socket.role else {
            return Err(failure.unwrap_or(SocketError::NotConnected).into());
        };
        if let Some(error) = failure.or_else(|| datagrams.news.take()) {
            return Err(error.into());
        }
        let data = match (state, &mut socket.data) {
            (State::Open, Some(data)) => data,
            _ if datagrams.survives => return Err(TryError::WouldBlock),
            _ => return Err(SocketError::NotConnected.into()),
        };
        let port = data.ring.port();
        let (received, notify) = match data.input.read_frame(&data.ring, into, consume) {
            Ok(Arrived::Datagram(header, bytes, notify)) => {
                let received = header.from.map(|from| Received {
                    bytes,
                    from,
                    cut: header.cut || bytes < header.payload as usize,
                });
                (received, notify)
            }
            Ok(Arrived::Nameless(notify)) => {
                self.counters.nameless += 1;
                (None, notify)
            }
            Ok(Arrived::Empty) => return Err(TryError::WouldBlock),
            Ok(Arrived::End(errno)) => return Err(SocketError::Remote(errno).into()),
            Err(fault) => {
                self.lose(place, SocketError::Ring(fault));
                self.pump();
                return Err(SocketError::Ring(fault).into());
            }
        };
        match notify {
            Notify::No => {}
            Notify::Later => self.mark_dirty(place),
            Notify::Now => self.platform.notify(port),
        }
        Ok(received)
    }

    /// A socket that was open before an outage has the options that it had.
    fn set_options_again(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let id = socket.id;
        let options = socket.datagrams_mut().map(|it| it.options.clone());
        for (option, value) in options.into_iter().flatten() {
            match self.call(id, Call::SetOption(option, value), now_ns) {
                Ok(call) => self.drop_call(call),
                Err(error) => log::warn!("{id}: {option:?} is not as it was: {error}"),
            }
        }
    }

    /// A command of a datagram socket, not RELEASE, was answered.
    pub(super) fn datagram_step(
        &mut self,
        place: usize,
        command: Command,
        result: Result<Extra, Errno>,
        now_ns: u64,
    ) {
        let names = self.features.contains(Features::NAMES);
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let abandoned = socket.abandoned();
        let Role::Datagrams(datagrams) = &mut socket.role else {
            return;
        };
        let next = match (command, result) {
            (_, Ok(_)) if abandoned => None,
            (Command::Socket, Ok(_)) => Some(State::Binding),
            (Command::Bind, Ok(extra)) => {
                socket.note_bound(names.then(|| extra.names()));
                Some(State::Opening)
            }
            // The policy lets nobody bind, but it may let somebody send: ATTACH takes a socket that
            // was never bound.
            (Command::Bind, Err(Errno::EACCES)) if !abandoned && datagrams.takes_any_address() => {
                Some(State::Opening)
            }
            (Command::Attach | Command::Connect, Ok(extra)) => {
                datagrams.survives = true;
                if command == Command::Connect && names {
                    let peer = datagrams.peer;
                    socket.names = Names::told(extra.names(), None, peer, true);
                }
                Some(State::Open)
            }
            (command, Ok(_)) => {
                debug_assert!(false, "{command:?} is not sent for datagram sockets");
                return;
            }
            (Command::Socket, Err(errno)) => {
                socket.fail(SocketError::Remote(errno));
                self.finish(place, now_ns);
                return;
            }
            (_, Err(errno)) => {
                socket.fail(SocketError::Remote(errno));
                None
            }
        };
        match next {
            None => self.release(place),
            Some(State::Open) => {
                socket.set_state(State::Open);
                self.service(place, now_ns);
                self.set_options_again(place, now_ns);
            }
            Some(state) => {
                socket.set_state(state);
                self.queue(place);
            }
        }
    }

    /// The device broke: a datagram socket that was in use fails once, and waits for the device.
    /// False for all others.
    pub(super) fn outlive(&mut self, place: usize, fault: DeviceFault, now_ns: u64) -> bool {
        let Some(socket) = self.sockets.at(place) else {
            return false;
        };
        if socket.abandoned() {
            return false;
        }
        let Role::Datagrams(datagrams) = &mut socket.role else {
            return false;
        };
        if !datagrams.survives {
            return false;
        }
        datagrams.news = Some(SocketError::Device(fault));
        self.give_ring_up(place, now_ns);
        if let Some(socket) = self.sockets.at(place) {
            socket.wait_for_device();
        }
        true
    }

    /// A data ring for a datagram socket.
    pub(super) fn create_datagram_ring(
        &mut self,
        options: ConnectOptions,
    ) -> Result<DataRing, ResourceError> {
        let order = match options.ring_order {
            // The device may have changed since somebody asked: what it takes now counts.
            Some(order) => order.min(self.max_order),
            None => self.affordable(ROOMY, FREE_PER_RING),
        };
        let ring = match self.pool.take(&mut self.platform, Some(order)) {
            Some(ring) => ring,
            None => self.make_ring(order, options.ring_order.is_none())?,
        };
        let wishes = self.features.contains(Features::EVENT_IDX);
        Ok(DataRing::for_datagrams(ring, Index::default(), wishes))
    }
}
