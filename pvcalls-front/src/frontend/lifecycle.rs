//! Connect and close, and the moves of a socket that no answer makes. The numbers in the comments
//! are those of the diagram in `socket.rs`.

use core::net::SocketAddr;

use super::Frontend;
use alloc::vec::Vec;

use crate::config::ConnectOptions;
use crate::error::{ConnectError, ResourceError, SocketError, TryError};
use crate::features::Features;
use crate::index::Index;
use crate::platform::Platform;
use crate::ring::{DataRing, Ring};
use crate::socket::{Role, Slot, Socket, State};
use crate::units::{RingOrder, SocketId};

/// A ring that nobody asked for in that size takes at most one in so many free pages: a few large
/// ones at first, smaller ones when there are many, and memory never runs out by them alone.
const FREE_PER_RING: usize = 128;

/// And at most one in so many when memory is half gone.
const FREE_PER_SMALL_RING: usize = 1024;

impl<P: Platform> Frontend<P> {
    /// Begins to connect; [`try_connect`](Self::try_connect) tells the outcome.
    ///
    /// The handle is the caller's until it is given to [`close`](Self::close), whatever becomes
    /// of the connection. While the device is out of use the socket waits for it, until its own
    /// deadline or for [`Config::outage_patience_ns`](crate::Config::outage_patience_ns).
    ///
    /// # Errors
    /// Only what shows at once: a ring order out of range, a shortage of this guest, a family of
    /// addresses that the backend does not know. Nothing is left behind then.
    pub fn connect(
        &mut self,
        to: SocketAddr,
        options: ConnectOptions,
        now_ns: u64,
    ) -> Result<SocketId, ConnectError> {
        if to.is_ipv6() && !self.features.contains(Features::IPV6) {
            return Err(ConnectError::Unsupported(Features::IPV6));
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
            let ring = self.create_ring(options).map_err(ConnectError::Resources)?;
            (Some(ring), self.config.connect_timeout_ns)
        };
        let deadline_ns = options
            .deadline_ns
            .unwrap_or(now_ns.saturating_add(patience_ns));

        // 1
        let id = self
            .sockets
            .insert(|id| Socket::new(id, Role::Connect(to), options, data, deadline_ns));
        self.set_out(id.place());
        self.pump();
        Ok(id)
    }

    /// A data ring for a connect: as large as was asked for or the backend takes; if nothing was
    /// asked for, also as memory permits.
    pub(super) fn create_ring(
        &mut self,
        options: ConnectOptions,
    ) -> Result<DataRing, ResourceError> {
        // The device may have changed since somebody asked: what it takes now counts.
        let asked = options.ring_order.map(|order| order.min(self.max_order));
        let ring = match self.pool.take(&mut self.platform, asked) {
            Some(ring) => ring,
            None => {
                let order =
                    asked.unwrap_or_else(|| self.affordable(self.config.ring_order, FREE_PER_RING));
                self.make_ring(order, asked.is_none())?
            }
        };
        let wishes = self.features.contains(Features::EVENT_IDX);
        Ok(DataRing::new(ring, Index::default(), wishes))
    }

    /// The largest order up to `order` that this backend takes and of which a ring takes at most
    /// one in so many spare pages. When half of what was free at first is gone, hardly any are
    /// spare: then a ring takes at most one in [`FREE_PER_SMALL_RING`] of those that are free, and
    /// there is room for many more connections and for what comes with them.
    pub(super) fn affordable(&mut self, order: RingOrder, spare_per_ring: usize) -> RingOrder {
        let free = self.platform.free_pages();
        self.most_free_pages = self.most_free_pages.max(free);
        let spare = free.saturating_sub(self.most_free_pages - free);
        let share = (spare / spare_per_ring).max(free / FREE_PER_SMALL_RING);
        let mut order = order.min(self.max_order);
        while order.data_pages().get() > share
            && let Some(smaller) = order.smaller()
        {
            order = smaller;
        }
        order
    }

