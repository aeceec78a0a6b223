//! The file with everything that changed: Redis' append-only file.
//!
//! | module | what |
//! |---|---|
//! | [`disk`] | what is needed of a file system |
//! | [`load`] | from the file to the store, at start |
//! | [`dump`] | from the store to a new file, when the old one has grown |
//!
//! [`Log`] writes. What it has taken it keeps until it is in the file, so that an error loses
//! nothing: the same bytes are written to the same place again. Only what was written without
//! being synchronised is not kept; if the synchronising fails then, nobody knows what of it is
//! in the file, and the file must be made anew ([`Log::is_doubtful`]).

pub mod disk;
pub mod dump;
pub mod load;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use std::io::{Error, ErrorKind, Result};

use crate::store::Store;
use disk::{Disk, DiskFile};
use load::Loaded;

/// When the file is synchronised: what `appendfsync` is called in Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Before an answer is sent. One for all that came meanwhile.
    Always,
    /// Once in a second: what was answered in the last one may be lost if the host crashes. If
    /// only the guest does, it is not.
    #[default]
    EverySecond,
    /// When the host likes to.
    No,
}

impl Fsync {
    /// By its name in Redis.
    pub fn from_name(name: &str) -> Option<Fsync> {
        match name {
            "always" => Some(Fsync::Always),
            "everysec" => Some(Fsync::EverySecond),
            "no" => Some(Fsync::No),
            _ => None,
        }
    }

    /// Its name in Redis.
    pub fn name(self) -> &'static str {
        match self {
            Fsync::Always => "always",
            Fsync::EverySecond => "everysec",
            Fsync::No => "no",
        }
    }
}

/// An error with what was being done when it came.
fn at(what: &str, path: &str) -> impl FnOnce(Error) -> Error {
    move |error| Error::new(error.kind(), format!("{what} {path}: {error}"))
}

/// The file.
#[derive(Debug)]
pub struct Log<D: Disk> {
    disk: D,
    path: String,
    fsync: Fsync,
    file: D::File,
    /// So many bytes of the file are right.
    length: u64,
    /// What belongs behind them and could not be written, or not synchronised.
    rest: Vec<u8>,
    /// Something was written and not synchronised.
    unsynced: bool,
    /// The file has a name that may not be on the disk yet.
    unnamed: bool,
    doubtful: bool,
    /// How often something was synchronised.
    syncs: u64,
    /// How long the file was when it was new, or opened.
    base: u64,
}

