//! Calls: who waits for which answer, and the tags by which answers are known.
//!
//! A tag belongs to a ring: `tag % rings` is the ring's number, because QEMU finds the ring of an
//! answer so. It is in use from the moment its request is made until nothing that the server may
//! still send can carry it, and until the answer was taken, whatever comes last.

use alloc::vec::Vec;
use core::task::Waker;

use super::fids::Uses;
use crate::Error;
use crate::client::CallId;
use crate::wire::{Expected, Fid, Kind, Response, Tag};

/// A request and what became of it.
#[derive(Debug)]
pub(super) struct Call {
    /// Tells it from others that had the tag before.
    serial: u64,
    pub(super) expected: Expected,
    pub(super) ring: usize,
    pub(super) stage: Stage,
    pub(super) owner: Owner,
    /// Bytes of the request.
    pub(super) size: u32,
    /// Bytes of the answer, as far as is reckoned with.
    pub(super) answer_size: u32,
    pub(super) uses: Uses,
    /// When patience ends; what with depends on the owner.
    pub(super) deadline_ns: u64,
    pub(super) waker: Option<Waker>,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// The whole message waits for room.
    Queued(Vec<u8>),
    /// It is with the server.
    Sent,
    /// The answer is here, for the owner to take.
    Answered(Result<Response, Error>),
}

/// Who waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Whoever called.
    Caller,
    /// Nobody any more: it was given up.
    Nobody {
        /// The caller still has to be told that it was, because it took too long.
        untold: bool,
        /// The `Tflush` for it that is under way.
        flush: Option<Tag>,
    },
    /// The session: this identifier is to be forgotten.
    Clunk(Fid),
    /// The session: the call of this tag is to be given up.
    Flush(Tag),
    /// Nobody: a `Tflush` that took too long.
    LateFlush,
}

impl Owner {
    /// A caller's, once.
    fn is_call(self) -> bool {
        matches!(self, Self::Caller | Self::Nobody { .. })
    }
}

impl Call {
    /// Whether it is with the server.
    pub(super) fn is_sent(&self) -> bool {
        matches!(self.stage, Stage::Sent)
    }

    /// Whether anybody looks at the answer: only its being there counts otherwise.
    pub(super) fn is_wanted(&self) -> bool {
        let bulk = matches!(self.expected.kind, Kind::Read | Kind::ReadDirectory);
        self.owner == Owner::Caller || !bulk
    }

    /// Whether nobody waits for anything of it any more.
    pub(super) fn is_over(&self) -> bool {
        let given_up = Owner::Nobody {
            untold: false,
            flush: None,
        };
        matches!(self.stage, Stage::Answered(_)) && self.owner == given_up
    }
}

/// What is known of a call when it is made.
#[derive(Debug)]
pub(super) struct New {
    pub(super) expected: Expected,
    pub(super) owner: Owner,
    pub(super) size: u32,
    pub(super) answer_size: u32,
    pub(super) uses: Uses,
    pub(super) deadline_ns: u64,
}

/// The calls of a session, by tag.
#[derive(Debug)]
pub(super) struct Calls {
    table: Vec<Option<Call>>,
    /// That of `Tversion`, which has no tag.
    untagged: Option<Call>,
    /// For each ring the tags that were used and are not.
    free: Vec<Vec<u16>>,
    /// For each ring the first tag that was never used.
    fresh: Vec<u32>,
    serial: u64,
    /// Calls that are a caller's, or were.
    callers: usize,
}

impl Calls {
    pub(super) fn new(rings: usize) -> Self {
        let first = |ring| u32::try_from(ring).unwrap_or(u32::MAX);
        Self {
            table: Vec::new(),
            untagged: None,
            free: (0..rings).map(|_| Vec::new()).collect(),
            fresh: (0..rings).map(first).collect(),
            serial: 0,
            callers: 0,
        }
    }

    /// A tag of that ring; it is taken only by [`insert`](Self::insert).
    pub(super) fn free_tag(&self, ring: usize) -> Option<Tag> {
        match self.free[ring].last() {
            Some(&tag) => Some(Tag(tag)),
            None => u16::try_from(self.fresh[ring]).ok().map(Tag),
        }
        .filter(|&tag| tag != Tag::NONE)
    }

    /// Adds a call, with a tag that [`free_tag`](Self::free_tag) gave just now or with none, if no
    /// other is without.
    pub(super) fn insert(&mut self, tag: Tag, ring: usize, stage: Stage, new: New) -> CallId {
        self.serial += 1;
        self.callers += usize::from(new.owner.is_call());
        let call = Some(Call {
            serial: self.serial,
            expected: new.expected,
            ring,
            stage,
            owner: new.owner,
            size: new.size,
            answer_size: new.answer_size,
            uses: new.uses,
            deadline_ns: new.deadline_ns,
            waker: None,
        });
        if tag == Tag::NONE {
            self.untagged = call;
        } else {
            if self.free[ring].pop().is_none() {
                self.fresh[ring] += u32::try_from(self.free.len()).unwrap_or(u32::MAX);
            }
            let place = usize::from(tag.0);
            if self.table.len() <= place {
                self.table.resize_with(place + 1, || None);
            }
            self.table[place] = call;
        }
        CallId(self.serial << 16 | u64::from(tag.0))
    }

    /// The call of that tag.
    pub(super) fn at(&mut self, tag: Tag) -> Option<&mut Call> {
        match tag {
            Tag::NONE => self.untagged.as_mut(),
            Tag(place) => self.table.get_mut(usize::from(place))?.as_mut(),
        }
    }

    /// The call of that name, and its tag.
    pub(super) fn get(&mut self, id: CallId) -> Option<(Tag, &mut Call)> {
        let tag = Tag(u16::try_from(id.0 & 0xffff).unwrap_or(u16::MAX));
        let call = self.at(tag)?;
        (call.serial == id.0 >> 16).then_some((tag, call))
    }

    /// The call that an answer of that tag, from that ring, can belong to.
    pub(super) fn sent(&self, tag: Tag, ring: usize) -> Option<&Call> {
        let call = match tag {
            Tag::NONE => self.untagged.as_ref(),
            Tag(place) => self.table.get(usize::from(place))?.as_ref(),
        };
        call.filter(|call| call.is_sent() && call.ring == ring)
    }

    /// Takes a call out; its tag is free again.
    pub(super) fn remove(&mut self, tag: Tag) -> Option<Call> {
        let call = match tag {
            Tag::NONE => self.untagged.take(),
            Tag(place) => self.table.get_mut(usize::from(place))?.take(),
        }?;
        if tag != Tag::NONE {
            self.free[call.ring].push(tag.0);
        }
        self.callers -= usize::from(call.owner.is_call());
        Some(call)
    }

    /// Calls that are a caller's, or were.
    pub(super) fn callers(&self) -> usize {
        self.callers
    }

    /// All tags that are in use.
    pub(super) fn tags(&self) -> Vec<Tag> {
        let tagged = { self.table.iter().zip(0..) }
            .filter(|(call, _)| call.is_some())
            .map(|(_, tag)| Tag(tag));
        tagged
            .chain(self.untagged.as_ref().map(|_| Tag::NONE))
            .collect()
    }
}
