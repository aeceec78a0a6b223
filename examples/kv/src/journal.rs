//! What is to be kept: the commands that changed the store, in Redis' own form.
//!
//! ```text
//! *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n
//! ```
//!
//! A record says what happened, not what was asked for: times to live are points in time
//! (`SET k v PXAT …`, `PEXPIREAT`), `SPOP` is the `SREM` of what it took, and a key whose time is
//! over is a `DEL` where that was noticed. So the records do the same to another store whenever
//! they are played, in this program or in Redis.
//!
//! The journal is in memory. Who writes it ([`crate::keeper`]) takes the records from it, and
//! tells it how the file is doing.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::log::Fsync;
use crate::reply;
use crate::store::Store;

/// Whether commands that change something are carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// They are.
    #[default]
    Open,
    /// They wait: the log is being written anew.
    Paused,
    /// They are refused with this text: the log cannot be written.
    Broken(String),
}

/// Facts of the file for `INFO`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Bytes in the file.
    pub length: u64,
    /// Bytes it had when it was opened, or written anew.
    pub base: u64,
    /// How often it was synchronised.
    pub syncs: u64,
    /// How often it was written anew.
    pub rewrites: u64,
    /// When it is synchronised, in Redis' words.
    pub fsync: &'static str,
}

/// Records that have not been taken yet, and what is known of those that have.
#[derive(Debug, Default)]
pub struct Journal {
    on: bool,
    pending: Vec<u8>,
    end: u64,
    noted: bool,
    rewrite: bool,
    /// How the file is doing.
    pub gate: Gate,
    /// The file.
    pub facts: Facts,
}

impl Journal {
    /// One that keeps nothing.
    pub fn off() -> Journal {
        Journal::default()
    }

    /// One that keeps what changes, for a file that is synchronised like that.
    pub fn on(fsync: Fsync) -> Journal {
        let facts = Facts {
            fsync: fsync.name(),
            ..Facts::default()
        };
        Journal {
            on: true,
            facts,
            ..Journal::default()
        }
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Bytes of records since the start, those that have been taken included: whoever waits for
    /// what was recorded so far waits for this.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Takes what is to be written; `spare` is used for what comes next.
    pub fn take(&mut self, mut spare: Vec<u8>) -> Vec<u8> {
        spare.clear();
        core::mem::replace(&mut self.pending, spare)
    }

    /// Whether there is something to be written.
    pub fn has_records(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether somebody wants the log to be written anew.
    pub fn wants_rewrite(&self) -> bool {
        self.rewrite
    }

    /// It shall be written anew, or need not any more.
    pub fn set_rewrite(&mut self, wanted: bool) {
        self.rewrite = wanted;
    }

    /// Why nothing may be changed now, as an answer.
    pub(crate) fn refusal(&self) -> Option<String> {
        match &self.gate {
            Gate::Broken(text) => Some(misconf(text)),
            Gate::Open | Gate::Paused => None,
        }
    }

    /// A command begins.
    pub(crate) fn begin(&mut self) {
        self.noted = false;
    }

    /// Whether the command that runs has said itself what it did.
    pub(crate) fn is_noted(&self) -> bool {
        self.noted
    }

    /// Records the ends of keys that the store has come upon.
    pub(crate) fn note_ends(&mut self, store: &mut Store) {
        if self.on {
            for key in store.take_ended() {
                self.add([b"DEL", &*key].into_iter());
            }
        }
    }

    /// Records what the command did, after what ended before it.
    pub(crate) fn note<'a>(
        &mut self,
        store: &mut Store,
        record: impl Iterator<Item = &'a [u8]> + Clone,
    ) {
        if self.on {
            self.note_ends(store);
            self.add(record);
            self.noted = true;
        }
    }

    fn add<'a>(&mut self, record: impl Iterator<Item = &'a [u8]> + Clone) {
        let before = self.pending.len();
        encode(&mut self.pending, record);
        self.end += (self.pending.len() - before) as u64;
    }
}

/// The answer to who wants to change something while the log cannot be written, as Redis has it.
pub fn misconf(why: &str) -> String {
    format!("MISCONF Errors writing to the AOF file: {why}")
}

/// Adds a record: an array of strings, as a client would send it.
pub fn encode<'a>(out: &mut Vec<u8>, record: impl Iterator<Item = &'a [u8]> + Clone) {
    let (mut count, mut bytes) = (0, reply::BULK_FRAME);
    for part in record.clone() {
        count += 1;
        bytes += part.len() + reply::BULK_FRAME;
    }
    // A long record takes what it needs and not twice as much.
    match bytes > 64 << 10 {
        true => out.reserve_exact(bytes),
        false => out.reserve(bytes),
    }
    reply::array(out, count);
    record.for_each(|part| reply::bulk(out, part));
}
