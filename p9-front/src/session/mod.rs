//! One connected device: rings, tags, requests under way, file identifiers.
//!
//! It never waits. The owner hands it events and the time, and asks it for answers.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the session, as its owner sees it |
//! | `notify.rs` | when the backend is told, with the argument |
//! | `ring.rs`, `lane.rs` | the halves of a ring; a ring and what is under way on it |
//! | `calls.rs`, `fids.rs` | tags and who waits; identifiers and who uses them |
//! | `send.rs` | how a request gets into a ring |
//! | `answer.rs` | what an answer does |
//! | `give_up.rs` | calls that nobody waits for any more, `Tflush` |
//! | `events.rs` | events, time, sleep |
//! | `outage.rs` | a session that is broken, or closed |
//!
//! # Life of a call
//! ```text
//!            room               answer            taken
//!   Queued ───────▶ Sent ──────────────▶ Answered ──────▶ over
//!      │ given up    │ given up             ▲
//!      ▼             ▼          answer, or  │ with no word about
//!     over         Sent ────────────────────┘ its Tflush pending
//!                         answer to Tflush
//! ```
//! A request is encoded when it is made. If its ring has room for it and for the answer, its bytes
//! go straight from the caller's memory to the ring; else a copy waits.

mod answer;
mod calls;
mod events;
mod fids;
mod give_up;
mod lane;
mod notify;
mod outage;
mod ring;
mod send;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::task::{Poll, Waker};

use xen_front::backoff::Backoff;
use xen_front::index::Index;
use xen_front::platform::Platform;
use xen_front::quarantine::Quarantine;
use xen_front::ring::Ring;
use xen_front::timers::Timers;
use xen_front::units::Port;
use xen_front::wakers::WakerSet;

use crate::Error;
use crate::client::CallId;
use crate::config::Config;
use crate::handshake::Device;
use crate::wire::{Fid, MIN_MSIZE, Request, Response, Tag};
use calls::{Calls, Owner, Stage};
use fids::Fids;
use lane::Lane;

pub use outage::Afterwards;

/// Bytes that an answer may have, unless more was asked for. More than any has that has no data.
const ANSWER_BYTES: u32 = 512;
/// So much less than half an array are the longest messages, if servers agree to what is left: two
/// answers fit then, one that is being taken and one that the server is at work on, and small
/// ones beside them.
const BESIDE_BYTES: u32 = 2048;

/// Why a session is out of use. The first reason stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `in_prod` went backwards, or promises more than the array holds.
    InProd,
    /// `out_cons` went backwards, or past what was produced.
    OutCons,
    /// A message announced a length that none can have, so nobody knows where the next one begins.
    Frame,
    /// Too many answers to what was not asked.
    Answers,
    /// The backend left the state Connected.
    BackendGone,
    /// The backend ended without a word: nobody has the other end of a ring's event channel.
    BackendDied,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InProd => "the backend moved in_prod out of its window",
            Self::OutCons => "the backend moved out_cons out of its window",
            Self::Frame => "the backend sent a message of an impossible length",
            Self::Answers => "the backend keeps answering what was not asked",
            Self::BackendGone => "the 9pfs backend disconnected",
            Self::BackendDied => "the 9pfs backend died",
        })
    }
}

impl core::error::Error for Fault {}

/// What happened so far. Counters but for those marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests of callers.
    pub calls: u64,
    /// Requests that had to wait for room.
    pub queued: u64,
    /// Answers that fit a request.
    pub answers: u64,
    /// Answers that fit none, or make no sense.
    pub bad_answers: u64,
    /// Bytes of requests.
    pub bytes_out: u64,
    /// Bytes of answers.
    pub bytes_in: u64,
    /// Events that were sent.
    pub notifications: u64,
    /// Events that came.
    pub events: u64,
    /// How often a port was masked because its events brought nothing.
    pub masked: u64,
    /// `Tflush` messages.
    pub flushes: u64,
    /// `Tclunk` messages of the session's own.
    pub clunks: u64,
    /// Calls that took too long.
    pub timeouts: u64,
    /// Now: calls that are not over, those that were given up included.
    pub in_flight: usize,
    /// Now: file identifiers in use, or waiting to be forgotten.
    pub fids: usize,
    /// Now: file identifiers that the server is to forget.
    pub forgetting: usize,
    /// Now: rings.
    pub rings: usize,
    /// Now: pages of the rings.
    pub ring_pages: usize,
    /// Now: pages of earlier connections that the backend still maps.
    pub quarantined_pages: usize,
}

/// What the handshake brings.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) device: Device,
    pub(crate) rings: Vec<Ring>,
    /// Where their indexes begin.
    pub(crate) start: Index,
    pub(crate) quarantine: Quarantine,
    pub(crate) backoff: Backoff,
    pub(crate) up_since_ns: u64,
}

/// A device in use. Made by [`Handshake`](crate::Handshake).
///
/// Names of calls and file identifiers belong to the session that gave them.
#[derive(Debug)]
pub struct Session<P> {
    platform: P,
    config: Config,
    device: Device,
    /// The key with the backend's state.
    backend_state: String,
    lanes: Vec<Lane>,
    calls: Calls,
    fids: Fids,
    /// `Tclunk`s of our own that are under way.
    clunks: usize,
    /// Whether the server is asked to give calls up.
    flushes: bool,
    /// What the rings allow.
    max_msize: u32,
    msize: u32,
    /// The start of the message that is being made; keeps its memory.
    head: Vec<u8>,
    timers: Timers,
    quarantine: Quarantine,
    fault: Option<Fault>,
    fault_wakers: WakerSet,
    backoff: Backoff,
    up_since_ns: u64,
    counters: Stats,
}

