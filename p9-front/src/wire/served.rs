//! The server's side of the messages: bytes to requests, answers to bytes. For tests.

use alloc::vec::Vec;

use super::decode::In;
use super::encode::Out;
use super::numbers::{AT_REMOVEDIR, LOCK_BLOCK, RLERROR, set};
use super::{
    AttributeMask, Attributes, DirEntry, Fid, HEADER_LEN, Header, Kind, Lock, LockKind, LockStatus,
    MAX_WALK, Qid, Request, Response, SetAttributes, SetTime, Statfs, Tag,
};
use crate::Error;

impl<'a> Request<'a> {
    /// Reads a whole message. `names` is where the names of a walk go.
    ///
    /// # Errors
    /// [`Error::Answer`] if it is not one of the messages that [`encode`](Self::encode) makes.
    pub fn decode(
        message: &'a [u8],
        names: &'a mut [&'a [u8]; MAX_WALK],
    ) -> Result<(Tag, Self), Error> {
        let (header, body) = message
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(Error::Answer("the message ends too early"))?;
        let header = Header::read(*header);
        if usize::try_from(header.size) != Ok(message.len()) {
            return Err(Error::Answer("the size is not the message's"));
        }
        let kind = Kind::from_number(header.kind).ok_or(Error::Answer("no type that is known"))?;
        let mut body = In::new(body);
        let request = read(kind, &mut body, names)?;
        body.end()?;
        Ok((header.tag, request))
    }
}

fn read<'a>(
    kind: Kind,
    body: &mut In<'a>,
    names: &'a mut [&'a [u8]; MAX_WALK],
) -> Result<Request<'a>, Error> {
    Ok(match kind {
        Kind::Version => Request::Version {
            msize: body.u32()?,
            version: body.string()?,
        },
        Kind::Attach => {
            let fid = fid(body)?;
            if self::fid(body)? != Fid::NONE {
                return Err(Error::Answer("authentication"));
            }
            Request::Attach {
                fid,
                user: body.string()?,
                name: body.string()?,
                uid: body.u32()?,
            }
        }
        Kind::Walk => {
            let (fid, new_fid) = (fid(body)?, fid(body)?);
            let count = usize::from(body.u16()?);
            let names = names
                .get_mut(..count)
                .ok_or(Error::Answer("too many names"))?;
            for name in &mut *names {
                *name = body.string()?;
            }
            Request::Walk {
                fid,
                new_fid,
                names,
            }
        }
        Kind::Open => Request::Open {
            fid: fid(body)?,
            flags: body.u32()?,
        },
        Kind::Create => Request::Create {
            fid: fid(body)?,
            name: body.string()?,
            flags: body.u32()?,
            mode: body.u32()?,
            gid: body.u32()?,
        },
        Kind::Symlink => Request::Symlink {
            directory: fid(body)?,
            name: body.string()?,
            target: body.string()?,
            gid: body.u32()?,
        },
        Kind::MakeDirectory => Request::MakeDirectory {
            directory: fid(body)?,
            name: body.string()?,
            mode: body.u32()?,
            gid: body.u32()?,
        },
        Kind::ReadLink => Request::ReadLink { fid: fid(body)? },
        Kind::GetAttributes => Request::GetAttributes {
            fid: fid(body)?,
            mask: AttributeMask::from_bits_retain(body.u64()?),
        },
        Kind::SetAttributes => Request::SetAttributes {
            fid: fid(body)?,
            attributes: set_attributes(body)?,
        },
        Kind::ReadDirectory => Request::ReadDirectory {
            fid: fid(body)?,
            offset: body.u64()?,
            count: body.u32()?,
        },
        Kind::Sync => Request::Sync {
            fid: fid(body)?,
            data_only: body.u32()? != 0,
        },
        Kind::Lock => Request::Lock {
            fid: fid(body)?,
            lock: lock(body)?,
        },
        Kind::Link => Request::Link {
            directory: fid(body)?,
            fid: fid(body)?,
            name: body.string()?,
        },
        Kind::Rename => Request::Rename {
            from: fid(body)?,
            name: body.string()?,
            to: fid(body)?,
            new_name: body.string()?,
        },
        Kind::Unlink => Request::Unlink {
            directory: fid(body)?,
            name: body.string()?,
            is_directory: body.u32()? & AT_REMOVEDIR != 0,
        },
        Kind::Statfs => Request::Statfs { fid: fid(body)? },
        Kind::Read => Request::Read {
            fid: fid(body)?,
            offset: body.u64()?,
            count: body.u32()?,
        },
        Kind::Write => {
            let (fid, offset) = (fid(body)?, body.u64()?);
            let count = usize::try_from(body.u32()?).unwrap_or(usize::MAX);
            let data = body.bytes(count)?;
            Request::Write { fid, offset, data }
        }
        Kind::Clunk => Request::Clunk { fid: fid(body)? },
        Kind::Flush => Request::Flush {
            tag: Tag(body.u16()?),
        },
    })
}

