//! Accept: rings that wait for connections, and the streams that are made of them. The numbers in the
//! comments are those of the diagram in `socket.rs`.
//!
//! # Slots
//! An ACCEPT holds a slot of the command ring until somebody connects. [`ACCEPT_SLOTS`] of them are
//! shared by all listeners: one for each, [`SLOTS_TO_SPARE`] for who comes first.
//!
//! Linux's backend never answers the ACCEPT of a listener that is released; its slot is lost until
//! the device is connected anew, and the ring stays aside until then, because the backend frees the
//! listener while it may be about to accept. Such streams are *orphans*. When there are too many of
//! them the device is given up ([`DeviceFault::SlotsLost`]): early if nobody would notice, else when
//! there is no other way. (An ACCEPT could be completed first by a connection to oneself. That would
//! leave a connection of this port in the state TIME-WAIT, and the port could not be bound for a
//! minute.)
//!
//! # No wake-up is lost
//! A stream joins `ready` in [`on_accept`](Frontend::on_accept) alone, and each that joins wakes all
//! who registered with the listener before. Who registers found `ready` empty since the last event
//! was handled: there is one caller at a time. So whenever `ready` holds a stream, either nobody is
//! registered, or all who were are awake and have yet to look; each takes one or registers again.

use super::Frontend;
use crate::config::{ConnectOptions, SECOND_NS};
use crate::errno::Errno;
use crate::error::{DeviceFault, ResourceError, SocketError, TryError};
use crate::features::Features;
use crate::listener::{Listener, is_fatal};
use crate::platform::Platform;
use crate::ring::DataRing;
use crate::socket::{Names, Role, Slot, Socket, State};
use crate::units::{RingOrder, SocketId};
use crate::wire::Extra;

/// Slots of the command ring that ACCEPTs may have, lost ones included; four that wait are left for
/// CONNECT and others. See `commands.rs` for the rest of the 32.
const ACCEPT_SLOTS: usize = 16;

/// How many listeners there can be: each has a slot for sure. An ACCEPT cannot be taken back, so the
/// slots of listeners that are yet to come are kept free.
pub(super) const LISTENERS_MAX: usize = 10;

/// Slots for ACCEPTs beyond the first of a listener.
const SLOTS_TO_SPARE: usize = ACCEPT_SLOTS - LISTENERS_MAX;

/// So many slots are lost before the device is given up although somebody uses it.
const LOST_MAX: usize = 12;

/// So many when nobody uses it.
const LOST_IDLE: usize = 6;

/// How long the answer to an ACCEPT may follow the first bytes, in nanoseconds.
const ANSWER_NS: u64 = SECOND_NS;

/// Data rings that ACCEPTs have out and callers have not taken, beyond the first of a listener, have
/// at most one in so many free pages.
const FREE_PER_AHEAD: usize = 16;

impl<P: Platform> Frontend<P> {
    /// Takes the oldest connection that was made to a listener. The stream is open, or was when it
    /// came; it is the caller's until it is given to [`close`](Self::close).
    ///
    /// What goes wrong with one connection, or is short in the host for a while, does not show here:
    /// the driver goes on accepting.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if there is none; else why none will come, when all that came are
    /// taken: the listener failed, or the handle is closed or never was a listener's.
    pub fn try_accept(&mut self, id: SocketId, now_ns: u64) -> Result<SocketId, TryError> {
        let socket = self.socket(id)?;
        let (failure, slot) = (socket.failure, socket.slot);
        let listener = socket.listener().ok_or(SocketError::NotListening)?;
        log::trace!("{id}: {} ready, {slot:?}", listener.ready.len());
        let Some(stream) = listener.ready.pop_front() else {
            return Err(failure.map_or(TryError::WouldBlock, Into::into));
        };
        self.serve_listener(id.place(), now_ns);
        self.pump();
        Ok(stream)
    }

    /// Sees to it that a listener has as many ACCEPTs out as it should.
    pub(super) fn serve_listener(&mut self, place: usize, now_ns: u64) {
        while let Some(order) = self.wants_accept(place, now_ns) {
            match self.accept_ring(order) {
                Ok(data) => self.begin_accept(place, data),
                Err(error) => {
                    log::debug!("no data ring for a connection yet: {error}");
                    if let Some(listener) = self.sockets.at(place).and_then(Socket::listener) {
                        listener.pause.begin(now_ns);
                    }
                    break;
                }
            }
        }
        self.rearm(place);
    }

