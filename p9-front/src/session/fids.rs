//! File identifiers: which numbers the server may know.
//!
//! A number goes back only when the server cannot know it any more: it was never made, or the
//! server has answered that it forgot it. What calls under way name stays until they are answered,
//! since a `Tclunk` on another ring may be carried out before them.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::wire::{Fid, Request, Response};
use crate::{Errno, Error};

/// What a request does with identifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// Those that it names.
    named: [Option<Fid>; 2],
    effect: Effect,
}

/// What becomes of an identifier when a request succeeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Effect {
    #[default]
    None,
    /// It names a file afterwards, if so many names could be walked.
    Make { fid: Fid, names: usize },
    /// It names nothing afterwards, even if the server says that this failed.
    Forget(Fid),
}

impl Uses {
    /// What a request does.
    pub(super) fn of(request: &Request<'_>) -> Self {
        let one = |fid| [Some(fid), None];
        let (named, effect) = match *request {
            Request::Version { .. } | Request::Flush { .. } => ([None; 2], Effect::None),
            Request::Attach { fid, .. } => (one(fid), Effect::Make { fid, names: 0 }),
            Request::Walk {
                fid,
                new_fid,
                names,
            } => {
                // One that walks itself is there before and after.
                let effect = match new_fid == fid {
                    true => Effect::None,
                    false => Effect::Make {
                        fid: new_fid,
                        names: names.len(),
                    },
                };
                ([Some(fid), Some(new_fid)], effect)
            }
            Request::Clunk { fid } => (one(fid), Effect::Forget(fid)),
            Request::Link { directory, fid, .. } => ([Some(directory), Some(fid)], Effect::None),
            Request::Rename { from, to, .. } => ([Some(from), Some(to)], Effect::None),
            Request::Open { fid, .. }
            | Request::Create { fid, .. }
            | Request::ReadLink { fid }
            | Request::GetAttributes { fid, .. }
            | Request::SetAttributes { fid, .. }
            | Request::ReadDirectory { fid, .. }
            | Request::Sync { fid, .. }
            | Request::Lock { fid, .. }
            | Request::Statfs { fid }
            | Request::Read { fid, .. }
            | Request::Write { fid, .. } => (one(fid), Effect::None),
            Request::Symlink { directory, .. }
            | Request::MakeDirectory { directory, .. }
            | Request::Unlink { directory, .. } => (one(directory), Effect::None),
        };
        Self { named, effect }
    }

    fn named(&self) -> impl Iterator<Item = Fid> {
        self.named.into_iter().flatten()
    }
}

#[derive(Debug, Default)]
struct Slot {
    /// Somebody has it.
    owned: bool,
    /// The server may know it.
    exists: bool,
    /// Calls under way that name it.
    uses: usize,
}

/// The identifiers of a session.
#[derive(Debug, Default)]
pub(super) struct Fids {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// To be forgotten by the server.
    pending: VecDeque<Fid>,
    in_use: usize,
}

impl Fids {
    /// A number that is not in use, if there are fewer than `max`.
    pub(super) fn allocate(&mut self, max: usize) -> Result<Fid, Error> {
        if self.in_use >= max {
            return Err(Error::Busy);
        }
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                let number = u32::try_from(self.slots.len()).map_err(|_| Error::Busy)?;
                self.slots.push(Slot::default());
                number
            }
        };
        self.in_use += 1;
        self.slots[number as usize].owned = true;
        Ok(Fid(number))
    }

    /// A call that does this begins.
    ///
    /// # Errors
    /// `EBADF`, if one of the numbers is nobody's.
    pub(super) fn begin(&mut self, uses: &Uses) -> Result<(), Error> {
        let mine = |fid: Fid| { self.slots.get(fid.0 as usize) }.is_some_and(|slot| slot.owned);
        if !uses.named().all(mine) {
            return Err(Error::Server(Errno::EBADF));
        }
        for fid in uses.named() {
            self.slots[fid.0 as usize].uses += 1;
        }
        Ok(())
    }

    /// It is over. Without a result nobody knows what the server did.
    pub(super) fn end(&mut self, uses: &Uses, result: Option<&Result<Response, Error>>) {
        match uses.effect {
            Effect::None => {}
            Effect::Make { fid, names } => {
                let made = match result {
                    Some(Ok(Response::Walked(qids))) => qids.len() == names,
                    Some(Err(Error::Server(_))) => false,
                    // Attached, or an answer that makes no sense, or none.
                    _ => true,
                };
                self.slots[fid.0 as usize].exists |= made;
            }
            Effect::Forget(fid) => self.slots[fid.0 as usize].exists &= result.is_none(),
        }
        self.leave(uses);
    }

    /// It was never sent.
    pub(super) fn leave(&mut self, uses: &Uses) {
        for fid in uses.named() {
            self.slots[fid.0 as usize].uses -= 1;
            self.look_at(fid);
        }
    }

    /// Its owner gives it back. False if it is nobody's.
    pub(super) fn disown(&mut self, fid: Fid) -> bool {
        match self.slots.get_mut(fid.0 as usize) {
            Some(slot) if slot.owned => slot.owned = false,
            _ => return false,
        }
        self.look_at(fid);
        true
    }

    /// The next one that the server is to forget.
    pub(super) fn next_to_clunk(&mut self) -> Option<Fid> {
        self.pending.pop_front()
    }

    /// How many the server was not asked to forget yet.
    pub(super) fn to_clunk(&self) -> usize {
        self.pending.len()
    }

    /// It could not be asked yet.
    pub(super) fn clunk_later(&mut self, fid: Fid) {
        self.pending.push_front(fid);
    }

    /// The server has forgotten it.
    pub(super) fn clunked(&mut self, fid: Fid) {
        self.slots[fid.0 as usize].exists = false;
        self.give_back(fid);
    }

    /// How many are in use, or waiting to be forgotten.
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Acts when nobody has it and no call names it any more.
    fn look_at(&mut self, fid: Fid) {
        let slot = &self.slots[fid.0 as usize];
        match (slot.owned || slot.uses > 0, slot.exists) {
            (true, _) => {}
            (false, true) => self.pending.push_back(fid),
            (false, false) => self.give_back(fid),
        }
    }

    fn give_back(&mut self, fid: Fid) {
        self.in_use -= 1;
        self.free.push(fid.0);
    }
}