impl<D: Disk> Log<D> {
    /// Opens the file at `path`, which is made if there is none, and does to `store` what it says.
    /// A last command that is not whole is cut off.
    pub fn open(
        disk: D,
        path: &str,
        fsync: Fsync,
        store: &mut Store,
        now: u64,
    ) -> Result<(Log<D>, Loaded)> {
        // A rewrite that was interrupted.
        let part = part_of(path);
        match disk.remove(&part) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(at("removing", &part)(error));
            }
            _ => {}
        }
        let mut file = disk.open(path).map_err(at("opening", path))?;
        let loaded = load::load(&mut file, store, now).map_err(at("loading", path))?;
        let mut log = Log {
            disk,
            path: path.to_string(),
            fsync,
            file,
            length: loaded.length,
            rest: Vec::new(),
            unsynced: false,
            unnamed: true,
            doubtful: false,
            syncs: 0,
            base: loaded.length,
        };
        if loaded.cut > 0 {
            log.file
                .cut(loaded.length)
                .and_then(|()| log.file.sync())
                .map_err(at("cutting", path))?;
        }
        if log.length == 0 {
            dump::start(&mut log.rest);
        }
        // An error that will be there at every write is better told now.
        log.settle().map_err(at("writing", path))?;
        log.sync().map_err(at("synchronising", path))?;
        log.base = log.length;
        Ok((log, loaded))
    }

    /// Bytes in the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes it had when it was opened, or written anew.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// How often it was synchronised since it was opened.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// When it is synchronised.
    pub fn fsync(&self) -> Fsync {
        self.fsync
    }

    /// Something was written that [`Log::sync`] has not put on the disk.
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// What is in the file is not known: only [`Log::rewrite`] helps.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Whether it has at least `least` bytes, and twice as many as it had when it was new.
    pub fn has_grown(&self, least: u64) -> bool {
        self.length >= least.max(1) && self.length / 2 >= self.base
    }

    /// It is not too long before it has grown once more.
    pub fn put_off(&mut self) {
        self.base = self.length;
    }

    /// Adds `records` at the end, after what could not be added before; leaves `records` empty.
    /// With [`Fsync::Always`] they are on the disk when it returns. After an error they are kept,
    /// and the next call tries again.
    pub fn append(&mut self, records: &mut Vec<u8>) -> Result<()> {
        match self.rest.is_empty() {
            true => core::mem::swap(&mut self.rest, records),
            false => self.rest.append(records),
        }
        let result = self.settle();
        if result.is_ok() {
            core::mem::swap(&mut self.rest, records);
        }
        self.rest.shrink_to(self.rest.len());
        records.clear();
        result
    }

    /// Writes what is left; it stays in `rest` as bytes that nobody needs only if that fails.
    fn settle(&mut self) -> Result<()> {
        if self.doubtful {
            return Err(Error::other("what is in the file is not known"));
        }
        if !self.rest.is_empty() {
            if let Err(error) = self.file.write_at(self.length, &self.rest) {
                // The file should not end in the middle of a record, and a full disk has room
                // for others again. If that does not work, loading it will do it.
                let _ = self.file.cut(self.length);
                // Whoever served the file is another one now, and knows no open files.
                self.doubtful |= error.kind() == ErrorKind::StaleNetworkFileHandle;
                return Err(error);
            }
            match self.fsync {
                Fsync::Always => {
                    self.syncs += 1;
                    self.file.sync()?;
                }
                Fsync::EverySecond | Fsync::No => self.unsynced = true,
            }
            self.length += self.rest.len() as u64;
            self.rest.clear();
        }
        match self.fsync {
            Fsync::Always => self.name(),
            Fsync::EverySecond | Fsync::No => Ok(()),
        }
    }

    fn name(&mut self) -> Result<()> {
        if self.unnamed {
            self.disk.sync_names(&self.path)?;
            self.unnamed = false;
        }
        Ok(())
    }

    /// What has been written is on the disk when it returns.
    pub fn sync(&mut self) -> Result<()> {
        if self.unsynced {
            self.syncs += 1;
            if let Err(error) = self.file.sync() {
                self.doubtful = true;
                return Err(error);
            }
            self.unsynced = false;
        }
        self.name()
    }

    /// Puts a new file in the place of the old one: with what `pieces` adds to the buffer it is
    /// given, for as long as it returns `true`. After an error the old one is there, as it was.
    ///
    /// What was appended so far must be in it. What could not be appended is forgotten.
    pub fn rewrite(&mut self, pieces: impl FnMut(&mut Vec<u8>) -> bool) -> Result<()> {
        let part = part_of(&self.path);
        let made = self.make(&part, pieces);
        let (file, length) = match made {
            Ok(made) => made,
            Err(error) => {
                // Most likely the disk is full: half a file makes it no better.
                let _ = self.disk.remove(&part);
                return Err(error);
            }
        };
        self.file = file;
        (self.length, self.base) = (length, length);
        self.rest = Vec::new();
        (self.unsynced, self.doubtful, self.unnamed) = (false, false, true);
        // Until this has worked, the old file may be back after a crash of the host.
        self.name()
    }

    fn make(
        &mut self,
        part: &str,
        mut pieces: impl FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<(D::File, u64)> {
        let mut file = self.disk.create(part)?;
        let (mut piece, mut length) = (Vec::new(), 0);
        dump::start(&mut piece);
        loop {
            let more = pieces(&mut piece);
            file.write_at(length, &piece)?;
            length += piece.len() as u64;
            piece.clear();
            if !more {
                break;
            }
        }
        file.sync()?;
        if let Err(error) = self.disk.rename(part, &self.path) {
            // A clear no, or nobody knows whether the open file still has the name.
            self.doubtful |= !matches!(
                error.kind(),
                ErrorKind::StorageFull
                    | ErrorKind::QuotaExceeded
                    | ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
            );
            return Err(error);
        }
        Ok((file, length))
    }
}

/// Where a new file is made before it takes the place of the old one.
fn part_of(path: &str) -> String {
    format!("{path}.rewrite")
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
