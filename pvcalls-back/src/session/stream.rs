//! A connected stream: bytes from ring to socket and from socket to ring.
//!
//! Everything is edge-triggered: `readable` and `writable` say whether the socket may have
//! something to give or room to take, and only the socket's own refusal (or an event) changes
//! them. Whoever calls [`Stream::pump`] after every event and every notification misses nothing.

use std::sync::Arc;

use crate::counters::SocketCounters;
use crate::data_ring::{BadIndex, DataRing};
use crate::errno::Errno;
use crate::net::{HostSocket, would_block};
use crate::platform::Mapped;

/// What a system call costs of a turn's bytes at least: a guest that offers its bytes one by one
/// must not get a call for each.
const CALL_COST: u32 = 4096;

/// A connection and its ring.
#[derive(Debug)]
pub(super) struct Stream<M> {
    pub(super) ring: DataRing<M>,
    pub(super) counters: Arc<SocketCounters>,
    /// The socket may have bytes, its end, or an error for us.
    readable: bool,
    /// The socket may take bytes.
    writable: bool,
    /// The socket's end, an error or an urgent byte is on its way: more comes after a read that
    /// gave less than was asked for, and no further event will tell.
    closing: bool,
    /// `in_error` is set.
    in_ended: bool,
    /// The guest did not want to read to the end.
    in_cut: bool,
    /// The error that sending met: the kernel tells it once, and the reader needs it, too.
    error: Option<Errno>,
    /// The frontend broke the ring's rules: nobody knows what it meant to send.
    broken: bool,
    out: Out,
}

/// How far the way out has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    Open,
    /// Bytes up to this index, then the end.
    EndAt(u32),
    /// Released: bytes up to this index; the close is the end.
    Last(u32),
    /// The end was sent.
    EndSent,
    /// `out_error` is set.
    Failed,
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// The guest is to be told.
    pub(super) notify: bool,
    /// There is more to do than the budget allowed.
    pub(super) more: bool,
    /// Bytes that went out and came in.
    pub(super) bytes: [u64; 2],
    /// Something happened.
    pub(super) worked: bool,
}

/// What became of the last bytes of a released socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastWords {
    /// Bytes that the socket took now.
    pub(super) sent: u32,
    /// Bytes that are still in the ring.
    pub(super) left: u32,
}

impl<M: Mapped> Stream<M> {
    pub(super) fn new(ring: DataRing<M>, counters: Arc<SocketCounters>) -> Self {
        Self {
            ring,
            counters,
            // Bytes may have come before anybody listened for them.
            readable: true,
            writable: true,
            closing: false,
            in_ended: false,
            in_cut: false,
            error: None,
            broken: false,
            out: Out::Open,
        }
    }

    /// The socket has news.
    pub(super) fn on_event(&mut self, event: &mio::event::Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
        self.closing |= event.is_read_closed() || event.is_error() || event.is_priority();
    }

    /// Carries bytes, at most `budget` each way.
    pub(super) fn pump(&mut self, host: &HostSocket, budget: u32) -> Result<Turn, BadIndex> {
        let mut turn = Turn::default();
        self.pump_out(host, budget, &mut turn)?;
        self.pump_in(host, budget, &mut turn)?;
        self.counters.bytes_out.add(turn.bytes[0]);
        self.counters.bytes_in.add(turn.bytes[1]);
        Ok(turn)
    }

    fn pump_out(
        &mut self,
        host: &HostSocket,
        mut budget: u32,
        turn: &mut Turn,
    ) -> Result<(), BadIndex> {
        while self.out != Out::Failed {
            let waiting = self.ring.look_out()?;
            let len = match self.out {
                Out::EndAt(end) | Out::Last(end) => end.wrapping_sub(self.ring.out_cons()),
                Out::EndSent => 0,
                _ => waiting,
            };
            if len == 0 {
                if let Out::Last(_) = self.out {
                    break;
                }
                if let Out::EndAt(_) = self.out {
                    host.shutdown_write();
                    self.out = Out::EndSent;
                    turn.worked = true;
                }
                if waiting > 0 {
                    // Written after the end.
                    self.fail_out(Errno::EPIPE, turn);
                    break;
                }
                self.ring.wait_for_out();
                if self.ring.look_out()? == 0 {
                    break;
                }
                continue;
            }
            if !self.writable {
                break;
            }
            if budget == 0 {
                turn.more = true;
                break;
            }
            match host.send_from(&self.ring.out_pieces(0, len.min(budget))) {
                Ok(count) => {
                    let count = u32::try_from(count).expect("no more than asked for");
                    turn.notify |= self.ring.sent(count);
                    turn.bytes[0] += u64::from(count);
                    turn.worked = true;
                    budget = budget.saturating_sub(count.max(CALL_COST));
                }
                Err(error) if would_block(error) => self.writable = false,
                Err(Errno::EINTR) => {}
                Err(error) => {
                    // The peer had sent its end before, if it is this one.
                    self.error = Some(error).filter(|&error| error != Errno::EPIPE);
                    self.fail_out(error, turn);
                }
            }
        }
        Ok(())
    }

