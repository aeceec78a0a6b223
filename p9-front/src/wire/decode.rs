//! Bytes to answers. Nothing in them is believed before it was looked at.
//!
//! Memory: what an answer owns is the message itself, a string out of it, or as many identities as
//! names were walked.

use alloc::vec::Vec;

use super::numbers::RLERROR;
use super::{
    AttributeMask, Attributes, Data, Expected, HEADER_LEN, Header, Kind, LockStatus, MIN_MSIZE,
    Qid, QidKind, Response, Statfs, Tag, Time, VERSION,
};
use crate::{Errno, Error};

/// Numbers and strings from the front of a message.
#[derive(Debug)]
pub(super) struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(Error::Answer("the message ends too early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self
            .0
            .split_first_chunk()
            .ok_or(Error::Answer("the message ends too early"))?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn string(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u16()?;
        self.bytes(usize::from(len))
    }

    pub(super) fn qid(&mut self) -> Result<Qid, Error> {
        Ok(Qid {
            kind: QidKind::from_bits_retain(self.u8()?),
            version: self.u32()?,
            path: self.u64()?,
        })
    }

    pub(super) fn time(&mut self) -> Result<Time, Error> {
        Ok(Time {
            seconds: self.u64()?,
            nanoseconds: self.u64()?,
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// That nothing is left.
    pub(super) const fn end(&self) -> Result<(), Error> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Error::Answer("there are bytes behind the message"))
        }
    }
}

impl Header {
    /// Reads it. The size may be any number, smaller than a header too.
    #[must_use]
    pub const fn read(bytes: [u8; HEADER_LEN]) -> Self {
        let [s0, s1, s2, s3, kind, t0, t1] = bytes;
        Self {
            size: u32::from_le_bytes([s0, s1, s2, s3]),
            kind,
            tag: Tag(u16::from_le_bytes([t0, t1])),
        }
    }
}

impl Response {
    /// Reads a whole message, header included, as the answer to the request that `expected` is
    /// of ([`Request::expected`](super::Request::expected)). The tag is the caller's business.
    ///
    /// The server's refusal is the inner error.
    ///
    /// # Errors
    /// [`Error::Answer`] if the message is no such answer: wrong type or length, more than was asked
    /// for, a number that means nothing.
    pub fn decode(expected: Expected, message: Vec<u8>) -> Result<Result<Self, Errno>, Error> {
        let mut body = In::new(&message);
        let header = Header::read(body.array()?);
        if usize::try_from(header.size) != Ok(message.len()) {
            return Err(Error::Answer("the size is not the message's"));
        }
        if header.kind == RLERROR {
            let number = body.u32()?;
            body.end()?;
            return match i32::try_from(number).ok().and_then(Errno::new) {
                Some(errno) => Ok(Err(errno)),
                None => Err(Error::Answer("an error number that is none")),
            };
        }
        if header.kind != expected.kind.answer() {
            return Err(Error::Answer("the type is another request's"));
        }
        let response = match expected.kind {
            Kind::Version => version(&mut body, expected.limit)?,
            Kind::Attach => Self::Attached(body.qid()?),
            Kind::Walk => walked(&mut body, expected.limit)?,
            Kind::Open | Kind::Create => Self::Opened {
                qid: body.qid()?,
                unit: body.u32()?,
            },
            Kind::Symlink | Kind::MakeDirectory => Self::Made(body.qid()?),
            Kind::ReadLink => link(&mut body)?,
            Kind::GetAttributes => Self::Attributes(attributes(&mut body)?),
            Kind::Lock => Self::Locked(match body.u8()? {
                0 => LockStatus::Success,
                1 => LockStatus::Blocked,
                2 => LockStatus::Error,
                3 => LockStatus::Grace,
                _ => return Err(Error::Answer("a lock's state that is none")),
            }),
            Kind::Statfs => Self::Statfs(statfs(&mut body)?),
            Kind::Write => {
                let count = body.u32()?;
                if count > expected.limit {
                    return Err(Error::Answer("more was written than there was"));
                }
                Self::Written(count)
            }
            Kind::Read | Kind::ReadDirectory => {
                let count = body.u32()?;
                if count > expected.limit {
                    return Err(Error::Answer("more data than was asked for"));
                }
                body.bytes(usize::try_from(count).unwrap_or(usize::MAX))?;
                body.end()?;
                let start = HEADER_LEN + size_of::<u32>();
                let data = Data { message, start };
                return Ok(Ok(if expected.kind == Kind::Read {
                    Self::Data(data)
                } else {
                    Self::Directory(data)
                }));
            }
            Kind::SetAttributes
            | Kind::Sync
            | Kind::Link
            | Kind::Rename
            | Kind::Unlink
            | Kind::Clunk
            | Kind::Flush => Self::Done,
        };
        body.end()?;
        Ok(Ok(response))
    }
}

/// The size only counts if the version is ours: with another it says nothing.
fn version(body: &mut In<'_>, asked: u32) -> Result<Response, Error> {
    let msize = body.u32()?;
    let version = body.string()?.to_vec();
    if version == VERSION {
        if msize > asked {
            return Err(Error::Answer("larger messages than were asked for"));
        }
        if msize < MIN_MSIZE {
            return Err(Error::Answer("messages too small to be of use"));
        }
    }
    Ok(Response::Version { msize, version })
}

fn walked(body: &mut In<'_>, names: u32) -> Result<Response, Error> {
    let count = body.u16()?;
    if u32::from(count) > names {
        return Err(Error::Answer("more names walked than were asked for"));
    }
    if count == 0 && names > 0 {
        return Err(Error::Answer("a walk of no step that is not an error"));
    }
    // At most `MAX_WALK`: no more was asked for.
    let qids = (0..count).map(|_| body.qid()).collect::<Result<_, _>>()?;
    Ok(Response::Walked(qids))
}

fn link(body: &mut In<'_>) -> Result<Response, Error> {
    let target = body.string()?;
    if target.is_empty() || target.contains(&0) {
        return Err(Error::Answer("a link to what cannot be a path"));
    }
    Ok(Response::Link(target.to_vec()))
}

fn attributes(body: &mut In<'_>) -> Result<Attributes, Error> {
    let attributes = Attributes {
        valid: AttributeMask::from_bits_retain(body.u64()?),
        qid: body.qid()?,
        mode: body.u32()?,
        uid: body.u32()?,
        gid: body.u32()?,
        links: body.u64()?,
        rdev: body.u64()?,
        size: body.u64()?,
        block_size: body.u64()?,
        blocks: body.u64()?,
        accessed: body.time()?,
        modified: body.time()?,
        changed: body.time()?,
    };
    // Birth, generation, version of the data.
    body.time()?;
    body.u64()?;
    body.u64()?;
    if i64::try_from(attributes.size).is_err() {
        return Err(Error::Answer("a file of 8 EiB or more"));
    }
    Ok(attributes)
}

fn statfs(body: &mut In<'_>) -> Result<Statfs, Error> {
    Ok(Statfs {
        kind: body.u32()?,
        block_size: body.u32()?,
        blocks: body.u64()?,
        free_blocks: body.u64()?,
        available_blocks: body.u64()?,
        files: body.u64()?,
        free_files: body.u64()?,
        id: body.u64()?,
        name_len: body.u32()?,
    })
}
