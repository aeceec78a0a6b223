//! The command ring: requests go out, answers come back in any order, late or never.
//!
//! One page holds 32 slots that requests and responses share. Requests carry an id of ours that
//! has nothing to do with the slot: a table entry and its generation, so that an answer is
//! matched with the request it belongs to even when slots have been used again meanwhile.
//!
//! # What a response must show before it is believed
//! The id of an outstanding request, that request's command, the socket id that was sent, and a
//! return value that is not positive. (The socket id may be anything in the answer that a command is not
//! known: Linux leaves what lay in the slot.) A Linux backend fills responses from three contexts
//! without a lock, so a response can be lost, come twice, or be published unfilled, as the bytes
//! of an older request. What does not fit is counted and dropped; the request stays
//! outstanding. Beyond [`FAULT_LIMIT`] the device is given up; as such a race is rare but a guest
//! may run for years, a long row of good answers takes one off the count.

use alloc::boxed::Box;

use crate::errno::Errno;
use crate::error::DeviceFault;
use crate::index::Index;
use crate::memory::{SharedPages, full_barrier};
use crate::notify::asked_for;
use crate::units::{CallId, Port, SocketId};
use crate::wire::{Command, Extra, RESPONSE_BYTES, Request, Response, sring};

/// Slots of the ring, and entries of the table.
pub(crate) const SLOTS: u32 = sring::SLOT_COUNT;

/// Slots that only RELEASE may take. Whoever fills the ring with commands that wait (a
/// connect to nowhere, a parked accept) must still be able to close sockets.
pub(crate) const RESERVED_FOR_RELEASE: u32 = 8;

/// Slots besides those that commands whose answer may take long cannot have: others go on.
const RESERVED_FOR_PROMPT: u32 = 4;

/// Responses that answer nothing, after which the device is broken.
pub(crate) const FAULT_LIMIT: u32 = 16;

/// Good answers that make up for one bad response.
const GOOD_PER_FAULT: u32 = 256;

const TABLE_BITS: u32 = SLOTS.ilog2();

/// The driver's side of the command ring.
#[derive(Debug)]
pub(crate) struct Commands {
    page: SharedPages,
    port: Port,
    req_prod: Index,
    rsp_cons: Index,
    table: Box<[Entry]>,
    /// Whether the backend shows in the page that it lives.
    shows_life: bool,
    /// Bad responses in all.
    faults: u64,
    /// Bad responses that good answers have not made up for.
    suspicion: u32,
    /// Good answers since the last one that made up for a bad response.
    good: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Counts uses of this entry; part of the request id.
    generation: u32,
    waiting: Option<Waiting>,
}

/// A request that the backend has.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    command: Command,
    wire_id: u64,
    owner: Owner,
}

/// Whom an answer is for. Not always whom the `id` word names: the answer to ACCEPT is for the
/// stream that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It moves this socket from state to state.
    Socket(SocketId),
    /// Somebody waits for it.
    Call(CallId),
}

/// A valid answer to a request that was outstanding, which it no longer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) command: Command,
    pub(crate) owner: Owner,
    /// What extensions may have added, or why it failed.
    pub(crate) result: Result<Extra, Errno>,
}

