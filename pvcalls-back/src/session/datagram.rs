//! Datagram sockets (`feature-udp`): frames in the ring, datagrams outside.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::abi::Extra;
use crate::abi::{NAME_BYTES, RingName, name_bytes, parse_name};
use crate::audit::{Action, Audit};
use crate::counters::{DeviceCounters, SocketCounters};
use crate::data_ring::DataRing;
use crate::errno::Errno;
use crate::net::{HostSocket, display, would_block};
use crate::platform::{Mapped, Platform};
use crate::policy::{Policy, Transport, Verdict};
use crate::session::{Phase, Session, stream::Turn};
use crate::worker::core::{Core, Target};

/// Bytes before a payload.
const HEADER: u32 = 32;
/// The largest payload of a datagram over IPv4.
const PAYLOAD_MAX: u32 = 65507;
/// What a datagram costs of a turn's bytes, whatever its length: a system call or two.
const CALL_COST: u32 = 1024;
/// In ring: the payload was cut.
const TRUNCATED: u32 = 1;

/// A datagram socket and its ring.
#[derive(Debug)]
pub(super) struct Datagrams<M> {
    pub(super) ring: DataRing<M>,
    counters: Arc<SocketCounters>,
    readable: bool,
    writable: bool,
    /// The frontend broke the ring's rules.
    failed: bool,
    /// Where the last datagram was allowed to go: audited once, not each time.
    audited: Option<SocketAddr>,
}

/// What decides about a datagram.
pub(super) struct Rules<'a> {
    pub(super) policy: &'a Policy,
    pub(super) audit: &'a Audit,
    pub(super) counters: &'a DeviceCounters,
}

/// The place that a payload of this length takes, header included.
fn frame_len(payload: u32) -> u32 {
    HEADER + payload.next_multiple_of(8)
}

/// A frame the frontend must not have written.
#[derive(Debug)]
struct BadFrame;

/// A frame of the out ring.
struct Frame {
    payload: u32,
    to: Option<SocketAddr>,
}

impl<M: Mapped> Datagrams<M> {
    fn new(ring: DataRing<M>, counters: Arc<SocketCounters>) -> Self {
        Self {
            ring,
            counters,
            readable: true,
            writable: true,
            failed: false,
            audited: None,
        }
    }

    /// The counters, to take them out.
    pub(super) fn counters(&self) -> &Arc<SocketCounters> {
        &self.counters
    }

    /// The socket has news.
    pub(super) fn on_event(&mut self, event: &mio::event::Event) {
        self.readable |= event.is_readable() || event.is_error();
        self.writable |= event.is_writable() || event.is_error();
    }

    /// Carries datagrams, about `budget` bytes each way.
    pub(super) fn pump(
        &mut self,
        host: &HostSocket,
        budget: u32,
        rules: Rules<'_>,
        last_error: &mut Option<Errno>,
    ) -> Turn {
        let mut turn = Turn::default();
        let out = self.pump_out(host, budget, &rules, last_error, &mut turn);
        let result = out.and_then(|()| self.pump_in(host, budget, &rules, last_error, &mut turn));
        if result.is_err() && !self.failed {
            self.failed = true;
            self.ring.set_out_error(Errno::EINVAL.ret());
            turn.notify = true;
            turn.worked = true;
        }
        self.counters.bytes_out.add(turn.bytes[0]);
        self.counters.bytes_in.add(turn.bytes[1]);
        turn
    }

    /// The frame at the front of the out ring, if one is there.
    fn next_frame(&mut self) -> Result<Option<Frame>, BadFrame> {
        let mut waiting = self.ring.look_out().map_err(|_| BadFrame)?;
        if waiting == 0 {
            self.ring.wait_for_out();
            waiting = self.ring.look_out().map_err(|_| BadFrame)?;
        }
        if waiting == 0 {
            return Ok(None);
        }
        if waiting < HEADER {
            return Err(BadFrame);
        }
        let mut header = [0; HEADER as usize];
        self.ring.copy_out(0, &mut header);
        let payload = u32::from_le_bytes(header[0..4].try_into().expect("four bytes"));
        if payload > PAYLOAD_MAX || frame_len(payload) > waiting {
            return Err(BadFrame);
        }
        let name: &[u8; NAME_BYTES] = header[8..28].try_into().expect("20 bytes");
        let to = parse_name(name).map_err(|_| BadFrame)?;
        Ok(Some(Frame { payload, to }))
    }

