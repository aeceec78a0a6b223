//! References, boxes and memory as readers and writers.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::{BufRead, IoSlice, IoSliceMut, Read, Result, Seek, SeekFrom, Write};

macro_rules! forward {
    ($($type:ty),*) => { $(
        impl<R: Read + ?Sized> Read for $type {
            fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
                (**self).read(bytes)
            }

            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
                (**self).read_vectored(bufs)
            }

            fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> Result<usize> {
                (**self).read_to_end(bytes)
            }

            fn read_to_string(&mut self, text: &mut String) -> Result<usize> {
                (**self).read_to_string(text)
            }

            fn read_exact(&mut self, bytes: &mut [u8]) -> Result<()> {
                (**self).read_exact(bytes)
            }
        }

        impl<R: BufRead + ?Sized> BufRead for $type {
            fn fill_buf(&mut self) -> Result<&[u8]> {
                (**self).fill_buf()
            }

            fn consume(&mut self, count: usize) {
                (**self).consume(count);
            }

            fn read_until(&mut self, delimiter: u8, bytes: &mut Vec<u8>) -> Result<usize> {
                (**self).read_until(delimiter, bytes)
            }

            fn skip_until(&mut self, delimiter: u8) -> Result<usize> {
                (**self).skip_until(delimiter)
            }

            fn read_line(&mut self, line: &mut String) -> Result<usize> {
                (**self).read_line(line)
            }
        }

        impl<R: Write + ?Sized> Write for $type {
            fn write(&mut self, bytes: &[u8]) -> Result<usize> {
                (**self).write(bytes)
            }

            fn flush(&mut self) -> Result<()> {
                (**self).flush()
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
                (**self).write_vectored(bufs)
            }

            fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
                (**self).write_all(bytes)
            }

            fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
                (**self).write_fmt(text)
            }
        }

        impl<R: Seek + ?Sized> Seek for $type {
            fn seek(&mut self, position: SeekFrom) -> Result<u64> {
                (**self).seek(position)
            }

            fn rewind(&mut self) -> Result<()> {
                (**self).rewind()
            }

            fn stream_position(&mut self) -> Result<u64> {
                (**self).stream_position()
            }

            fn seek_relative(&mut self, offset: i64) -> Result<()> {
                (**self).seek_relative(offset)
            }
        }
    )* };
}

forward!(&mut R, Box<R>);

/// Reads from the front, and the slice becomes what is left.
impl Read for &[u8] {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let count = self.len().min(bytes.len());
        let (taken, rest) = self.split_at(count);
        bytes[..count].copy_from_slice(taken);
        *self = rest;
        Ok(count)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let mut total = 0;
        for buf in bufs {
            total += self.read(buf)?;
        }
        Ok(total)
    }

    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> Result<usize> {
        bytes.try_reserve(self.len())?;
        bytes.extend_from_slice(self);
        Ok(mem::take(self).len())
    }
}

impl BufRead for &[u8] {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        Ok(self)
    }

    fn consume(&mut self, count: usize) {
        *self = &self[count..];
    }
}

/// Writes over the front, and the slice becomes what is left. A full one takes nothing.
impl Write for &mut [u8] {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let count = self.len().min(bytes.len());
        let (room, rest) = mem::take(self).split_at_mut(count);
        room.copy_from_slice(&bytes[..count]);
        *self = rest;
        Ok(count)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let mut total = 0;
        for buf in bufs {
            total += self.write(buf)?;
        }
        Ok(total)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Appends.
impl Write for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.reserve(bufs.iter().map(|buf| buf.len()).sum());
        bufs.iter().for_each(|buf| self.extend_from_slice(buf));
        Ok(bufs.iter().map(|buf| buf.len()).sum())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Reads from the front, and takes it away.
impl Read for VecDeque<u8> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let (mut front, _) = self.as_slices();
        let count = Read::read(&mut front, bytes)?;
        self.drain(..count);
        Ok(count)
    }
}

impl BufRead for VecDeque<u8> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        Ok(self.as_slices().0)
    }

    fn consume(&mut self, count: usize) {
        self.drain(..count);
    }
}

/// Appends.
impl Write for VecDeque<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
