//! CONNECT: waits for the peer, and for nobody else meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::abi::{Call, Extra, RawAddress, RingName};
use crate::audit::Action;
use crate::counters::{Counter, SocketCounters};
use crate::data_ring::DataRing;
use crate::errno::Errno;
use crate::net::display;
use crate::platform::{Mapped, Platform};
use crate::policy::{Transport, Verdict};
use crate::session::{Phase, Session, stream::Stream};
use crate::worker::core::{Core, Target};

impl<M: Mapped> Session<M> {
    /// Begins to connect a socket.
    pub(super) fn connect<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        call: Call,
        address: &RawAddress,
        ring: RingName,
    ) {
        match self.begin_connect(core, call, address, ring) {
            Ok(None) => {}
            Ok(Some(extra)) => self.answer(call, Ok(extra)),
            Err(error) => self.answer(call, Err(error)),
        }
    }

    /// `None`: the answer comes later.
    fn begin_connect<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        call: Call,
        address: &RawAddress,
        ring: RingName,
    ) -> Result<Option<Extra>, Errno> {
        let index = self.find(call.id)?;
        let socket = &self.sockets[index];
        let (transport, family) = (socket.transport, socket.family);
        match (&socket.phase, transport) {
            (Phase::Idle, _) | (Phase::Datagrams(_), _) => {}
            (Phase::Connecting { .. }, _) => return Err(Errno::EALREADY),
            (Phase::Stream(_), _) => return Err(Errno::EISCONN),
            _ => return Err(Errno::EINVAL),
        }
        let address = address.parse(family)?;
        let verdict = self.connection.settings.policy.connect(transport, address);
        self.audit
            .decision(Action::Connect, transport, address, &verdict);
        let Verdict::Allow(to) = verdict else {
            self.counters.denied.add(1);
            return Err(Errno::EACCES);
        };
        if transport == Transport::Udp {
            return self.connect_udp(core, index, to, ring).map(Some);
        }
        if self.connecting >= self.connection.settings.limits.pending_connects {
            self.counters.limited.add(1);
            return Err(Errno::ENOBUFS);
        }
        // Before the peer hears of it: a frontend that cannot name its ring bothers nobody.
        let ring = self.take_ring(core, ring)?;
        let started = self.start_connect(core, index, to);
        match started {
            Ok(done) => {
                self.connecting += 1;
                self.counters.connecting.add(1);
                self.sockets[index].phase = Phase::Connecting { call, ring, to };
                core.connect_begun |= !done;
                if done {
                    self.finish_connect(core, index);
                }
                Ok(None)
            }
            Err(error) => {
                self.give_up_ring(core, ring, false);
                self.sockets[index].host = None;
                self.sockets[index].bound = false;
                Err(error)
            }
        }
    }

    fn start_connect<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
        to: SocketAddr,
    ) -> Result<bool, Errno> {
        let socket = &self.sockets[index];
        if socket.host.is_none() {
            let host = self.host_socket(socket.transport, socket.family)?;
            self.sockets[index].host = Some(host);
        }
        let socket = &self.sockets[index];
        let host = socket.host.as_ref().ok_or(Errno::EIO)?;
        let done = host.connect(to)?;
        // Only now: a socket that nothing has been done with reports itself as closed.
        core.watch(host, socket.key)?;
        Ok(done)
    }

    /// A connect is decided.
    pub(super) fn finish_connect<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
    ) {
        let socket = &mut self.sockets[index];
        let result = match &socket.host {
            Some(host) => host.connect_result(),
            None => Err(Errno::EIO),
        };
        let Phase::Connecting { call, ring, to } =
            std::mem::replace(&mut socket.phase, Phase::Idle)
        else {
            unreachable!("only called while a socket connects");
        };
        self.connecting -= 1;
        self.counters.connecting.sub(1);
        match result {
            Ok(()) => {
                self.counters.connected.add(1);
                self.open_stream(core, index, ring, Some(to));
                let extra = self.names(index);
                self.answer(call, Ok(extra));
            }
            Err(error) => {
                self.give_up_ring(core, ring, false);
                // It cannot be used again; the id can.
                self.sockets[index].host = None;
                self.sockets[index].bound = false;
                self.answer(call, Err(error));
            }
        }
    }

    /// Joins a connected socket and its ring.
    pub(super) fn open_stream<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
        mut ring: DataRing<M>,
        peer: Option<SocketAddr>,
    ) {
        let key = self.sockets[index].key;
        self.attach(core, &mut ring, Target::Socket(key));
        let counters = self.count_socket(index, display(peer));
        self.sockets[index].phase = Phase::Stream(Box::new(Stream::new(ring, counters)));
        // Bytes may have come before.
        self.enqueue(core, index);
    }

    /// Counters of a socket that gets a ring.
    pub(super) fn count_socket(&self, index: usize, address: String) -> Arc<SocketCounters> {
        let counters = Arc::new(SocketCounters {
            address,
            bytes_out: Counter::default(),
            bytes_in: Counter::default(),
        });
        self.counters
            .add_stream(self.sockets[index].id, Arc::clone(&counters));
        counters
    }
}