/// No slot is free for this kind of command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Commands {
    /// Makes a fresh command ring in `page` (one page, which the backend does not use yet).
    /// `shows_life` if the backend said that it will show so.
    pub(crate) fn new(page: SharedPages, port: Port, shows_life: bool) -> Self {
        page.zero_first_page();
        page.store(sring::REQ_EVENT, 1);
        page.store(sring::RSP_EVENT, 1);
        let entry = Entry {
            generation: 0,
            waiting: None,
        };
        Self {
            page,
            port,
            req_prod: Index::default(),
            rsp_cons: Index::default(),
            table: Box::from([entry; SLOTS as usize]),
            shows_life,
            faults: 0,
            suspicion: 0,
            good: 0,
        }
    }

    pub(crate) fn port(&self) -> Port {
        self.port
    }

    /// Gives the page up, for when the device goes down.
    pub(crate) fn into_page(self) -> SharedPages {
        self.page
    }

    /// Whether the backend shows in the page that it lives, as both sides agreed.
    pub(crate) fn shows_life(&self) -> bool {
        self.shows_life
    }

    /// Whether the backend showed that it lives, and does not any more. It does from before its
    /// state 4 on, and commands begin after that; so a zero is a death, however early.
    pub(crate) fn died(&self) -> bool {
        self.shows_life && self.page.load(sring::ALIVE) & 0xff == 0
    }

    /// Requests whose slot has not come back.
    pub(crate) fn outstanding(&self) -> u32 {
        self.req_prod.since(self.rsp_cons)
    }

    /// How many responses were taken from the ring, whatever they were.
    pub(crate) fn taken(&self) -> Index {
        self.rsp_cons
    }

    /// Responses dropped because they answered nothing.
    pub(crate) fn faults(&self) -> u64 {
        self.faults
    }

    /// Puts a request into the ring; true if the backend must be told.
    pub(crate) fn send(&mut self, request: &Request, owner: Owner) -> Result<bool, Full> {
        let reserved = match request.command() {
            Command::Release => 0,
            command if command.waits() => RESERVED_FOR_RELEASE + RESERVED_FOR_PROMPT,
            _ => RESERVED_FOR_RELEASE,
        };
        if self.outstanding() >= SLOTS - reserved {
            return Err(Full);
        }
        // A lost response gives its slot back (another one took its place in the ring) but not
        // its entry, so the table can be full when the ring is not.
        let free = (0..SLOTS).zip(self.table.iter_mut());
        let (number, entry) = { free }
            .find(|(_, entry)| entry.waiting.is_none())
            .ok_or(Full)?;
        entry.generation = entry.generation.wrapping_add(1);
        entry.waiting = Some(Waiting {
            command: request.command(),
            wire_id: request.wire_id(),
            owner,
        });
        let req_id = entry.generation << TABLE_BITS | number;

        let slot = sring::slot(self.req_prod.offset(SLOTS));
        self.page.write(slot, &request.encode(req_id));
        log::trace!("request {req_id:#x}: {request:?}");
        Ok(self.push())
    }

    /// Publishes the request just written; true if the backend must be told.
    fn push(&mut self) -> bool {
        let old = self.req_prod;
        self.req_prod = old.plus(1);
        self.page.store(sring::REQ_PROD, self.req_prod.get());
        full_barrier();
        let event = Index::new(self.page.load(sring::REQ_EVENT));
        asked_for(event, old, self.req_prod)
    }

    /// Takes the next valid answer from the ring; bounded by the requests outstanding.
    pub(crate) fn receive(&mut self) -> Result<Option<Answer>, DeviceFault> {
        loop {
            let mut waiting = self.responses()?;
            if waiting == 0 {
                // Rule 10 of `notify.rs`.
                let wish = self.rsp_cons.plus(1);
                self.page.store(sring::RSP_EVENT, wish.get());
                full_barrier();
                waiting = self.responses()?;
            }
            if waiting == 0 {
                return Ok(None);
            }
            if let Some(answer) = self.take()? {
                return Ok(Some(answer));
            }
        }
    }

    /// Responses in the ring; more than there are requests is a lie.
    fn responses(&self) -> Result<u32, DeviceFault> {
        let rsp_prod = Index::new(self.page.load(sring::RSP_PROD));
        let waiting = rsp_prod.since(self.rsp_cons);
        if waiting > self.outstanding() {
            return Err(DeviceFault::ResponseIndex);
        }
        Ok(waiting)
    }

    /// Copies one response out, once, and judges the copy.
    fn take(&mut self) -> Result<Option<Answer>, DeviceFault> {
        let mut bytes = [0; RESPONSE_BYTES];
        let slot = sring::slot(self.rsp_cons.offset(SLOTS));
        self.page.read(slot, &mut bytes);
        self.rsp_cons = self.rsp_cons.plus(1);
        let response = Response::decode(&bytes);
        if let Some(answer) = self.judge(&response) {
            log::trace!("answer {:#x}: {answer:?}", response.req_id);
            self.good += 1;
            if self.good == GOOD_PER_FAULT {
                self.good = 0;
                self.suspicion = self.suspicion.saturating_sub(1);
            }
            return Ok(Some(answer));
        }
        self.faults += 1;
        self.suspicion += 1;
        log::warn!("the backend answered nothing that was asked: {response:?}");
        if self.suspicion >= FAULT_LIMIT {
            return Err(DeviceFault::Responses);
        }
        Ok(None)
    }

    fn judge(&mut self, response: &Response) -> Option<Answer> {
        let number = response.req_id & (SLOTS - 1);
        let entry = self.table.get_mut(number as usize)?;
        if entry.generation << TABLE_BITS | number != response.req_id {
            return None;
        }
        let Waiting {
            command,
            wire_id,
            owner,
        } = entry.waiting?;
        // Linux's backend says so of a command that it does not know, without the id.
        let unknown = response.ret == -Errno::ENOTSUPP.number();
        let id_fits = response.id == wire_id || unknown;
        if response.cmd != command.number() || !id_fits || response.ret > 0 {
            return None;
        }
        entry.waiting = None;
        let result = Errno::from_wire(response.ret).map_or(Ok(response.extra), Err);
        Some(Answer {
            command,
            owner,
            result,
        })
    }
}