fn fid(body: &mut In<'_>) -> Result<Fid, Error> {
    body.u32().map(Fid)
}

fn lock<'a>(body: &mut In<'a>) -> Result<Lock<'a>, Error> {
    Ok(Lock {
        kind: match body.u8()? {
            0 => LockKind::Read,
            1 => LockKind::Write,
            2 => LockKind::Unlock,
            _ => return Err(Error::Answer("no kind of lock")),
        },
        wait: body.u32()? & LOCK_BLOCK != 0,
        start: body.u64()?,
        len: body.u64()?,
        process: body.u32()?,
        client: body.string()?,
    })
}

fn set_attributes(body: &mut In<'_>) -> Result<SetAttributes, Error> {
    let valid = body.u32()?;
    let is = |bit: u32| valid & bit != 0;
    let (mode, uid, gid, size) = (body.u32()?, body.u32()?, body.u32()?, body.u64()?);
    let mut time = |to: u32, any: u32| {
        let time = body.time()?;
        Ok::<_, Error>(is(any).then(|| {
            if is(to) {
                SetTime::To(time)
            } else {
                SetTime::Now
            }
        }))
    };
    Ok(SetAttributes {
        mode: is(set::MODE).then_some(mode),
        uid: is(set::UID).then_some(uid),
        gid: is(set::GID).then_some(gid),
        size: is(set::SIZE).then_some(size),
        accessed: time(set::ATIME_SET, set::ATIME)?,
        modified: time(set::MTIME_SET, set::MTIME)?,
    })
}

impl Response {
    /// The whole message that answers a request of that kind; of the kind's type even if the
    /// answer is another's.
    ///
    /// # Panics
    /// If a string has more than 65,535 bytes, or the data more than 4 GiB.
    #[must_use]
    pub fn encode(&self, kind: Kind, tag: Tag) -> Vec<u8> {
        message(kind.answer(), tag, |out| match self {
            Self::Version { msize, version } => {
                out.u32(*msize);
                out.string(version).expect("a short string");
            }
            Self::Attached(it) | Self::Made(it) => qid(it, out),
            Self::Walked(qids) => {
                out.u16(u16::try_from(qids.len()).expect("few names"));
                qids.iter().for_each(|it| qid(it, out));
            }
            Self::Opened { qid: it, unit } => {
                qid(it, out);
                out.u32(*unit);
            }
            Self::Link(target) => out.string(target).expect("a short string"),
            Self::Attributes(it) => attributes(it, out),
            Self::Directory(data) | Self::Data(data) => {
                out.u32(u32::try_from(data.len()).expect("no more data than fits"));
                out.bytes(data);
            }
            Self::Locked(status) => out.u8(match status {
                LockStatus::Success => 0,
                LockStatus::Blocked => 1,
                LockStatus::Error => 2,
                LockStatus::Grace => 3,
            }),
            Self::Statfs(it) => statfs(it, out),
            Self::Written(count) => out.u32(*count),
            Self::Done => {}
        })
    }
}

/// The answer to any request that is an error; of any number, sense or nonsense.
#[must_use]
pub fn encode_error(number: u32, tag: Tag) -> Vec<u8> {
    message(RLERROR, tag, |out| out.u32(number))
}

impl DirEntry<'_> {
    /// Appends it as a record of `Rreaddir`.
    ///
    /// # Panics
    /// If the name has more than 65,535 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        qid(&self.qid, out);
        out.u64(self.offset);
        out.u8(self.kind);
        out.string(self.name).expect("a short name");
    }
}

fn message(kind: u8, tag: Tag, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    out.u32(0);
    out.u8(kind);
    out.u16(tag.0);
    body(&mut out);
    let size = u32::try_from(out.len()).expect("no message of 4 GiB");
    out[..4].copy_from_slice(&size.to_le_bytes());
    out
}

fn qid(qid: &Qid, out: &mut Vec<u8>) {
    out.u8(qid.kind.bits());
    out.u32(qid.version);
    out.u64(qid.path);
}

fn attributes(it: &Attributes, out: &mut Vec<u8>) {
    out.u64(it.valid.bits());
    qid(&it.qid, out);
    for word in [it.mode, it.uid, it.gid] {
        out.u32(word);
    }
    for word in [it.links, it.rdev, it.size, it.block_size, it.blocks] {
        out.u64(word);
    }
    for time in [it.accessed, it.modified, it.changed] {
        out.time(time);
    }
    // Birth, generation and version of the data: not known.
    for _ in 0..4 {
        out.u64(0);
    }
}

fn statfs(it: &Statfs, out: &mut Vec<u8>) {
    out.u32(it.kind);
    out.u32(it.block_size);
    for word in [
        it.blocks,
        it.free_blocks,
        it.available_blocks,
        it.files,
        it.free_files,
        it.id,
    ] {
        out.u64(word);
    }
    out.u32(it.name_len);
}