    /// A fresh ring of that order, or also a smaller one.
    pub(super) fn make_ring(
        &mut self,
        mut order: RingOrder,
        or_smaller: bool,
    ) -> Result<Ring, ResourceError> {
        loop {
            let ring = Ring::create(&mut self.platform, self.backend, order);
            // Memory may be in pieces, grants may be short: a smaller ring is better than none.
            match (ring, order.smaller()) {
                (Err(ResourceError::Share(_)), Some(smaller)) if or_smaller => order = smaller,
                (result, _) => return result,
            }
        }
    }

    /// Puts a new socket on its way, if it has the ring that it needs; else it waits for the device.
    pub(super) fn set_out(&mut self, place: usize) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        if let Some(data) = &socket.data {
            self.by_port.insert(data.ring.port(), place);
            self.queue(place);
        } else if socket.listener().is_some() && self.broken.is_none() {
            self.queue(place);
        }
        self.rearm(place);
    }

    /// The outcome of a connect. Once it is `Ok` it stays so until something goes wrong.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] while it is under way; else the reason of the failure, with the
    /// error number from the backend ([`SocketError::errno`]).
    pub fn try_connect(&mut self, id: SocketId) -> Result<(), TryError> {
        let socket = self.socket(id)?;
        let established = socket.listener().is_some_and(|it| it.established);
        let listener = socket.listener().is_some();
        match (socket.failure, socket.state()) {
            (Some(error), _) => Err(error.into()),
            (None, _) if established => Ok(()),
            (None, State::Creating | State::Binding | State::Opening) => Err(TryError::WouldBlock),
            // To begin again.
            (None, State::Releasing) if listener => Err(TryError::WouldBlock),
            (None, _) => Ok(()),
        }
    }

    /// Gives the handle up. Bytes that were written still go out, bytes that come in are thrown
    /// away, and RELEASE follows when the out ring is empty, or has stood still for `linger_ns`
    /// ([`Config::linger_ns`](crate::Config::linger_ns) if `None`; 0 discards at once).
    ///
    /// # Errors
    /// [`SocketError::NoSuchSocket`], for a handle that was closed before.
    pub fn close(
        &mut self,
        id: SocketId,
        linger_ns: Option<u64>,
        now_ns: u64,
    ) -> Result<(), SocketError> {
        let linger_ns = linger_ns.unwrap_or(self.config.linger_ns);
        let place = id.place();
        let socket = self.socket(id)?;
        socket.owned = false;
        let listener = socket.listener().is_some();
        if listener {
            self.listeners.retain(|&one| one != id);
            self.drop_ready(place, now_ns);
        }
        let Some(socket) = self.sockets.at(place) else {
            return Ok(());
        };
        match socket.state() {
            State::Creating | State::Binding | State::Opening => self.abandon(place, now_ns),
            State::Open if listener => self.close_listener(place, now_ns),
            State::Open => {
                socket.linger_ns = linger_ns;
                socket.deadline_ns = now_ns.saturating_add(linger_ns);
                socket.set_state(State::Draining); // 4
                self.announce(place, now_ns);
                self.service(place, now_ns);
            }
            State::Draining => {
                // A shutdown came before; what counts is how patient the close is.
                socket.linger_ns = linger_ns;
                socket.deadline_ns = now_ns.saturating_add(linger_ns);
                self.service(place, now_ns);
            }
            State::Releasing => {}
            State::Closed => {
                self.sockets.remove(place);
            }
        }
        self.pump();
        Ok(())
    }

    /// Closes every socket whose handle is still out there, as [`close`](Self::close) does: what
    /// a guest does before it ends, so that what was written leaves.
    pub fn close_all(&mut self, linger_ns: Option<u64>, now_ns: u64) {
        let owned = self.sockets.iter().filter(|socket| socket.owned);
        let ids: Vec<SocketId> = owned.map(|socket| socket.id).collect();
        for id in ids {
            // Unless it waited at a listener that was closed before.
            let _ = self.close(id, linger_ns, now_ns);
        }
    }

    /// The caller lost interest in a connect. What the backend has not heard of goes at once.
    pub(super) fn abandon(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        match (socket.state(), socket.slot) {
            (State::Creating, Slot::Queued | Slot::None) => self.finish(place, now_ns), // 5
            (State::Binding | State::Opening, Slot::Queued) => self.release(place),     // 6
            (State::Creating | State::Opening, Slot::Sent)
                if socket.connect_out && self.features.contains(Features::CANCEL) =>
            {
                self.release(place); // 6
            }
            // There is no ring that could be mapped meanwhile.
            (State::Creating | State::Binding | State::Opening, Slot::Sent)
                if socket.listener().is_some() =>
            {
                self.release(place); // 6
            }
            _ => {} // The answer decides.
        }
    }

    /// The connection is over, for a reason that came from outside: 7.
    pub(super) fn lose(&mut self, place: usize, error: SocketError) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        if matches!(error, SocketError::Remote(_)) {
            socket.rescue();
        }
        socket.fail(error);
        self.release(place);
    }

    /// Sends RELEASE as soon as a slot is free. Until it is answered the pages stay shared.
    pub(super) fn release(&mut self, place: usize) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        if socket.state() == State::Draining {
            self.drain_wakers.wake();
        }
        // Nothing that its events could say is of interest any more, and after a failed send a
        // Linux backend sends them without end.
        if let Some(data) = &socket.data {
            self.platform.mask_port(data.ring.port());
        }
        socket.set_state(State::Releasing);
        let id = socket.id;
        let error = socket.failure.unwrap_or(SocketError::NoSuchSocket);
        self.calls.fail_queued(id, error);
        self.queue(place);
    }

    /// Keeps a place in the pool for a ring, if it may be of use there.
    pub(super) fn keep_ring_if_usual(&mut self, place: usize) {
        // Rings of odd sizes would stay for nobody.
        let usual = self.config.ring_order.min(self.max_order);
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        // Not one whose backend has shown that it does not know how far it is.
        let sound = !matches!(socket.failure, Some(SocketError::Ring(_)));
        let usual = match (&socket.role, socket.options.ring_order) {
            // The next connection asks for the same.
            (Role::Accepted { .. }, _) => true,
            (_, asked) => asked.is_none_or(|asked| asked == usual),
        };
        if let (Some(data), false) = (&socket.data, socket.keeps_ring) {
            socket.keeps_ring =
                sound && usual && self.pool.reserve(&data.ring, self.platform.free_pages());
        }
    }

    /// The backend is through with the ring: it goes into the pool if it has a place there.
    pub(super) fn pool_ring(&mut self, place: usize) {
        let welcome = |socket: &&mut Socket| socket.keeps_ring && !socket.connect_out;
        let Some(socket) = self.sockets.at(place).filter(welcome) else {
            return;
        };
        if let Some(data) = socket.data.take() {
            socket.keeps_ring = false;
            self.by_port.remove(&data.ring.port());
            self.pool.put(data.ring);
        }
    }

    /// The backend has let go of the socket, or never had it: port and pages go back.
    pub(super) fn finish(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        // Bytes that left, or a listener that the backend has let go of.
        if matches!(socket.state(), State::Draining | State::Releasing) {
            self.drain_wakers.wake();
        }
        self.give_ring_up(place, now_ns);
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        socket.slot = Slot::None;
        socket.set_state(State::Closed);
        if !socket.owned {
            self.sockets.remove(place);
        }
        self.rearm_device();
    }
    /// Port and pages of a socket's ring go back.
    pub(super) fn give_ring_up(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        // Only when the device breaks: the backend may be about to map this ring and to bind its
        // port, and one that fails in that can take its whole domain with it.
        let in_use = self.broken.is_some() && socket.connect_out;
        if core::mem::take(&mut socket.keeps_ring) {
            self.pool.cancel();
        }
        if let Some(data) = socket.data.take() {
            self.by_port.remove(&data.ring.port());
            if in_use {
                self.platform.mask_port(data.ring.port());
                self.held.push(data.ring);
            } else {
                for pages in data.ring.into_pages(&mut self.platform) {
                    self.quarantine.give_back(&mut self.platform, pages, now_ns);
                }
            }
        }
    }
}
