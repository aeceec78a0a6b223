//! What a log needs of a file system, and the one that is there.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Result, Seek, SeekFrom, Write};

/// Where files are.
pub trait Disk {
    /// A file of it.
    type File: DiskFile;

    /// Opens the file at `path` to be read and written; makes it if there is none.
    fn open(&self, path: &str) -> Result<Self::File>;
    /// As [`Disk::open`], and what was in it is gone.
    fn create(&self, path: &str) -> Result<Self::File>;
    /// Gives the file at `from` the name `to`, in the place of what had it before.
    fn rename(&self, from: &str, to: &str) -> Result<()>;
    /// Removes the file at `path`.
    fn remove(&self, path: &str) -> Result<()>;
    /// The names in the folder of the file at `path` are on the disk when it returns.
    fn sync_names(&self, path: &str) -> Result<()>;
}

/// A file.
pub trait DiskFile {
    /// Reads from byte `place` on, as much as is there and fits; 0 at the end.
    fn read_at(&mut self, place: u64, into: &mut [u8]) -> Result<usize>;
    /// Writes all of `bytes` from byte `place` on.
    fn write_at(&mut self, place: u64, bytes: &[u8]) -> Result<()>;
    /// It has no more than `length` bytes.
    fn cut(&mut self, length: u64) -> Result<()>;
    /// What was written is on the disk when it returns.
    fn sync(&mut self) -> Result<()>;
}

/// The files that `fs` knows.
#[derive(Clone, Copy, Debug)]
pub struct Files;

impl Disk for Files {
    type File = File;

    fn open(&self, path: &str) -> Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path)
    }

    fn create(&self, path: &str) -> Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        options.open(path)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &str) -> Result<()> {
        fs::remove_file(path)
    }

    fn sync_names(&self, path: &str) -> Result<()> {
        let folder = match path.rsplit_once('/') {
            None => ".",
            Some(("", _)) => "/",
            Some((folder, _)) => folder,
        };
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn read_at(&mut self, place: u64, into: &mut [u8]) -> Result<usize> {
        self.seek(SeekFrom::Start(place))?;
        self.read(into)
    }

    fn write_at(&mut self, place: u64, bytes: &[u8]) -> Result<()> {
        self.seek(SeekFrom::Start(place))?;
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> Result<()> {
        // What the file says of itself beside its length does not matter.
        self.sync_data()
    }
}
