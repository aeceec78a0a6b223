//! Reading ahead of a sequential reader.
//!
//! Two reads of which the second starts where the first ended, and that both were answered in full,
//! are a sequential reader. From then on, pieces that come next are asked for before they are
//! wanted. How much that is starts small and doubles with each piece that was of use, up to
//! [`Limits::ahead`](super::Limits::ahead); a read elsewhere drops what was not used and starts
//! again, so small random reads never cause one. All readers of a volume share a bound
//! ([`Limits::ahead_together`](super::Limits::ahead_together)).
//!
//! What was read ahead is only used while nobody in this guest wrote to the file since it was asked
//! for, and it never tells the end of the file: where it stops short, the server is asked.

use alloc::collections::VecDeque;

use super::file::data;
use super::pending::Pending;
use super::shared::Reserved;
use super::{Connection, File};
use crate::Error;
use crate::wire::Data;

/// Reads in a row before one is ahead.
const SEQUENTIAL: u32 = 2;
/// The smallest piece that is read ahead, bytes.
const SMALLEST: usize = 16 << 10;

/// Where a sequential reader is, and what it will need. One for each position in a file.
#[derive(Debug)]
pub struct ReadAhead<C: Connection> {
    /// Where the last read ended.
    next: u64,
    /// How many reads in a row started where the one before ended.
    row: u32,
    /// Bytes to have ahead; 0: not started.
    goal: usize,
    /// The writes to the file that were over when the queue was begun.
    writes: u32,
    /// What was asked for, without gaps.
    queue: VecDeque<Piece<C>>,
}

#[derive(Debug)]
struct Piece<C: Connection> {
    start: u64,
    /// Bytes asked for.
    count: usize,
    state: State<C>,
    _room: Reserved<C>,
}

#[derive(Debug)]
enum State<C: Connection> {
    Waits(Pending<C>),
    Here(Data),
}

impl<C: Connection> Piece<C> {
    fn end(&self) -> u64 {
        // Where it was asked for, this did not overflow.
        self.start.saturating_add(self.count as u64)
    }
}

impl<C: Connection> Default for ReadAhead<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Connection> ReadAhead<C> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next: 0,
            row: 0,
            goal: 0,
            writes: 0,
            queue: VecDeque::new(),
        }
    }

    /// Drops what was read ahead: the reader goes elsewhere.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.goal = 0;
        self.row = 0;
    }

    /// Requests that were made ahead and not used up.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.queue.len()
    }

    /// Reads from `offset` on, as [`File::read_at`] does. It must be the same file every time.
    ///
    /// # Errors
    /// As [`File::read_at`].
    pub async fn read(
        &mut self,
        file: &File<C>,
        buffer: &mut [u8],
        offset: u64,
    ) -> Result<usize, Error> {
        file.check_read(offset)?;
        if buffer.is_empty() {
            return Ok(0);
        }
        if offset != self.next {
            self.clear();
        }
        let writes = file.shared().writes(file.qid());
        if writes != self.writes {
            self.queue.clear();
            self.writes = writes;
        }
        let row = self.row.saturating_add(1);
        let done = match self.take(file, buffer, offset).await {
            Taken::Enough(done) => done,
            Taken::Part(done) => match file.read_at(&mut buffer[done..], after(offset, done)).await
            {
                Ok(len) => done + len,
                Err(_) if done > 0 => done,
                Err(error) => return Err(error),
            },
        };
        self.next = after(offset, done);
        self.row = row;
        if done == buffer.len() && row >= SEQUENTIAL {
            if self.goal == 0 {
                self.goal = buffer.len().saturating_mul(2).max(2 * SMALLEST);
            }
            self.fill(file, self.next);
        }
        Ok(done)
    }

    /// Copies what is there, and waits for what was asked for.
    async fn take(&mut self, file: &File<C>, buffer: &mut [u8], offset: u64) -> Taken {
        let mut done = 0;
        while done < buffer.len() {
            let position = after(offset, done);
            while self.queue.front().is_some_and(|p| p.end() <= position) {
                self.queue.pop_front();
                self.goal = self.goal.saturating_mul(2);
            }
            if !self.queue.is_empty() {
                self.fill(file, position);
            }
            let Some(piece) = self.queue.front_mut() else {
                return Taken::Part(done);
            };
            let skip = position.checked_sub(piece.start);
            let Some(skip) = skip.and_then(|skip| usize::try_from(skip).ok()) else {
                self.queue.clear();
                return Taken::Part(done);
            };
            let count = piece.count;
            let Ok(data) = piece.wait().await else {
                // The read that is meant gets the error, if it still is one.
                self.queue.clear();
                return Taken::Part(done);
            };
            let rest = data.get(skip..).unwrap_or(&[]);
            let len = rest.len().min(buffer.len() - done);
            buffer[done..done + len].copy_from_slice(&rest[..len]);
            done += len;
            if data.len() < count && len == rest.len() {
                // What comes after it was answered later, and may be there all the same.
                self.queue.clear();
                return if done > 0 {
                    Taken::Enough(done)
                } else {
                    Taken::Part(0)
                };
            }
        }
        Taken::Enough(done)
    }

    /// Asks for what is missing up to the goal.
    fn fill(&mut self, file: &File<C>, position: u64) {
        let most = usize::try_from(file.shared().limits.ahead).unwrap_or(usize::MAX);
        self.goal = self.goal.min(most);
        loop {
            let count = file.next_piece((self.goal / 2).max(SMALLEST));
            let start = self.queue.back().map_or(position, Piece::end);
            if after(start, count) > after(position, self.goal) {
                return;
            }
            // If it cannot be asked now, it is when it is wanted.
            let Some(room) = file.shared().reserve(count) else {
                if self.goal <= 2 * SMALLEST {
                    return;
                }
                self.goal /= 2;
                continue;
            };
            let Ok(call) = file.ask_read(start, 0, count) else {
                return;
            };
            self.queue.push_back(Piece {
                start,
                count,
                state: State::Waits(call),
                _room: room,
            });
        }
    }
}

impl<C: Connection> Piece<C> {
    /// Its bytes. Given up half-way, it can be waited for again.
    async fn wait(&mut self) -> Result<&Data, Error> {
        if let State::Waits(call) = &mut self.state {
            let data = data(call.await, self.count)?;
            self.state = State::Here(data);
        }
        match &self.state {
            State::Here(data) => Ok(data),
            State::Waits(_) => Err(Error::Gone),
        }
    }
}

/// What was there.
enum Taken {
    /// So many bytes, and no more are to be asked for.
    Enough(usize),
    /// So many bytes, and the rest has to be asked for.
    Part(usize),
}

fn after(offset: u64, len: usize) -> u64 {
    offset.saturating_add(len as u64)
}
