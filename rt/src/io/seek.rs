//! [`Seek`]: to move within what is read or written.

use super::Result;

/// Where to move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekFrom {
    /// That many bytes after the start.
    Start(u64),
    /// That many bytes after the end (before it when negative).
    End(i64),
    /// That many bytes after the present position (before it when negative).
    Current(i64),
}

/// Has a position that can be moved.
pub trait Seek {
    /// Moves, and returns the new position from the start. A position beyond the end is allowed;
    /// one before the start is an error.
    fn seek(&mut self, position: SeekFrom) -> Result<u64>;

    /// Moves to the start.
    fn rewind(&mut self) -> Result<()> {
        self.seek(SeekFrom::Start(0)).map(drop)
    }

    /// The present position from the start.
    fn stream_position(&mut self) -> Result<u64> {
        self.seek(SeekFrom::Current(0))
    }

    /// Moves from the present position.
    fn seek_relative(&mut self, offset: i64) -> Result<()> {
        self.seek(SeekFrom::Current(offset)).map(drop)
    }
}
