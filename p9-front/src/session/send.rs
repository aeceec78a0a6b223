//! How a request gets into a ring: at once, or when there is room.

use alloc::vec::Vec;

use xen_front::platform::Platform;

use super::calls::{New, Owner, Stage};
use super::fids::Uses;
use super::{ANSWER_BYTES, Session};
use crate::Error;
use crate::client::CallId;
use crate::wire::{Request, Tag};

/// The longest `Rreadlink`: Linux's `PATH_MAX` and what is before it.
const LINK_BYTES: u32 = 4096 + 9;
/// Of an `Rread` or `Rreaddir` before its data.
const DATA_HEADER: u32 = 11;
/// How many identifiers the server is asked to forget at the same time.
const CLUNKS: usize = 16;

impl<P: Platform> Session<P> {
    /// The ring with the least to do; the first of several.
    pub(super) fn idlest(&self) -> usize {
        let numbers = 0..self.lanes.len();
        { numbers }
            .min_by_key(|&number| self.lanes[number].work())
            .unwrap_or(0)
    }

    /// Makes a call and sends its request, or keeps it until there is room.
    pub(super) fn start(
        &mut self,
        request: &Request<'_>,
        owner: Owner,
        ring: usize,
        deadline_ns: u64,
        now_ns: u64,
    ) -> Result<(Tag, CallId), Error> {
        let size = request.encoded_len()?;
        let data = match *request {
            Request::Read { count, .. } | Request::ReadDirectory { count, .. } => {
                count.saturating_add(DATA_HEADER)
            }
            Request::ReadLink { .. } => LINK_BYTES.min(self.msize),
            _ => 0,
        };
        if size > self.msize || data > self.msize {
            return Err(Error::TooLarge);
        }
        let answer_size = data.max(ANSWER_BYTES);
        let tag = match request {
            Request::Version { .. } => Tag::NONE,
            _ => self.calls.free_tag(ring).ok_or(Error::Busy)?,
        };
        let uses = match owner {
            // Nobody has that identifier any more.
            Owner::Clunk(_) => Uses::default(),
            _ => Uses::of(request),
        };
        self.fids.begin(&uses)?;
        let mut head = core::mem::take(&mut self.head);
        head.clear();
        let payload = request.encode(tag, &mut head);
        let stage = payload.and_then(|payload| {
            let lane = &mut self.lanes[ring];
            // Those that wait were first, but a Tflush is about a request that went before them.
            let first = lane.queue.is_empty() || matches!(owner, Owner::Flush(_));
            match first.then(|| lane.has_room(size, answer_size)).transpose() {
                Err(fault) => {
                    self.break_session(fault);
                    return Err(Error::Gone);
                }
                Ok(Some(true)) => {
                    let eager = lane.send(&head, payload, answer_size, now_ns);
                    self.sent(ring, size, eager);
                    return Ok(Stage::Sent);
                }
                Ok(_) => {}
            }
            let mut message = Vec::new();
            { message.try_reserve_exact(head.len() + payload.len()) }
                .map_err(|_| Error::OutOfMemory)?;
            message.extend_from_slice(&head);
            message.extend_from_slice(payload);
            match owner {
                Owner::Flush(_) => lane.queue.push_front(tag),
                _ => lane.queue.push_back(tag),
            }
            self.counters.queued += 1;
            Ok(Stage::Queued(message))
        });
        self.head = head;
        // Sending may have shown that the backend breaks the rules.
        let gone = self.fault.map(|_| Error::Gone);
        let stage = match stage.and_then(|stage| gone.map_or(Ok(stage), Err)) {
            Ok(stage) => stage,
            Err(error) => {
                self.fids.leave(&uses);
                return Err(error);
            }
        };
        self.lanes[ring].begin(size, answer_size);
        let new = New {
            expected: request.expected(),
            owner,
            size,
            answer_size,
            uses,
            deadline_ns,
        };
        Ok((tag, self.calls.insert(tag, ring, stage, new)))
    }

    /// A request went into a ring.
    fn sent(&mut self, ring: usize, size: u32, eager: bool) {
        self.counters.bytes_out += u64::from(size);
        if let Some(at_ns) = self.lanes[ring].deadline_ns() {
            self.timers.arm(ring, at_ns);
        }
        if eager {
            self.announce(ring);
        }
    }

    /// Sends what waits, as far as there is room, and asks the server to forget identifiers.
    pub(super) fn pump(&mut self, now_ns: u64) {
        if self.fault.is_some() {
            return;
        }
        for number in 0..self.lanes.len() {
            self.send_queue(number, now_ns);
        }
        while self.clunks < CLUNKS
            && self.fault.is_none()
            && let Some(fid) = self.fids.next_to_clunk()
        {
            let request = Request::Clunk { fid };
            let ring = self.idlest();
            let Ok(_) = self.start(&request, Owner::Clunk(fid), ring, u64::MAX, now_ns) else {
                self.fids.clunk_later(fid);
                break;
            };
            self.clunks += 1;
            self.counters.clunks += 1;
        }
    }

    fn send_queue(&mut self, number: usize, now_ns: u64) {
        while let Some(&tag) = self.lanes[number].queue.front() {
            let call = self.calls.at(tag);
            let lane = &mut self.lanes[number];
            if let Some(call) = call
                && let Stage::Queued(message) = &call.stage
            {
                match lane.has_room(call.size, call.answer_size) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(fault) => return self.break_session(fault),
                }
                let eager = lane.send(message, &[], call.answer_size, now_ns);
                call.stage = Stage::Sent;
                let size = call.size;
                lane.queue.pop_front();
                self.sent(number, size, eager);
                if self.fault.is_some() {
                    return;
                }
            } else {
                lane.queue.pop_front();
            }
        }
    }
}