    fn pump_out(
        &mut self,
        host: &HostSocket,
        budget: u32,
        rules: &Rules<'_>,
        last_error: &mut Option<Errno>,
        turn: &mut Turn,
    ) -> Result<(), BadFrame> {
        let mut used = 0;
        while !self.failed && self.writable {
            let Some(frame) = self.next_frame()? else {
                break;
            };
            if used >= budget {
                turn.more = true;
                break;
            }
            match self.send(host, &frame, rules) {
                Ok(()) => turn.bytes[0] += u64::from(frame.payload),
                Err(error) if would_block(error) => {
                    self.writable = false;
                    break;
                }
                Err(Errno::EINTR) => continue,
                Err(error) => {
                    *last_error = Some(error);
                    rules.counters.datagrams_dropped.add(1);
                }
            }
            used += CALL_COST + frame_len(frame.payload);
            turn.worked = true;
            turn.notify |= self.ring.sent(frame_len(frame.payload));
        }
        Ok(())
    }

    fn send(&mut self, host: &HostSocket, frame: &Frame, rules: &Rules<'_>) -> Result<(), Errno> {
        let to = match frame.to {
            // CONNECT asked the policy.
            None => None,
            Some(to) => {
                let verdict = rules.policy.connect(Transport::Udp, to);
                if self.audited != Some(to) || matches!(verdict, Verdict::Deny(_)) {
                    self.audited = Some(to);
                    rules
                        .audit
                        .decision(Action::SendTo, Transport::Udp, to, &verdict);
                }
                match verdict {
                    Verdict::Allow(to) => Some(to),
                    Verdict::Deny(_) => {
                        rules.counters.denied.add(1);
                        return Err(Errno::EACCES);
                    }
                }
            }
        };
        host.send_to(&self.ring.out_pieces(HEADER, frame.payload), to)
            .map(drop)
    }

    fn pump_in(
        &mut self,
        host: &HostSocket,
        budget: u32,
        rules: &Rules<'_>,
        last_error: &mut Option<Errno>,
        turn: &mut Turn,
    ) -> Result<(), BadFrame> {
        let mut used = 0;
        while !self.failed && self.readable {
            let room = self.ring.look_in().map_err(|_| BadFrame)?;
            if used >= budget {
                turn.more = true;
                break;
            }
            // Only if the largest may not fit: the question costs a system call.
            if room < frame_len(PAYLOAD_MAX) && room < self.ring.size() {
                match host.next_datagram_len() {
                    Ok(len) => {
                        let len = u32::try_from(len).unwrap_or(u32::MAX - 64);
                        if frame_len(len) > room {
                            // It waits; a ring that is empty would take it, or a part of it.
                            self.ring.wait_for_in();
                            if self.ring.look_in().map_err(|_| BadFrame)? == room {
                                break;
                            }
                            continue;
                        }
                    }
                    Err(error) if would_block(error) => {
                        self.readable = false;
                        break;
                    }
                    Err(Errno::EINTR) => continue,
                    Err(error) => {
                        // An answer to a datagram that was sent, such as "nobody listens".
                        *last_error = Some(error);
                        used += CALL_COST;
                        turn.worked = true;
                        continue;
                    }
                }
            }
            // Room of a length that is no multiple of 8 comes of an index that is none.
            let capacity = ((room - HEADER) & !7).min(PAYLOAD_MAX);
            match host.receive_from(&self.ring.in_pieces(HEADER, capacity)) {
                Ok((len, from)) => {
                    let len = u32::try_from(len).unwrap_or(u32::MAX);
                    let payload = len.min(capacity);
                    let from = from.map(|from| rules.policy.guest_peer(Transport::Udp, from));
                    let mut header = [0; HEADER as usize];
                    header[0..4].copy_from_slice(&payload.to_le_bytes());
                    let flags = if len > payload { TRUNCATED } else { 0 };
                    header[4..8].copy_from_slice(&flags.to_le_bytes());
                    header[8..28].copy_from_slice(&name_bytes(from));
                    self.ring.copy_in(&header);
                    turn.bytes[1] += u64::from(payload);
                    turn.worked = true;
                    used += CALL_COST + frame_len(payload);
                    turn.notify |= self.ring.received(frame_len(payload));
                }
                Err(error) if would_block(error) => self.readable = false,
                Err(Errno::EINTR) => {}
                Err(error) => {
                    *last_error = Some(error);
                    used += CALL_COST;
                    turn.worked = true;
                }
            }
        }
        Ok(())
    }

