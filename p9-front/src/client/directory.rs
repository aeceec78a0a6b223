//! What is in a directory: large pieces, the next one asked for while one is used.
//!
//! The offsets by which a listing goes on are numbers of the server's without an order. One that
//! comes twice would be a circle, which is found with two of them in memory (Brent's way: one is
//! kept, and replaced after 1, 2, 4, … pieces).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::node::Node;
use super::pending::{OTHER_KIND, Pending};
use super::{Connection, File, OpenHow};
use crate::wire::{Data, Qid, Request, Response, open};
use crate::{Errno, Error};

/// More entries than a listing of one directory can have.
const MAX_ENTRIES: u32 = 1 << 26;

/// What is called by one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: no `/` or NUL, neither `.` nor `..`.
    pub name: Vec<u8>,
    /// Who it is.
    pub qid: Qid,
    /// `DT_` number of Linux; 0 if the server does not know.
    pub kind: u8,
}

/// An open directory, read from the start.
#[derive(Debug)]
pub struct Directory<C: Connection> {
    file: File<C>,
    /// Entries that came and were not taken.
    entries: VecDeque<Entry>,
    state: State<C>,
    circle: Circle,
    /// How many more entries may come.
    left: u32,
}

#[derive(Debug)]
enum State<C: Connection> {
    /// Nothing is asked; to go on after this one.
    At(u64),
    /// What comes after this one is asked for.
    Waits(u64, Pending<C>),
    /// There is no more.
    Ended,
}

impl<C: Connection> Node<C> {
    /// Opens the directory, to be read.
    ///
    /// # Errors
    /// The server's; `ENOTDIR`.
    pub async fn entries(self) -> Result<Directory<C>, Error> {
        if !self.is_directory() {
            return Err(Errno::ENOTDIR.into());
        }
        let how = OpenHow {
            flags: open::DIRECTORY,
            ..OpenHow::reading()
        };
        Ok(Directory {
            file: self.open(&how).await?,
            entries: VecDeque::new(),
            state: State::At(0),
            circle: Circle::default(),
            left: MAX_ENTRIES,
        })
    }
}

impl<C: Connection> Directory<C> {
    /// The open directory.
    #[must_use]
    pub fn file(&self) -> &File<C> {
        &self.file
    }

    /// The next entry; `None`: that was all. Can be given up and asked again.
    ///
    /// # Errors
    /// The server's; [`Error::Answer`] if the listing makes no sense or goes in a circle. It has
    /// ended then.
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Ok(Some(entry));
            }
            let result = self.read().await;
            if result.is_err() {
                self.state = State::Ended;
                self.entries.clear();
            }
            if !result? {
                return Ok(None);
            }
        }
    }

    /// Gets a piece; `false`: there is none.
    async fn read(&mut self) -> Result<bool, Error> {
        self.ask()?;
        let State::Waits(offset, call) = &mut self.state else {
            return Ok(false);
        };
        let offset = *offset;
        let data = match call.await? {
            Response::Directory(data) => data,
            _ => return Err(OTHER_KIND),
        };
        if data.is_empty() {
            self.state = State::Ended;
            return Ok(false);
        }
        let next = self.take(&data)?.unwrap_or(offset);
        self.circle.step(offset, next)?;
        self.state = State::At(next);
        // Others may have it done meanwhile; if not, it is asked when it is wanted.
        if self.ask().is_err() {
            self.state = State::At(next);
        }
        Ok(true)
    }

    /// Asks for the piece that comes next, if none is asked for.
    fn ask(&mut self) -> Result<(), Error> {
        if let State::At(offset) = self.state {
            let shared = self.file.shared();
            let count = shared.limits.listing.clamp(1, shared.max_count());
            let fid = self.file.fid();
            let request = Request::ReadDirectory { fid, offset, count };
            self.state = State::Waits(offset, Pending::new(shared, &request)?);
        }
        Ok(())
    }

    /// Keeps the entries of a piece: the offset after the last of them.
    fn take(&mut self, data: &Data) -> Result<Option<u64>, Error> {
        let mut last = None;
        for entry in data.entries() {
            let entry = entry?;
            last = Some(entry.offset);
            self.left = self
                .left
                .checked_sub(1)
                .ok_or(Error::Answer("a directory without an end"))?;
            if !entry.is_dot() {
                self.entries.push_back(Entry {
                    name: entry.name.to_vec(),
                    qid: entry.qid,
                    kind: entry.kind,
                });
            }
        }
        Ok(last)
    }
}

/// Finds out whether offsets repeat.
#[derive(Debug, Default)]
struct Circle {
    kept: u64,
    /// Pieces since it was kept, and how many there may be before another is.
    steps: u64,
    most: u64,
}

impl Circle {
    fn step(&mut self, from: u64, to: u64) -> Result<(), Error> {
        if to == from || to == self.kept {
            return Err(Error::Answer("a directory that goes in a circle"));
        }
        if self.steps == self.most {
            self.kept = to;
            self.most = self.most.saturating_mul(2).max(1);
            self.steps = 0;
        }
        self.steps += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_other_ways_are_none() {
        for (start, len) in [(0, 1), (0, 2), (1, 1), (3, 5), (100, 17), (7, 1000)] {
            let mut circle = Circle::default();
            let place = |step: u64| match step.checked_sub(start) {
                None => step,
                Some(round) => start + round % len,
            };
            let found = (0..10 * (start + len))
                .find(|&step| circle.step(place(step), place(step + 1)).is_err());
            assert!(
                found.is_some_and(|step| step < 4 * (start + len)),
                "{start} {len}"
            );
        }
        let mut circle = Circle::default();
        for step in 0..100_000_u64 {
            let way = |step: u64| step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            assert!(circle.step(way(step), way(step + 1)).is_ok());
        }
    }
}
