//! Commands that are answered at once, and where each of the others goes.

use crate::abi::{Call, Command, Extra, Family, RawAddress, Request, name_bytes};
use crate::audit::Action;
use crate::errno::Errno;
use crate::features::Feature;
use crate::net::HostSocket;
use crate::platform::{Mapped, Platform};
use crate::policy::{Transport, Verdict};
use crate::session::{Phase, Session, listener::Listener};
use crate::worker::core::Core;

/// The protocol's numbers of kinds of sockets: Linux's.
const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const IPPROTO_TCP: u32 = 6;
const IPPROTO_UDP: u32 = 17;

impl<M: Mapped> Session<M> {
    /// Does what a request says. It is answered now, or whoever keeps its [`Call`] answers later.
    pub(super) fn execute<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        request: Request,
    ) {
        let Request { call, command } = request;
        tracing::trace!(device = %self.device, ?call, ?command);
        let has = |feature| self.connection.features.has(feature);
        let result = match command {
            Command::Socket {
                domain,
                kind,
                protocol,
            } => self.socket(call.id, domain, kind, protocol),
            Command::Bind { address } => self.bind(call.id, &address),
            Command::Listen { backlog } => self.listen(core, call.id, backlog),
            Command::Connect { address, ring } => {
                return self.connect(core, call, &address, ring);
            }
            Command::Accept { id_new, ring } => return self.accept(core, call, id_new, ring),
            Command::Poll => return self.poll(core, call),
            Command::Release { reuse } => return self.release(core, call, reuse),
            Command::Shutdown { how, out_prod } if has(Feature::Shutdown) => {
                self.shutdown(core, call.id, how, out_prod)
            }
            Command::Names if has(Feature::Names) => {
                self.find(call.id).map(|index| self.names(index))
            }
            Command::SetOption { option, value } if has(Feature::Options) => {
                self.set_option(call.id, option, value)
            }
            Command::GetOption { option } if has(Feature::Options) => {
                self.get_option(call.id, option)
            }
            Command::Attach { ring } if has(Feature::Udp) => self.attach_udp(core, call.id, ring),
            Command::Resolve { page, len, family } if has(Feature::Resolve) => {
                return self.resolve(core, call, page, len, family);
            }
            _ => Err(Errno::ENOTSUPP),
        };
        self.answer(call, result);
    }

    fn socket(&mut self, id: u64, domain: u32, kind: u32, protocol: u32) -> Result<Extra, Errno> {
        let features = self.connection.features;
        let family = match domain {
            2 => Family::V4,
            10 if features.has(Feature::Ipv6) => Family::V6,
            _ => return Err(Errno::EAFNOSUPPORT),
        };
        let transport = match (kind, protocol) {
            (SOCK_STREAM, 0 | IPPROTO_TCP) => Transport::Tcp,
            (SOCK_DGRAM, 0 | IPPROTO_UDP) if features.has(Feature::Udp) => Transport::Udp,
            (SOCK_STREAM, _) => return Err(Errno::EPROTONOSUPPORT),
            (SOCK_DGRAM, _) if features.has(Feature::Udp) => return Err(Errno::EPROTONOSUPPORT),
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        if self.ids.contains_key(&id) {
            return Err(Errno::EEXIST);
        }
        if !self.has_room_for_a_socket() {
            self.counters.limited.add(1);
            return Err(Errno::EMFILE);
        }
        let host = self.host_socket(transport, family)?;
        self.add_socket(id, transport, family, host);
        Ok(Extra::None)
    }

    /// A fresh socket of the host's.
    pub(super) fn host_socket(
        &self,
        transport: Transport,
        family: Family,
    ) -> Result<HostSocket, Errno> {
        let limits = &self.connection.settings.limits;
        let fixed = self.sockets_in_use() >= limits.autotuned_sockets as usize;
        let buffer_bytes = limits.socket_buffer_bytes.filter(|_| fixed);
        HostSocket::new(transport, family, buffer_bytes)
    }

    fn bind(&mut self, id: u64, address: &RawAddress) -> Result<Extra, Errno> {
        let index = self.find(id)?;
        let socket = &self.sockets[index];
        if socket.bound || !matches!(socket.phase, Phase::Idle) {
            return Err(Errno::EINVAL);
        }
        let (transport, family) = (socket.transport, socket.family);
        let address = address.parse(family)?;
        let verdict = self.connection.settings.policy.bind(transport, address);
        self.audit
            .decision(Action::Bind, transport, address, &verdict);
        let Verdict::Allow(at) = verdict else {
            self.counters.denied.add(1);
            return Err(Errno::EACCES);
        };
        if self.sockets[index].host.is_none() {
            self.sockets[index].host = Some(self.host_socket(transport, family)?);
        }
        let socket = &mut self.sockets[index];
        if let Some(host) = &socket.host {
            host.bind(transport, at)?;
        }
        socket.bound = true;
        Ok(self.names(index))
    }

    fn listen<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        id: u64,
        backlog: u32,
    ) -> Result<Extra, Errno> {
        let index = self.find(id)?;
        let limits = &self.connection.settings.limits;
        let socket = &mut self.sockets[index];
        if socket.transport != Transport::Tcp {
            return Err(Errno::EOPNOTSUPP);
        }
        let Some(host) = &socket.host else {
            return Err(Errno::EINVAL);
        };
        let backlog = backlog.min(limits.backlog).max(1);
        match &socket.phase {
            // Once more: only the backlog changes.
            Phase::Listener(_) => host.listen(backlog)?,
            // An unbound one would listen on a port that nobody chose and the policy never saw.
            Phase::Idle if socket.bound => {
                if self.listeners >= limits.listeners {
                    self.counters.limited.add(1);
                    return Err(Errno::ENOBUFS);
                }
                // Connections that wait inherit them, and there may be many.
                if let Some(bytes) = limits.socket_buffer_bytes {
                    host.fix_buffers(bytes)?;
                }
                host.listen(backlog)?;
                core.watch(host, socket.key)?;
                socket.phase = Phase::Listener(Listener::default());
                self.listeners += 1;
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(Extra::None)
    }

    /// The names of a socket, if they are spoken of.
    pub(super) fn names(&self, index: usize) -> Extra {
        if !self.connection.features.has(Feature::Names) {
            return Extra::None;
        }
        let socket = &self.sockets[index];
        let host = socket.host.as_ref();
        let policy = &self.connection.settings.policy;
        let local = host.and_then(HostSocket::local);
        let local = local.map(|local| policy.guest_address(socket.transport, local));
        let peer = match socket.phase {
            Phase::Stream(_) | Phase::Datagrams(_) => host.and_then(HostSocket::peer),
            _ => None,
        };
        // Whoever connected to the guest is called by its own address.
        let peer = peer.map(|peer| match socket.accepted {
            true => peer,
            false => policy.guest_peer(socket.transport, peer),
        });
        let mut names = [0; 2 * crate::abi::NAME_BYTES];
        names[..crate::abi::NAME_BYTES].copy_from_slice(&name_bytes(local));
        names[crate::abi::NAME_BYTES..].copy_from_slice(&name_bytes(peer));
        Extra::Names(names)
    }

    /// Answers everything that still waits: the session ends.
    pub(super) fn cancel_waiting(&mut self) {
        let mut calls: Vec<Call> = Vec::new();
        for (_, socket) in &mut self.sockets {
            match &mut socket.phase {
                Phase::Connecting { call, .. } => calls.push(*call),
                Phase::Listener(listener) => calls.extend(listener.calls()),
                Phase::Releasing { call, .. } => calls.extend(call.take()),
                _ => {}
            }
        }
        calls.extend(self.lookups.values().map(|lookup| lookup.call));
        for call in calls {
            self.answer(call, Err(Errno::ECANCELED));
        }
    }
}