    /// Sends the frames that are complete: the socket is released. What the host does not take
    /// now is dropped, as datagrams are. How many there were.
    pub(super) fn last_words(&mut self, host: &HostSocket, rules: Rules<'_>) -> u32 {
        let mut turn = Turn::default();
        let mut frames = 0;
        let mut left = self.ring.look_out().unwrap_or(0);
        while left > 0 {
            let start = self.ring.out_cons();
            // One at a time: what the frontend writes from now on is not among them.
            let sent = self.pump_out(host, 1, &rules, &mut None, &mut turn);
            let len = self.ring.out_cons().wrapping_sub(start);
            if sent.is_err() || len == 0 {
                break;
            }
            left = left.saturating_sub(len);
            frames += 1;
        }
        self.counters.bytes_out.add(turn.bytes[0]);
        rules.counters.bytes_out.add(turn.bytes[0]);
        frames
    }
}

impl<M: Mapped> Session<M> {
    /// ATTACH.
    pub(super) fn attach_udp<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        id: u64,
        ring: RingName,
    ) -> Result<Extra, Errno> {
        let index = self.find(id)?;
        let socket = &self.sockets[index];
        if socket.transport != Transport::Udp {
            return Err(Errno::EOPNOTSUPP);
        }
        if !matches!(socket.phase, Phase::Idle) {
            return Err(Errno::EINVAL);
        }
        let ring = self.take_ring(core, ring)?;
        self.open_datagrams(core, index, ring)?;
        Ok(self.names(index))
    }

    /// CONNECT: sets the default peer, and gives the socket its ring if it has none.
    pub(super) fn connect_udp<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
        to: SocketAddr,
        ring: RingName,
    ) -> Result<Extra, Errno> {
        let attached = matches!(self.sockets[index].phase, Phase::Datagrams(_));
        let named = ring.indexes != 0 || ring.port != 0;
        if attached && named {
            return Err(Errno::EINVAL);
        }
        let ring = match attached {
            true => None,
            false => Some(self.take_ring(core, ring)?),
        };
        let host = self.sockets[index].host.as_ref();
        let connected = host.map_or(Err(Errno::EIO), |host| host.connect(to));
        match (ring, connected) {
            (Some(ring), Ok(_)) => self.open_datagrams(core, index, ring)?,
            (Some(ring), Err(error)) => {
                self.give_up_ring(core, ring, false);
                return Err(error);
            }
            (None, connected) => drop(connected?),
        }
        Ok(self.names(index))
    }

    fn open_datagrams<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        index: usize,
        mut ring: DataRing<M>,
    ) -> Result<(), Errno> {
        let socket = &self.sockets[index];
        let host = socket.host.as_ref().ok_or(Errno::EIO)?;
        if let Err(error) = core.watch(host, socket.key) {
            self.give_up_ring(core, ring, false);
            return Err(error.into());
        }
        let local = display(host.local());
        self.attach(core, &mut ring, Target::Socket(socket.key));
        let counters = self.count_socket(index, local);
        let datagrams = Datagrams::new(ring, counters);
        self.sockets[index].phase = Phase::Datagrams(Box::new(datagrams));
        self.enqueue(core, index);
        Ok(())
    }
}
