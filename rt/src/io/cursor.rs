//! [`Cursor`]: memory with a position.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{BufRead, Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

/// Memory that is read and written from a position on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor<T> {
    inner: T,
    position: u64,
}

impl<T> Cursor<T> {
    /// At the start of `inner`.
    pub const fn new(inner: T) -> Cursor<T> {
        Cursor { inner, position: 0 }
    }

    /// The memory.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// The memory.
    pub const fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The memory. The position stays, whatever happens to it.
    pub const fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// The position, in bytes from the start.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Moves the position, also beyond the end.
    pub const fn set_position(&mut self, position: u64) {
        self.position = position;
    }
}

impl<T: AsRef<[u8]>> Cursor<T> {
    fn rest(&self) -> &[u8] {
        let bytes = self.inner.as_ref();
        let start = usize::try_from(self.position).unwrap_or(usize::MAX);
        &bytes[start.min(bytes.len())..]
    }
}

impl<T: AsRef<[u8]>> Seek for Cursor<T> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        let (base, offset) = match position {
            SeekFrom::Start(position) => {
                self.position = position;
                return Ok(position);
            }
            SeekFrom::End(offset) => (self.inner.as_ref().len() as u64, offset),
            SeekFrom::Current(offset) => (self.position, offset),
        };
        let what = "invalid seek to a negative or overflowing position";
        self.position = base
            .checked_add_signed(offset)
            .ok_or(Error::text(ErrorKind::InvalidInput, what))?;
        Ok(self.position)
    }
}

impl<T: AsRef<[u8]>> Read for Cursor<T> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let count = self.rest().read(bytes)?;
        self.position += count as u64;
        Ok(count)
    }

    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> Result<usize> {
        let count = self.rest().read_to_end(bytes)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<T: AsRef<[u8]>> BufRead for Cursor<T> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        Ok(self.rest())
    }

    fn consume(&mut self, count: usize) {
        self.position += count as u64;
    }
}

/// Writes over what is there; nothing beyond the end.
fn write_fixed(room: &mut [u8], position: &mut u64, bytes: &[u8]) -> Result<usize> {
    let start = usize::try_from(*position).unwrap_or(usize::MAX);
    let start = start.min(room.len());
    let count = (&mut room[start..]).write(bytes)?;
    *position += count as u64;
    Ok(count)
}

/// Writes over what is there and appends the rest; a gap before the position becomes zeros.
fn write_growing(room: &mut Vec<u8>, position: &mut u64, bytes: &[u8]) -> Result<usize> {
    let what = "cursor position exceeds maximum possible vector length";
    let too_far = || Error::text(ErrorKind::InvalidInput, what);
    let start = usize::try_from(*position).map_err(|_| too_far())?;
    let end = start.checked_add(bytes.len()).ok_or_else(too_far)?;
    if end > room.len() {
        room.try_reserve(end - room.len())?;
        room.resize(start.max(room.len()), 0);
    }
    let over = (room.len() - start).min(bytes.len());
    room[start..start + over].copy_from_slice(&bytes[..over]);
    room.extend_from_slice(&bytes[over..]);
    *position = end as u64;
    Ok(bytes.len())
}

macro_rules! writers {
    ($($write:ident: $({$($generic:tt)*})? $type:ty;)*) => { $(
        impl $(<$($generic)*>)? Write for Cursor<$type> {
            fn write(&mut self, bytes: &[u8]) -> Result<usize> {
                $write(&mut self.inner, &mut self.position, bytes)
            }

            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }
    )* };
}

writers! {
    write_fixed: &mut [u8];
    write_fixed: Box<[u8]>;
    write_fixed: {const N: usize} [u8; N];
    write_growing: Vec<u8>;
    write_growing: &mut Vec<u8>;
}