impl<P: Platform> Session<P> {
    pub(crate) fn new(platform: P, config: Config, link: Link) -> Self {
        let lanes: Vec<Lane> = { link.rings.into_iter() }
            .map(|ring| Lane::new(ring, link.start))
            .collect();
        let half = |lane: &Lane| lane.ring.array_bytes() / 2;
        let half = lanes.iter().map(half).min().unwrap_or(0);
        let less = half.saturating_sub(BESIDE_BYTES);
        let max_msize = if less < MIN_MSIZE { half } else { less }.min(config.msize);
        let mut session = Self {
            platform,
            config,
            backend_state: link.device.backend_state(),
            device: link.device,
            calls: Calls::new(lanes.len()),
            lanes,
            fids: Fids::default(),
            clunks: 0,
            flushes: true,
            max_msize,
            msize: max_msize,
            head: Vec::new(),
            timers: Timers::default(),
            quarantine: link.quarantine,
            fault: None,
            fault_wakers: WakerSet::default(),
            backoff: link.backoff,
            up_since_ns: link.up_since_ns,
            counters: Stats::default(),
        };
        session.rearm_device();
        session
    }

    /// Asks. The request is encoded before this returns, and sent as soon as there is room.
    ///
    /// # Errors
    /// [`Error::TooLarge`]: the message, or the answer that it asks for, is longer than
    /// [`msize`](Self::msize). [`Error::Busy`]: as many calls as may be are under way.
    /// [`Error::OutOfMemory`]: the request cannot be sent now and there is no memory to keep it.
    /// [`Error::Gone`]: the session is broken. [`Error::Server`] with `EBADF`: a file identifier that
    /// is not in use. Nothing was sent then.
    pub fn submit(&mut self, request: &Request<'_>, now_ns: u64) -> Result<CallId, Error> {
        if self.fault.is_some() {
            return Err(Error::Gone);
        }
        if self.calls.callers() >= self.config.calls {
            return Err(Error::Busy);
        }
        let deadline_ns = now_ns.saturating_add(self.config.call_timeout_ns);
        let ring = match request {
            Request::Version { .. } if self.calls.at(Tag::NONE).is_some() => {
                return Err(Error::Busy);
            }
            Request::Version { .. } => usize::from(Tag::NONE.0) % self.lanes.len(),
            _ => self.idlest(),
        };
        let (tag, id) = self.start(request, Owner::Caller, ring, deadline_ns, now_ns)?;
        self.counters.calls += 1;
        self.timers.arm(events::call_key(tag), deadline_ns);
        Ok(id)
    }

    /// The answer, taken once; or `waker` is woken when there is one. An `Rlerror` is
    /// [`Error::Server`]. A call that the session does not know, or not any more, is
    /// [`Error::Gone`].
    pub fn poll_call(&mut self, id: CallId, waker: &Waker) -> Poll<Result<Response, Error>> {
        let Some((tag, call)) = self.calls.get(id) else {
            return Poll::Ready(Err(Error::Gone));
        };
        match (call.owner, &call.stage) {
            (Owner::Caller, Stage::Answered(_)) => {
                let answer = self.calls.remove(tag).map(|call| call.stage);
                let Some(Stage::Answered(answer)) = answer else {
                    unreachable!("it was answered above");
                };
                Poll::Ready(answer)
            }
            (Owner::Caller, _) => {
                match &mut call.waker {
                    Some(known) if known.will_wake(waker) => {}
                    known => *known = Some(waker.clone()),
                }
                Poll::Pending
            }
            (
                Owner::Nobody {
                    untold: true,
                    flush,
                },
                _,
            ) => {
                call.owner = Owner::Nobody {
                    untold: false,
                    flush,
                };
                self.free_if_over(tag);
                Poll::Ready(Err(Error::TimedOut))
            }
            _ => Poll::Ready(Err(Error::Gone)),
        }
    }

    /// A file identifier that is not in use.
    ///
    /// # Errors
    /// [`Error::Busy`]: there are as many as may be. [`Error::Gone`]: the session is broken.
    pub fn new_fid(&mut self) -> Result<Fid, Error> {
        match self.fault {
            Some(_) => Err(Error::Gone),
            None => self.fids.allocate(self.config.fids),
        }
    }

    /// Gives an identifier back: the server forgets it once no call uses it, whatever became of the
    /// call that was to make it. The number is used again when the server has said so.
    pub fn forget(&mut self, fid: Fid, now_ns: u64) {
        if !self.fids.disown(fid) {
            log::debug!(
                "9pfs {}: {fid:?} is nobody's, and was given back",
                self.device.tag
            );
        }
        self.pump(now_ns);
    }

    /// How long a message may be, bytes: what the rings allow, until the server said less.
    #[must_use]
    pub fn msize(&self) -> u32 {
        self.msize
    }

    /// What the server agreed to. More than the rings allow is not believed.
    pub fn set_msize(&mut self, msize: u32) {
        self.msize = msize.min(self.max_msize);
    }

    /// The name that the toolstack gave the volume.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.device.tag
    }

    /// The ports whose events belong to this session, one per ring.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        self.lanes.iter().map(|lane| lane.ring.port())
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            in_flight: self.calls.callers(),
            fids: self.fids.in_use(),
            forgetting: self.clunks + self.fids.to_clunk(),
            rings: self.lanes.len(),
            ring_pages: { self.lanes.iter() }.map(|it| it.ring.page_count()).sum(),
            quarantined_pages: self.quarantine.page_count(),
            ..self.counters
        }
    }
}
