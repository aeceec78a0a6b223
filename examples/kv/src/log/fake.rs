//! A file system for tests: full when it is told to be, and as forgetful as a host that crashes.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use std::io::{ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard};

use super::disk::{Disk, DiskFile};

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    /// Which of these bytes are to be synchronised.
    dirty: Vec<bool>,
    /// What a crash leaves.
    synced: Vec<u8>,
}

impl Content {
    fn of(content: &[u8]) -> Content {
        Content {
            now: content.to_vec(),
            dirty: vec![false; content.len()],
            synced: content.to_vec(),
        }
    }

    fn set_len(&mut self, length: usize) {
        self.now.resize(length, 0);
        self.dirty.resize(length, true);
    }
}

/// What happens next, and is counted.
#[derive(Debug, Default)]
struct Inner {
    files: Vec<Content>,
    /// Names, as they are and as a crash leaves them.
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// No file may be longer, all together.
    room: Option<usize>,
    /// Operations until one fails, and how.
    fail: Option<(u64, ErrorKind)>,
    operations: u64,
    syncs: u64,
}

impl Inner {
    /// An operation that may fail begins.
    fn step(&mut self) -> Result<()> {
        self.operations += 1;
        match &mut self.fail {
            Some((0, kind)) => Err((*kind).into()),
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn used(&self) -> usize {
        let named = self.names.values();
        named.map(|file| self.files[*file].now.len()).sum()
    }
}

/// The file system; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeDisk(Arc<Mutex<Inner>>);

impl FakeDisk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// All files together have no more than so many bytes.
    pub(crate) fn set_room(&self, room: Option<usize>) {
        self.lock().room = room;
    }

    /// After so many operations that work, all others fail like this; `None`: they work.
    pub(crate) fn set_fail(&self, fail: Option<(u64, ErrorKind)>) {
        self.lock().fail = fail;
    }

    /// Operations that change something or synchronise, so far.
    pub(crate) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// How often a file was synchronised.
    pub(crate) fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// What the host has after it crashed: the least that it may have.
    pub(crate) fn after_crash(&self) -> FakeDisk {
        let inner = self.lock();
        let files = inner.files.iter().map(|file| Content::of(&file.synced));
        FakeDisk(Arc::new(Mutex::new(Inner {
            files: files.collect(),
            names: inner.synced_names.clone(),
            synced_names: inner.synced_names.clone(),
            ..Inner::default()
        })))
    }

    /// What another guest finds when this one is gone.
    pub(crate) fn as_it_is(&self) -> FakeDisk {
        let inner = self.lock();
        FakeDisk(Arc::new(Mutex::new(Inner {
            files: inner.files.clone(),
            names: inner.names.clone(),
            synced_names: inner.names.clone(),
            ..Inner::default()
        })))
    }

    /// What is in the file at `path`.
    pub(crate) fn content(&self, path: &str) -> Option<Vec<u8>> {
        let inner = self.lock();
        let file = inner.names.get(path)?;
        Some(inner.files[*file].now.clone())
    }

    /// Puts a file at `path`.
    pub(crate) fn put(&self, path: &str, content: &[u8]) {
        let mut inner = self.lock();
        let file = inner.files.len();
        inner.files.push(Content::of(content));
        inner.names.insert(path.to_string(), file);
        inner.synced_names.insert(path.to_string(), file);
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct FakeFile(FakeDisk, usize);

impl Disk for FakeDisk {
    type File = FakeFile;

    fn open(&self, path: &str) -> Result<FakeFile> {
        let mut inner = self.lock();
        inner.step()?;
        if let Some(file) = inner.names.get(path) {
            return Ok(FakeFile(self.clone(), *file));
        }
        let file = inner.files.len();
        inner.files.push(Content::default());
        inner.names.insert(path.to_string(), file);
        Ok(FakeFile(self.clone(), file))
    }

    fn create(&self, path: &str) -> Result<FakeFile> {
        let file = self.open(path)?;
        self.lock().files[file.1].set_len(0);
        Ok(file)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        let file = inner.names.remove(from).ok_or(ErrorKind::NotFound)?;
        inner.names.insert(to.to_string(), file);
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<()> {
        let removed = self.lock().names.remove(path);
        removed.map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn sync_names(&self, _: &str) -> Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        inner.synced_names = inner.names.clone();
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn read_at(&mut self, place: u64, into: &mut [u8]) -> Result<usize> {
        let inner = self.0.lock();
        let content = &inner.files[self.1].now;
        let place = usize::try_from(place).unwrap().min(content.len());
        // Fewer than asked for, as it may be.
        let count = into.len().min(content.len() - place).min(1000);
        into[..count].copy_from_slice(&content[place..place + count]);
        Ok(count)
    }

    fn write_at(&mut self, place: u64, bytes: &[u8]) -> Result<()> {
        let mut inner = self.0.lock();
        let place = usize::try_from(place).unwrap();
        let length = inner.files[self.1].now.len();
        let others = inner.used() - length;
        let room = inner.room.unwrap_or(usize::MAX).saturating_sub(others);
        let mut failed = inner.step();
        let mut count = bytes.len();
        if failed.is_err() || place + count > room {
            // A part of it is written.
            count = (count / 2).min(room.saturating_sub(place));
            failed = failed.and(Err(ErrorKind::StorageFull.into()));
        }
        let content = &mut inner.files[self.1];
        content.set_len(length.max(place + count));
        content.now[place..place + count].copy_from_slice(&bytes[..count]);
        content.dirty[place..place + count].fill(true);
        failed
    }

    fn cut(&mut self, length: u64) -> Result<()> {
        let mut inner = self.0.lock();
        inner.step()?;
        let length = usize::try_from(length).unwrap();
        let content = &mut inner.files[self.1];
        content.set_len(length.min(content.now.len()));
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        // Others get on meanwhile, as they do during a real one.
        std::thread::yield_now();
        let mut inner = self.0.lock();
        inner.syncs += 1;
        let result = inner.step();
        let content = &mut inner.files[self.1];
        if result.is_ok() {
            let Content { now, dirty, synced } = &mut *content;
            synced.resize(now.len(), 0);
            for (place, _) in dirty.iter().enumerate().filter(|(_, dirty)| **dirty) {
                synced[place] = now[place];
            }
        }
        // What could not be synchronised never will be by itself, as on Linux: the error is told
        // once, and the next time all is well.
        content.dirty.fill(false);
        result
    }
}
