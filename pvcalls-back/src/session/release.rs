//! RELEASE, and the end of a session: nothing that was written before is lost.
//!
//! What the guest wrote goes, in this order: into the socket, as far as it takes it; into private
//! memory, as far as the domain may have it there ([`STASH_BYTES_MAX`]), sent on by an orphan
//! while the guest goes its way; else it stays in the guest's ring, and RELEASE is answered when
//! it has left, or the linger time is over. What could not be sent by then is lost, and the peer
//! learns so by a reset: it must not take a part for the whole.
//!
//! A socket whose bytes the kernel still holds for its peer is an orphan, too: it costs the host, so
//! it counts as the domain's, and it ends with the linger time at the latest.

use std::time::{Duration, Instant};

use crate::abi::{Call, Extra};
use crate::errno::Errno;
use crate::net::HostSocket;
use crate::platform::{Mapped, Platform};
use crate::session::{Phase, Session, datagram::Rules, stream::Stream};
use crate::sessions::Ending;
use crate::worker::core::Core;
use crate::worker::orphans::STASH_BYTES_MAX;
use crate::worker::timers::Due;

impl<M: Mapped> Session<M> {
    /// Closes a socket.
    pub(super) fn release<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        call: Call,
        reuse: bool,
    ) {
        match self.find(call.id) {
            Ok(index) => self.release_socket(core, index, Some(call), reuse, Ending::Linger),
            Err(error) => self.answer(call, Err(error)),
        }
    }

    /// Closes all of them: the session ends.
    pub(super) fn close_sockets<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        ending: Ending,
    ) {
        let all: Vec<usize> = self.sockets.iter().map(|(index, _)| index).collect();
        for index in all {
            self.release_socket(core, index, None, false, ending);
        }
        self.drop_idle_rings(core);
        // The pages of names that are being looked up: nobody waits for the answer any more.
        let pages = u32::try_from(self.lookups.len()).expect("a few");
        self.mapped_pages -= pages;
        self.counters.mapped_pages.sub(pages.into());
        self.lookups.clear();
    }

    fn release_socket<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
        call: Option<Call>,
        reuse: bool,
        ending: Ending,
    ) {
        if let Phase::Releasing { call, .. } = &mut self.sockets[index].phase {
            // Only at the end of a session: its id is nobody's any more.
            *call = None;
            if ending == Ending::Now {
                self.expire_release(core, index);
            }
            return;
        }
        let mut socket = self.remove_socket(index);
        let id = socket.id;
        let phase = std::mem::replace(&mut socket.phase, Phase::Idle);
        match (phase, socket.host.take()) {
            (Phase::Stream(mut stream), Some(host)) => {
                let mut left = self.last_words(&mut stream, &host);
                let reset = stream.is_broken() || ending == Ending::Now && left > 0;
                if reset {
                    host.reset_on_close();
                    left = 0;
                }
                let linger = self.connection.settings.limits.linger;
                let linger = socket.linger.map_or(linger, |own| own.min(linger));
                if linger.is_zero() {
                    host.reset_on_close();
                } else if left as usize > STASH_BYTES_MAX - self.usage.bytes.get() {
                    socket.host = Some(host);
                    self.keep_releasing(core, socket, stream, call, linger);
                    return;
                } else if left > 0
                    || ending == Ending::Linger && is_unread(&stream, &host)
                    || !reset && host.unacknowledged() > 0
                {
                    self.orphan(core, host, &stream, left, core.now + linger);
                }
                self.end_stream(core, id, *stream, reuse);
            }
            (Phase::Datagrams(mut datagrams), Some(host)) => {
                let rules = Rules {
                    policy: &self.connection.settings.policy,
                    audit: &self.audit,
                    counters: &self.counters,
                };
                let frames = datagrams.last_words(&host, rules);
                // As much work as mapping so many pages, roughly.
                self.pages_asked = self.pages_asked.saturating_add(4 * frames);
                self.counters.remove_stream(id, datagrams.counters());
                self.give_up_ring(core, datagrams.ring, reuse);
            }
            (Phase::Listener(listener), _) => self.end_listener(core, listener),
            (Phase::Connecting { call, ring, .. }, _) => {
                self.connecting -= 1;
                self.counters.connecting.sub(1);
                self.give_up_ring(core, ring, false);
                self.answer(call, Err(Errno::ECANCELED));
            }
            _ => {}
        }
        if let Some(call) = call {
            self.answer(call, Ok(Extra::None));
        }
    }

    /// Sends what can be sent now. Bytes that are still in the ring.
    fn last_words(&mut self, stream: &mut Stream<M>, host: &HostSocket) -> u32 {
        let last = stream.last_words(host);
        self.counters.bytes_out.add(last.sent.into());
        // As much work as mapping so many pages, roughly.
        let pages = (last.sent + last.left) / 4096;
        self.pages_asked = self.pages_asked.saturating_add(pages);
        last.left
    }

    fn end_stream<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        id: u64,
        stream: Stream<M>,
        reuse: bool,
    ) {
        self.counters.remove_stream(id, &stream.counters);
        self.give_up_ring(core, stream.ring, reuse);
    }

    /// Copies what is left and lets the socket go on by itself.
    fn orphan<P: Platform<Mapping = M>>(
        &self,
        core: &mut Core<P>,
        host: HostSocket,
        stream: &Stream<M>,
        left: u32,
        deadline: Instant,
    ) {
        let mut bytes = vec![0; left as usize];
        stream.ring.copy_out(0, &mut bytes);
        self.counters.bytes_out.add(left.into());
        let Core {
            orphans,
            registry,
            timers,
            ..
        } = core;
        orphans.adopt(registry, timers, host, bytes, deadline, &self.usage);
    }

    /// Leaves what is left in the ring, and goes on sending from there.
    fn keep_releasing<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        socket: super::Socket<M>,
        stream: Box<Stream<M>>,
        call: Option<Call>,
        linger: Duration,
    ) {
        let Some(host) = socket.host else { return };
        let deadline = core.now + linger;
        let index = self.add_socket(socket.id, socket.transport, socket.family, host);
        // Its id can be used again at once.
        self.ids.remove(&socket.id);
        let key = self.sockets[index].key;
        if let Some(host) = &self.sockets[index].host
            && let Err(error) = core.rewatch(host, key)
        {
            tracing::error!(%error, "a released socket cannot be watched");
        }
        core.direct(stream.ring.port(), crate::worker::core::Target::Socket(key));
        self.sockets[index].phase = Phase::Releasing {
            stream,
            call,
            deadline,
        };
        core.timers.add(deadline, Due::Release(key));
    }

    /// Goes on sending from the ring of a released socket.
    pub(super) fn pump_releasing<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
    ) -> bool {
        let socket = &mut self.sockets[index];
        let (Phase::Releasing { stream, .. }, Some(host)) = (&mut socket.phase, &socket.host)
        else {
            return false;
        };
        let last = stream.last_words(host);
        let broken = stream.is_broken();
        self.counters.bytes_out.add(last.sent.into());
        if last.left == 0 {
            self.finish_release(core, index, broken);
        }
        last.sent > 0 || last.left == 0
    }

    /// A released socket has had its time.
    pub(crate) fn on_release_due<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        key: crate::worker::tokens::SocketKey,
    ) {
        if self.current(key) && matches!(self.sockets[key.socket].phase, Phase::Releasing { .. }) {
            self.expire_release(core, key.socket);
        }
    }

    fn expire_release<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>, index: usize) {
        self.finish_release(core, index, true);
    }

    fn finish_release<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
        reset: bool,
    ) {
        let socket = self.remove_socket(index);
        let Phase::Releasing {
            stream,
            call,
            deadline,
        } = socket.phase
        else {
            unreachable!("only called for released sockets");
        };
        core.timers.cancel(deadline, Due::Release(socket.key));
        if let Some(host) = socket.host {
            if reset {
                host.reset_on_close();
            } else if is_unread(&stream, &host) || host.unacknowledged() > 0 {
                self.orphan(core, host, &stream, 0, deadline);
            }
        }
        self.end_stream(core, socket.id, *stream, false);
        if let Some(call) = call {
            self.answer(call, Ok(Extra::None));
        }
    }
}

/// Whether closing the socket now would be a reset, because of bytes that nobody read.
fn is_unread<M: Mapped>(stream: &Stream<M>, host: &HostSocket) -> bool {
    stream.may_be_unread() && host.is_readable()
}