    fn fail_out(&mut self, error: Errno, turn: &mut Turn) {
        self.out = Out::Failed;
        self.ring.set_out_error(error.ret());
        turn.notify = true;
        turn.worked = true;
    }

    fn pump_in(
        &mut self,
        host: &HostSocket,
        mut budget: u32,
        turn: &mut Turn,
    ) -> Result<(), BadIndex> {
        while !self.in_ended && self.readable {
            let mut room = self.ring.look_in()?;
            if room == 0 {
                self.ring.wait_for_in();
                room = self.ring.look_in()?;
            }
            if room == 0 {
                break;
            }
            if budget == 0 {
                turn.more = true;
                break;
            }
            let asked = room.min(budget);
            match host.receive_into(&self.ring.in_pieces(0, asked)) {
                Ok(0) => self.end_in(self.error.unwrap_or(Errno::ENOTCONN), turn),
                Ok(count) => {
                    let count = u32::try_from(count).expect("no more than asked for");
                    turn.notify |= self.ring.received(count);
                    turn.bytes[1] += u64::from(count);
                    turn.worked = true;
                    budget = budget.saturating_sub(count.max(CALL_COST));
                    // Less than asked for: there is no more now, and an event will tell of it.
                    // Unless the end has been announced, which is not announced again.
                    self.readable = count == asked || self.closing;
                }
                Err(error) if would_block(error) => self.readable = false,
                Err(Errno::EINTR) => {}
                Err(error) => self.end_in(error, turn),
            }
        }
        Ok(())
    }

    /// The end, or an error: told after the bytes before it.
    fn end_in(&mut self, error: Errno, turn: &mut Turn) {
        self.in_ended = true;
        self.ring.set_in_error(error.ret());
        turn.notify = true;
        turn.worked = true;
    }

    /// Ends the way out after the bytes up to `out_prod`.
    pub(super) fn end_out_at(&mut self, out_prod: u32) -> Result<(), Errno> {
        let waiting = self.ring.look_out().map_err(|_| Errno::EINVAL)?;
        if out_prod.wrapping_sub(self.ring.out_cons()) > waiting {
            return Err(Errno::EINVAL);
        }
        if self.out == Out::Open {
            self.out = Out::EndAt(out_prod);
        }
        Ok(())
    }

    /// Ends the way in: what comes is not wanted any more.
    pub(super) fn end_in_now(&mut self) -> bool {
        let mut turn = Turn::default();
        if !self.in_ended {
            self.in_cut = true;
            self.end_in(Errno::ENOTCONN, &mut turn);
        }
        turn.notify
    }

    /// The frontend broke the ring's rules.
    pub(super) fn fail(&mut self) {
        self.broken = true;
        self.out = Out::Failed;
        self.in_ended = true;
        self.ring.set_in_error(Errno::EINVAL.ret());
        self.ring.set_out_error(Errno::EINVAL.ret());
    }

    /// The socket is released: sends what can be sent now of what was written by the first call.
    pub(super) fn last_words(&mut self, host: &HostSocket) -> LastWords {
        if self.out == Out::Open {
            match self.ring.look_out() {
                Ok(_) => self.out = Out::Last(self.ring.out_prod()),
                Err(_) => self.fail(),
            }
        }
        let start = self.ring.out_cons();
        let mut turn = Turn::default();
        if self.pump_out(host, u32::MAX, &mut turn).is_err() {
            self.fail();
        }
        self.counters.bytes_out.add(turn.bytes[0]);
        let left = match self.out {
            Out::EndAt(end) | Out::Last(end) => end.wrapping_sub(self.ring.out_cons()),
            _ => 0,
        };
        LastWords {
            sent: self.ring.out_cons().wrapping_sub(start),
            left,
        }
    }

    /// Whether the frontend broke the ring's rules: the peer must not take a part for the whole.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the socket may hold bytes that were not read.
    pub(super) fn may_be_unread(&self) -> bool {
        // An event that tells of bytes may be on its way: `readable` says nothing here.
        !self.in_ended || self.in_cut
    }
}