    /// Whether a listener should have another ACCEPT out, and with which order of ring.
    fn wants_accept(&mut self, place: usize, now_ns: u64) -> Option<Option<RingOrder>> {
        let several = self.features.contains(Features::MULTI_ACCEPT);
        let ahead = self.config.accepts_ahead.max(1);
        let socket = self.sockets.at(place)?;
        socket.listening()?;
        let order = socket.options.ring_order;
        let listener = socket.listener()?;
        let (out, ready) = (listener.out.len(), listener.ready.len());
        let limit = if several { ahead } else { 1 };
        if !listener.pause.is_over(now_ns) || out >= limit || out + ready >= ahead {
            return None;
        }
        let free = (out == 0 || self.has_slot_to_spare())
            && (out + ready == 0 || self.has_pages_to_spare(order));
        free.then_some(order)
    }

    /// Whether a slot is left when each listener has one.
    fn has_slot_to_spare(&self) -> bool {
        let beyond_the_first = |it: &Listener| it.out.len().saturating_sub(1);
        let spared: usize = self.live_listeners().map(beyond_the_first).sum();
        spared + self.orphans.len() < SLOTS_TO_SPARE
    }

    /// Whether another ring of about that order is within the limit of memory.
    fn has_pages_to_spare(&self, order: Option<RingOrder>) -> bool {
        let another = order.map_or(0, |order| order.data_pages().get());
        let streams = { self.live_listeners() }.flat_map(|it| it.out.iter().chain(&it.ready));
        let rings = streams.filter_map(|id| self.sockets.look(*id)?.data.as_ref());
        let pages: usize = rings.map(|data| data.ring.page_count()).sum();
        pages + another <= self.platform.free_pages() / FREE_PER_AHEAD
    }

    /// Listeners that may want to accept, now or later.
    fn live_listeners(&self) -> impl Iterator<Item = &Listener> {
        let sockets = { self.listeners.iter() }.filter_map(|id| self.sockets.look(*id));
        let alive = sockets.filter(|socket| !socket.abandoned());
        alive.filter_map(|socket| match &socket.role {
            Role::Listener(listener) => Some(&**listener),
            _ => None,
        })
    }

    /// A data ring for a connection; a smaller one is better than none.
    fn accept_ring(&mut self, order: Option<RingOrder>) -> Result<DataRing, ResourceError> {
        let options = |ring_order| ConnectOptions {
            ring_order,
            deadline_ns: None,
        };
        match self.create_ring(options(order)) {
            Err(ResourceError::Share(_)) if order.is_some() => self.create_ring(options(None)),
            result => result,
        }
    }

