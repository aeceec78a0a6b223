//! [`Read`], [`Write`] and [`Seek`] for files.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::File;
use crate::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

/// The most that is asked for at a time when all is read.
const READ_BYTES: usize = 1 << 20;
/// So many bytes are asked for, outside of the memory that was prepared, to see whether there are any.
const PROBE_BYTES: usize = 32;

/// Reads all that is left. What is known of the file's size decides how much memory is taken.
fn read_all(file: &File, bytes: &mut Vec<u8>) -> Result<usize> {
    let before = bytes.len();
    // Of a file whose size cannot be told, it is found out by reading.
    let left = file.left().unwrap_or(0);
    bytes
        .try_reserve(left)
        .map_err(|_| Error::from(ErrorKind::OutOfMemory))?;
    loop {
        let len = bytes.len();
        let room = (bytes.capacity() - len).min(READ_BYTES);
        if room == 0 {
            let mut probe = [0; PROBE_BYTES];
            let count = file.read_on(&mut probe)?;
            if count == 0 {
                return Ok(len - before);
            }
            bytes
                .try_reserve(count)
                .map_err(|_| Error::from(ErrorKind::OutOfMemory))?;
            bytes.extend_from_slice(&probe[..count]);
            continue;
        }
        bytes.resize(len + room, 0);
        let read = file.read_on(&mut bytes[len..]);
        bytes.truncate(len + read.as_ref().map_or(0, |count| *count));
        if read? == 0 {
            return Ok(len - before);
        }
    }
}

/// As [`read_all`], for text; nothing is appended that is none.
fn read_text(file: &File, text: &mut String) -> Result<usize> {
    let mut bytes = Vec::new();
    let count = read_all(file, &mut bytes)?;
    let more = String::from_utf8(bytes)
        .map_err(|_| Error::text(ErrorKind::InvalidData, "stream did not contain valid UTF-8"))?;
    if text.is_empty() {
        *text = more;
    } else {
        text.push_str(&more);
    }
    Ok(count)
}

macro_rules! streams {
    ($($file:ty),*) => {
        $(
            impl Read for $file {
                fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
                    self.read_on(bytes)
                }

                fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> Result<usize> {
                    read_all(self, bytes)
                }

                fn read_to_string(&mut self, text: &mut String) -> Result<usize> {
                    read_text(self, text)
                }
            }

            impl Write for $file {
                fn write(&mut self, bytes: &[u8]) -> Result<usize> {
                    self.write_on(bytes)
                }

                /// Nothing to do: what was written, the server has.
                fn flush(&mut self) -> Result<()> {
                    Ok(())
                }
            }

            impl Seek for $file {
                fn seek(&mut self, to: SeekFrom) -> Result<u64> {
                    self.seek_to(to)
                }
            }
        )*
    };
}

streams!(File, &File, Arc<File>);

#[cfg(guest)]
impl crate::io::IsTerminal for File {}
