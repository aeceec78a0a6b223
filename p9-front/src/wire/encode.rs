//! Requests to bytes.

use alloc::vec::Vec;

use super::numbers::{AT_REMOVEDIR, LOCK_BLOCK, set};
use super::{
    Expected, Fid, HEADER_LEN, Kind, LockKind, MAX_WALK, Request, SetAttributes, SetTime, Tag, Time,
};
use crate::Error;

/// Takes the bytes of a message, or only counts them.
pub(super) trait Out {
    fn bytes(&mut self, bytes: &[u8]);

    fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    fn fid(&mut self, fid: Fid) {
        self.u32(fid.0);
    }

    fn time(&mut self, time: Time) {
        self.u64(time.seconds);
        self.u64(time.nanoseconds);
    }

    fn string(&mut self, string: &[u8]) -> Result<(), Error> {
        self.u16(u16::try_from(string.len()).map_err(|_| Error::TooLarge)?);
        self.bytes(string);
        Ok(())
    }
}

impl Out for Vec<u8> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

struct Counter(usize);

impl Out for Counter {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }
}

impl<'a> Request<'a> {
    /// What it asks for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Version { .. } => Kind::Version,
            Self::Attach { .. } => Kind::Attach,
            Self::Walk { .. } => Kind::Walk,
            Self::Open { .. } => Kind::Open,
            Self::Create { .. } => Kind::Create,
            Self::Symlink { .. } => Kind::Symlink,
            Self::MakeDirectory { .. } => Kind::MakeDirectory,
            Self::ReadLink { .. } => Kind::ReadLink,
            Self::GetAttributes { .. } => Kind::GetAttributes,
            Self::SetAttributes { .. } => Kind::SetAttributes,
            Self::ReadDirectory { .. } => Kind::ReadDirectory,
            Self::Sync { .. } => Kind::Sync,
            Self::Lock { .. } => Kind::Lock,
            Self::Link { .. } => Kind::Link,
            Self::Rename { .. } => Kind::Rename,
            Self::Unlink { .. } => Kind::Unlink,
            Self::Statfs { .. } => Kind::Statfs,
            Self::Read { .. } => Kind::Read,
            Self::Write { .. } => Kind::Write,
            Self::Clunk { .. } => Kind::Clunk,
            Self::Flush { .. } => Kind::Flush,
        }
    }

    /// What [`Response::decode`](super::Response::decode) holds the answer against.
    #[must_use]
    pub fn expected(&self) -> Expected {
        let limit = match *self {
            Self::Version { msize, .. } => msize,
            Self::Read { count, .. } | Self::ReadDirectory { count, .. } => count,
            Self::Walk { names, .. } => u32::try_from(names.len()).unwrap_or(u32::MAX),
            Self::Write { data, .. } => u32::try_from(data.len()).unwrap_or(u32::MAX),
            _ => 0,
        };
        let kind = self.kind();
        Expected { kind, limit }
    }

    /// Bytes of the whole message, data included.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encoded_len(&self) -> Result<u32, Error> {
        let mut head = Counter(HEADER_LEN);
        let data = self.body(&mut head)?;
        let len = head.0.saturating_add(data.len());
        u32::try_from(len).map_err(|_| Error::TooLarge)
    }

    /// Appends the message to `head`, except for the data of a `Twrite`, which is returned and
    /// goes behind it. For all others what is returned is empty.
    ///
    /// # Errors
    /// [`Error::TooLarge`]: a string of more than 65,535 bytes, more than [`MAX_WALK`] names, or
    /// 4 GiB in all. `head` is then as it was. Whether the message fits into the agreed size, the
    /// caller sees to.
    pub fn encode(&self, tag: Tag, head: &mut Vec<u8>) -> Result<&'a [u8], Error> {
        let len = self.encoded_len()?;
        head.u32(len);
        head.u8(self.kind().number());
        head.u16(tag.0);
        self.body(head)
    }

    /// All behind the header. Fails before or after any byte, but not depending on `out`.
    fn body(&self, out: &mut impl Out) -> Result<&'a [u8], Error> {
        match *self {
            Self::Version { msize, version } => {
                out.u32(msize);
                out.string(version)?;
            }
            Self::Attach {
                fid,
                user,
                name,
                uid,
            } => {
                out.fid(fid);
                out.fid(Fid::NONE); // No authentication.
                out.string(user)?;
                out.string(name)?;
                out.u32(uid);
            }
            Self::Walk {
                fid,
                new_fid,
                names,
            } => {
                if names.len() > MAX_WALK {
                    return Err(Error::TooLarge);
                }
                out.fid(fid);
                out.fid(new_fid);
                out.u16(u16::try_from(names.len()).map_err(|_| Error::TooLarge)?);
                for name in names {
                    out.string(name)?;
                }
            }
            Self::Open { fid, flags } => {
                out.fid(fid);
                out.u32(flags);
            }
            Self::Create {
                fid,
                name,
                flags,
                mode,
                gid,
            } => {
                out.fid(fid);
                out.string(name)?;
                out.u32(flags);
                out.u32(mode);
                out.u32(gid);
            }
            Self::Symlink {
                directory,
                name,
                target,
                gid,
            } => {
                out.fid(directory);
                out.string(name)?;
                out.string(target)?;
                out.u32(gid);
            }
            Self::MakeDirectory {
                directory,
                name,
                mode,
                gid,
            } => {
                out.fid(directory);
                out.string(name)?;
                out.u32(mode);
                out.u32(gid);
            }
            Self::ReadLink { fid } | Self::Statfs { fid } | Self::Clunk { fid } => out.fid(fid),
            Self::GetAttributes { fid, mask } => {
                out.fid(fid);
                out.u64(mask.bits());
            }
            Self::SetAttributes { fid, attributes } => {
                out.fid(fid);
                set_attributes(&attributes, out);
            }
            Self::ReadDirectory { fid, offset, count } | Self::Read { fid, offset, count } => {
                out.fid(fid);
                out.u64(offset);
                out.u32(count);
            }
            Self::Sync { fid, data_only } => {
                out.fid(fid);
                out.u32(u32::from(data_only));
            }
            Self::Lock { fid, lock } => {
                out.fid(fid);
                out.u8(match lock.kind {
                    LockKind::Read => 0,
                    LockKind::Write => 1,
                    LockKind::Unlock => 2,
                });
                out.u32(if lock.wait { LOCK_BLOCK } else { 0 });
                out.u64(lock.start);
                out.u64(lock.len);
                out.u32(lock.process);
                out.string(lock.client)?;
            }
            Self::Link {
                directory,
                fid,
                name,
            } => {
                out.fid(directory);
                out.fid(fid);
                out.string(name)?;
            }
            Self::Rename {
                from,
                name,
                to,
                new_name,
            } => {
                out.fid(from);
                out.string(name)?;
                out.fid(to);
                out.string(new_name)?;
            }
            Self::Unlink {
                directory,
                name,
                is_directory,
            } => {
                out.fid(directory);
                out.string(name)?;
                out.u32(if is_directory { AT_REMOVEDIR } else { 0 });
            }
            Self::Write { fid, offset, data } => {
                out.fid(fid);
                out.u64(offset);
                out.u32(u32::try_from(data.len()).map_err(|_| Error::TooLarge)?);
                return Ok(data);
            }
            Self::Flush { tag } => out.u16(tag.0),
        }
        Ok(&[])
    }
}

fn set_attributes(attributes: &SetAttributes, out: &mut impl Out) {
    let SetAttributes {
        mode,
        uid,
        gid,
        size,
        accessed,
        modified,
    } = *attributes;
    let mut valid = 0;
    for (bit, wanted) in [
        (set::MODE, mode.is_some()),
        (set::UID, uid.is_some()),
        (set::GID, gid.is_some()),
        (set::SIZE, size.is_some()),
        (set::ATIME, accessed.is_some()),
        (set::MTIME, modified.is_some()),
        (set::ATIME_SET, matches!(accessed, Some(SetTime::To(_)))),
        (set::MTIME_SET, matches!(modified, Some(SetTime::To(_)))),
    ] {
        if wanted {
            valid |= bit;
        }
    }
    out.u32(valid);
    out.u32(mode.unwrap_or(0));
    out.u32(uid.unwrap_or(0));
    out.u32(gid.unwrap_or(0));
    out.u64(size.unwrap_or(0));
    for time in [accessed, modified] {
        out.time(match time {
            Some(SetTime::To(time)) => time,
            Some(SetTime::Now) | None => Time::default(),
        });
    }
}
