//! LISTEN's consequences: ACCEPT and POLL, any number of which may wait.

use std::collections::VecDeque;

use crate::abi::{Call, RingName};
use crate::data_ring::DataRing;
use crate::errno::Errno;
use crate::net::HostSocket;
use crate::platform::{Mapped, Platform};
use crate::policy::Transport;
use crate::session::{Phase, Session};
use crate::worker::core::Core;

/// A socket that takes connections.
#[derive(Debug)]
pub(super) struct Listener<M> {
    accepts: VecDeque<PendingAccept<M>>,
    polls: VecDeque<Call>,
    /// A connection may wait.
    readable: bool,
}

/// An ACCEPT that waits, with its ring ready.
#[derive(Debug)]
struct PendingAccept<M> {
    call: Call,
    id_new: u64,
    ring: DataRing<M>,
}

impl<M> Default for Listener<M> {
    fn default() -> Self {
        Self {
            accepts: VecDeque::new(),
            polls: VecDeque::new(),
            readable: true,
        }
    }
}

impl<M> Listener<M> {
    pub(super) fn on_event(&mut self) {
        self.readable = true;
    }

    /// Everything that waits for it.
    pub(super) fn calls(&self) -> impl Iterator<Item = Call> {
        let accepts = self.accepts.iter().map(|accept| accept.call);
        accepts.chain(self.polls.iter().copied())
    }
}

impl<M: Mapped> Session<M> {
    /// Takes the next connection, now or when there is one.
    pub(super) fn accept<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        call: Call,
        id_new: u64,
        ring: RingName,
    ) {
        match self.begin_accept(core, call, id_new, ring) {
            Ok(index) => self.serve_listener(core, index),
            Err(error) => self.answer(call, Err(error)),
        }
    }

    /// The place of the listener with this id.
    fn listener(&self, id: u64) -> Result<usize, Errno> {
        let index = self.find(id)?;
        let socket = &self.sockets[index];
        match (&socket.phase, socket.transport) {
            (Phase::Listener(_), _) => Ok(index),
            (_, Transport::Udp) => Err(Errno::EOPNOTSUPP),
            (_, Transport::Tcp) => Err(Errno::EINVAL),
        }
    }

    fn begin_accept<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        call: Call,
        id_new: u64,
        ring: RingName,
    ) -> Result<usize, Errno> {
        let index = self.listener(call.id)?;
        if self.ids.contains_key(&id_new) {
            return Err(Errno::EEXIST);
        }
        if !self.has_room_for_a_socket() {
            self.counters.limited.add(1);
            return Err(Errno::EMFILE);
        }
        let ring = self.take_ring(core, ring)?;
        self.ids.insert(id_new, None);
        self.promised += 1;
        if let Phase::Listener(listener) = &mut self.sockets[index].phase {
            listener
                .accepts
                .push_back(PendingAccept { call, id_new, ring });
        }
        Ok(index)
    }

    /// Says when a connection waits, now or when there is one.
    pub(super) fn poll<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>, call: Call) {
        let index = match self.listener(call.id) {
            Ok(index) => index,
            Err(error) => return self.answer(call, Err(error)),
        };
        if let Phase::Listener(listener) = &mut self.sockets[index].phase {
            listener.polls.push_back(call);
        }
        self.serve_listener(core, index);
    }

    /// Hands out connections that wait, and says so to whoever wants to know.
    pub(super) fn serve_listener<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
    ) {
        loop {
            let socket = &mut self.sockets[index];
            let (Phase::Listener(listener), Some(host)) = (&mut socket.phase, &socket.host) else {
                return;
            };
            if !listener.readable || listener.accepts.is_empty() {
                break;
            }
            let accepted = match host.accept() {
                Ok(None) => {
                    listener.readable = false;
                    break;
                }
                Ok(Some(accepted)) => Ok(accepted),
                // The host is out of something: the oldest one learns it, the connection waits.
                Err(error) => Err(error),
            };
            let (transport, family) = (socket.transport, socket.family);
            let Some(PendingAccept { call, id_new, ring }) = listener.accepts.pop_front() else {
                break;
            };
            self.promised -= 1;
            let watched = accepted.and_then(|(host, peer): (HostSocket, _)| {
                self.ids.remove(&id_new);
                let new = self.add_socket(id_new, transport, family, host);
                self.sockets[new].accepted = true;
                let socket = &self.sockets[new];
                let host = socket.host.as_ref().ok_or(Errno::EIO)?;
                match core.watch(host, socket.key) {
                    Ok(()) => Ok((new, peer)),
                    Err(error) => {
                        self.remove_socket(new);
                        Err(error.into())
                    }
                }
            });
            match watched {
                Ok((new, peer)) => {
                    self.counters.accepted.add(1);
                    self.open_stream(core, new, ring, peer);
                    let extra = self.names(new);
                    self.answer(call, Ok(extra));
                }
                Err(error) => {
                    self.ids.remove(&id_new);
                    self.give_up_ring(core, ring, false);
                    self.answer(call, Err(error));
                }
            }
        }
        let socket = &mut self.sockets[index];
        let (Phase::Listener(listener), Some(host)) = (&mut socket.phase, &socket.host) else {
            return;
        };
        if listener.readable && !listener.polls.is_empty() {
            if host.is_readable() {
                for call in std::mem::take(&mut listener.polls) {
                    self.answer(call, Ok(crate::abi::Extra::None));
                }
            } else {
                listener.readable = false;
            }
        }
    }

    /// Ends a listener: what waits for it is answered, the rings are given back.
    pub(super) fn end_listener<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        listener: Listener<M>,
    ) {
        self.listeners -= 1;
        for PendingAccept { call, id_new, ring } in listener.accepts {
            self.ids.remove(&id_new);
            self.promised -= 1;
            self.give_up_ring(core, ring, false);
            self.answer(call, Err(Errno::ECANCELED));
        }
        for call in listener.polls {
            self.answer(call, Err(Errno::ECANCELED));
        }
    }
}
