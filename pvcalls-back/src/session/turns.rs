//! Who carries bytes when: sockets with work waiting take turns, a piece of it each.

use crate::platform::{Mapped, Platform};
use crate::session::{Phase, Session, datagram, stream};
use crate::worker::core::Core;

/// Bytes a socket may carry each way before others get their turn.
const BUDGET: u32 = 256 << 10;
/// Bytes it may carry at once when the guest raises its port. More has to wait for its turn, or a
/// guest with many sockets had all of them served before anybody else had one.
pub(super) const DIRECT_BUDGET: u32 = 32 << 10;

impl<M: Mapped> Session<M> {
    /// Lets a socket wait for its turn.
    pub(super) fn enqueue<P: Platform>(&mut self, core: &mut Core<P>, index: usize) {
        let socket = &mut self.sockets[index];
        if !socket.queued {
            socket.queued = true;
            self.ready.push_back(index);
            self.queue(core);
        }
    }

    /// Lets the session wait for its turn.
    fn queue<P: Platform>(&mut self, core: &mut Core<P>) {
        if !self.queued {
            self.queued = true;
            core.ready.push_back(self.index);
        }
    }

    /// Gives one of the waiting sockets its turn; the session waits again if there are more.
    pub(crate) fn turn<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>) {
        self.queued = false;
        let Some(index) = self.ready.pop_front() else {
            return;
        };
        self.sockets[index].queued = false;
        self.pump(core, index, BUDGET);
        if !self.ready.is_empty() {
            self.queue(core);
        }
    }

    /// Carries bytes for a socket, about `budget` each way. Whether it did anything.
    pub(super) fn pump<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
        budget: u32,
    ) -> bool {
        let socket = &mut self.sockets[index];
        let Some(host) = &socket.host else {
            return false;
        };
        let turn = match &mut socket.phase {
            Phase::Stream(stream) => match stream.pump(host, budget) {
                Ok(turn) => turn,
                Err(bad) => {
                    tracing::warn!(device = %self.device, socket = socket.id, "{bad}");
                    stream.fail();
                    stream::Turn {
                        notify: true,
                        ..stream::Turn::default()
                    }
                }
            },
            Phase::Datagrams(datagrams) => {
                let rules = datagram::Rules {
                    policy: &self.connection.settings.policy,
                    audit: &self.audit,
                    counters: &self.counters,
                };
                datagrams.pump(host, budget, rules, &mut socket.last_error)
            }
            Phase::Releasing { .. } => return self.pump_releasing(core, index),
            _ => return false,
        };
        self.counters.bytes_out.add(turn.bytes[0]);
        self.counters.bytes_in.add(turn.bytes[1]);
        if turn.notify {
            let port = match &self.sockets[index].phase {
                Phase::Stream(stream) => stream.ring.port(),
                Phase::Datagrams(datagrams) => datagrams.ring.port(),
                _ => return turn.worked,
            };
            core.platform.notify(port);
            self.counters.notifications_sent.add(1);
        }
        if turn.more {
            self.enqueue(core, index);
        }
        turn.worked
    }
}