    /// 13
    fn begin_accept(&mut self, place: usize, data: DataRing) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let (listener, options) = (socket.id, socket.options);
        let Some(at) = socket.listener().map(|it| it.at()) else {
            return;
        };
        let port = data.ring.port();
        let id = self.sockets.insert(|id| {
            // Nobody's patience ends, and nobody has the handle yet.
            let mut stream = Socket::new(
                id,
                Role::Accepted { listener, at },
                options,
                Some(data),
                u64::MAX,
            );
            stream.owned = false;
            stream.slot = Slot::Queued;
            stream.set_state(State::Opening);
            stream
        });
        if let Some(listener) = self.sockets.at(place).and_then(Socket::listener) {
            listener.out.push(id);
        }
        self.by_port.insert(port, id.place());
        self.accepts.push_back(id.place());
    }

    /// An ACCEPT was answered.
    pub(super) fn on_accept(&mut self, id: SocketId, result: Result<Extra, Errno>, now_ns: u64) {
        let Some(stream) = self.sockets.get(id) else {
            return;
        };
        let Role::Accepted { listener, at } = stream.role else {
            return;
        };
        if stream.slot != Slot::Sent || stream.state() != State::Opening {
            self.counters.late += 1; // It was thought lost.
            return;
        }
        stream.slot = Slot::None;
        self.orphans.retain(|&orphan| orphan != id);
        if let Some(listener) = self.sockets.get(listener).and_then(Socket::listener) {
            listener.out.retain(|&out| out != id);
        }
        let alive = match self.sockets.get(listener) {
            Some(socket) => socket.listening().is_some(),
            None => false,
        };
        let drained = self.sockets.get(listener).is_some_and(|socket| {
            socket.state() == State::Draining
                && socket.listener().is_some_and(|it| it.out.is_empty())
        });
        if drained {
            self.release(listener.place()); // 8
        }
        match (result, alive) {
            (Ok(extra), true) => {
                let told = self.features.contains(Features::NAMES);
                if let Some(stream) = self.sockets.get(id) {
                    if told {
                        stream.names = Names::told(extra.names(), Some(at), None, false);
                    }
                    stream.owned = true;
                    stream.set_state(State::Open); // 3
                }
                if let Some(socket) = self.sockets.get(listener) {
                    if let Some(listener) = socket.listener() {
                        listener.pause = Default::default();
                        listener.ready.push_back(id);
                    }
                    socket.wake_accepters();
                }
                self.service(id.place(), now_ns);
                self.serve_listener(listener.place(), now_ns);
            }
            (Ok(_), false) => {
                self.counters.late += 1;
                self.release(id.place()); // 6
            }
            (Err(errno), alive) => {
                self.drop_stream(id, now_ns);
                if alive {
                    self.accept_failed(listener, errno, now_ns);
                }
            }
        }
    }

    /// Something moved in the ring of an ACCEPT that is not answered.
    ///
    /// The answer follows, or is lost: Linux's backend writes answers to ACCEPTs and to other
    /// commands at the same time, without a lock. A listener that has but one ACCEPT would wait for
    /// ever, so bytes that came a while ago are taken for the answer.
    pub(super) fn look_for_connection(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        let (Slot::Sent, Some(data)) = (socket.slot, &mut socket.data) else {
            return;
        };
        if data.refresh().is_ok() && !data.readable() {
            return;
        }
        let (id, deadline_ns) = (socket.id, socket.deadline_ns);
        if deadline_ns == u64::MAX {
            socket.deadline_ns = now_ns.saturating_add(ANSWER_NS);
        } else if now_ns >= deadline_ns {
            log::warn!("{id}: bytes came, but no answer to ACCEPT: it counts as answered");
            socket.connect_out = false;
            self.on_accept(id, Ok(Extra::NONE), now_ns);
        }
    }

    /// The backend did not accept.
    fn accept_failed(&mut self, id: SocketId, errno: Errno, now_ns: u64) {
        let Some(socket) = self.sockets.get(id) else {
            return;
        };
        if is_fatal(errno) {
            socket.fail(SocketError::Remote(errno));
            self.release_listener(id.place(), now_ns); // 7
            return;
        }
        log::debug!("{id}: a connection could not be accepted: {errno}");
        if let Some(listener) = socket.listener() {
            listener.pause.begin(now_ns);
        }
        self.rearm(id.place());
    }

    /// ACCEPTs that the backend has not heard of are taken back: the listener does not listen any
    /// more.
    pub(super) fn recall_accepts(&mut self, place: usize, now_ns: u64) {
        let Some(listener) = self.sockets.at(place).and_then(Socket::listener) else {
            return;
        };
        for id in core::mem::take(&mut listener.out) {
            let queued = { self.sockets.get(id) }.is_some_and(|it| it.slot == Slot::Queued);
            if queued {
                self.accepts.retain(|&place| place != id.place());
                self.drop_stream(id, now_ns);
            } else if let Some(listener) = self.sockets.at(place).and_then(Socket::listener) {
                listener.out.push(id);
            }
        }
    }

    /// Resets the streams that nobody has taken, and never will.
    pub(super) fn drop_ready(&mut self, place: usize, now_ns: u64) {
        let listener = self.sockets.at(place).and_then(Socket::listener);
        let ready = listener.map(|listener| core::mem::take(&mut listener.ready));
        for id in ready.into_iter().flatten() {
            // Unless the end of the guest did it already.
            let _ = self.close(id, Some(0), now_ns);
        }
    }

    /// The backend has let go of a listener: what it has not answered by now it may never answer.
    pub(super) fn orphan_accepts(&mut self, place: usize) {
        let listener = self.sockets.at(place).and_then(Socket::listener);
        let Some(out) = listener.map(|listener| core::mem::take(&mut listener.out)) else {
            return;
        };
        if out.is_empty() || self.broken.is_some() {
            return;
        }
        self.orphans.extend(out);
        let lost = self.orphans.len();
        if lost >= LOST_IDLE {
            log::warn!("{lost} slots of the command ring are lost to accepts of closed listeners");
        }
    }

    /// Gives the device up for the sake of slots that are lost, if it is time.
    pub(super) fn mend_slots(&mut self, now_ns: u64) {
        let lost = self.orphans.len();
        if lost < LOST_IDLE || self.broken.is_some() {
            return;
        }
        let used = self
            .sockets
            .iter()
            .any(|socket| socket.state() != State::Closed && !self.orphans.contains(&socket.id));
        let crowded = lost >= LOST_MAX || lost + self.listeners.len() > ACCEPT_SLOTS;
        if crowded || !used {
            log::warn!("{lost} slots of the command ring are lost: the device is connected anew");
            self.break_device(DeviceFault::SlotsLost, now_ns);
        }
    }

    /// A stream that never was leaves, and its ring is kept for the next one.
    fn drop_stream(&mut self, id: SocketId, now_ns: u64) {
        let Some(stream) = self.sockets.get(id) else {
            return;
        };
        stream.connect_out = false;
        self.keep_ring_if_usual(id.place());
        if let Some(data) = self.sockets.get(id).and_then(|stream| stream.data.as_ref()) {
            self.platform.mask_port(data.ring.port());
        }
        self.pool_ring(id.place());
        self.finish(id.place(), now_ns);
    }
}
