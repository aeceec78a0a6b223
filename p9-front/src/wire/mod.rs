//! The messages of 9P2000.L.
//!
//! A message is `size[4] type[1] tag[2]` and a body, all numbers little-endian; `size` counts
//! itself. Strings are `length[2]` and bytes without an end mark. Names of files are bytes, as
//! Linux's are; the protocol asks for UTF-8, and no server we know looks.

mod decode;
mod encode;
mod entries;
mod numbers;
#[cfg(any(test, feature = "test-utils"))]
mod served;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use bitflags::bitflags;

pub use entries::{Data, Entries};
pub use numbers::*;
#[cfg(any(test, feature = "test-utils"))]
pub use served::encode_error;

/// Bytes before the body of a message: size, type, tag.
pub const HEADER_LEN: usize = 7;
/// Bytes of a `Twrite` before its data, and more than those of an `Rread`.
pub const IO_HEADER_LEN: u32 = 24;
/// The dialect.
pub const VERSION: &[u8] = b"9P2000.L";
/// At most so many names are walked in one request.
pub const MAX_WALK: usize = 16;

/// Messages may be at least so large; a server that wants less is refused, as other clients do.
pub const MIN_MSIZE: u32 = 4096;

/// Whether a file can have that name: not empty, no `/`, no NUL, neither `.` nor `..`.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// The start of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the message, header included.
    pub size: u32,
    /// Type of the message.
    pub kind: u8,
    /// Which request it is or answers.
    pub tag: Tag,
}

/// What the answer to a request may be: its kind, and how much was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Of the request.
    pub kind: Kind,
    /// Bytes, names or the largest message; 0 where there is nothing to count.
    pub limit: u32,
}

/// A number that the client chose for a file on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fid(pub u32);

impl Fid {
    /// No file.
    pub const NONE: Self = Self(u32::MAX);
}

/// A number that the client chose for a request, and that its answer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u16);

impl Tag {
    /// The tag of `Tversion`.
    pub const NONE: Self = Self(u16::MAX);
}

bitflags! {
    /// What a file is, as far as its [`Qid`] tells.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct QidKind: u8 {
        /// A directory.
        const DIR = 0x80;
        /// Writes go to the end.
        const APPEND = 0x40;
        /// A symbolic link.
        const SYMLINK = 0x02;
        /// A hard link; unused.
        const LINK = 0x01;
        const _ = !0;
    }
}

/// The server's identity of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Qid {
    /// Directory, link or other.
    pub kind: QidKind,
    /// Changes with the content, or is 0.
    pub version: u32,
    /// Unique among the server's files, if the server is good at it.
    pub path: u64,
}

/// Seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds.
    pub seconds: u64,
    /// Nanoseconds, below a milliard if the server is honest.
    pub nanoseconds: u64,
}

bitflags! {
    /// Which attributes of a file are asked for, or told (`Tgetattr`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct AttributeMask: u64 {
        /// `mode`, `links`, `uid`, `gid`, `rdev`, `atime`, `mtime`, `ctime`, inode, `size`, `blocks`.
        const BASIC = 0x07ff;
        const _ = !0;
    }
}

/// What `Tgetattr` tells, without what no server fills in (birth time, generation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Which of them the server knows.
    pub valid: AttributeMask,
    /// Who it is.
    pub qid: Qid,
    /// Kind and permissions, `S_IFMT` and the rest, as Linux has them.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Hard links.
    pub links: u64,
    /// Device number of a device file.
    pub rdev: u64,
    /// Bytes.
    pub size: u64,
    /// Preferred size of reads and writes, bytes.
    pub block_size: u64,
    /// Units of 512 bytes.
    pub blocks: u64,
    /// Last access.
    pub accessed: Time,
    /// Last change of the content.
    pub modified: Time,
    /// Last change of the content or the attributes.
    pub changed: Time,
}

/// A time to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTime {
    /// The server's clock.
    Now,
    /// This one.
    To(Time),
}

/// What `Tsetattr` is to change; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAttributes {
    /// Permissions.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Bytes: cut off, or filled up with zeros.
    pub size: Option<u64>,
    /// Last access.
    pub accessed: Option<SetTime>,
    /// Last change of the content.
    pub modified: Option<SetTime>,
}

/// What `Tstatfs` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statfs {
    /// Magic number of the file system.
    pub kind: u32,
    /// Bytes of a block.
    pub block_size: u32,
    /// Blocks.
    pub blocks: u64,
    /// Free blocks.
    pub free_blocks: u64,
    /// Free blocks for those who are not root.
    pub available_blocks: u64,
    /// Files.
    pub files: u64,
    /// Files that could be made.
    pub free_files: u64,
    /// Identity.
    pub id: u64,
    /// Longest name, bytes.
    pub name_len: u32,
}

/// Kind of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Shared.
    Read,
    /// Exclusive.
    Write,
    /// None: the lock is given back.
    Unlock,
}

/// A lock of a range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock<'a> {
    /// Shared, exclusive, none.
    pub kind: LockKind,
    /// Whether the client means to wait; the server only says [`LockStatus::Blocked`] all the same.
    pub wait: bool,
    /// First byte.
    pub start: u64,
    /// Bytes; 0: to the end, wherever that is.
    pub len: u64,
    /// Number of the owner.
    pub process: u32,
    /// Name of the owner's machine.
    pub client: &'a [u8],
}

/// The answer to a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockStatus {
    /// It is locked, or unlocked.
    Success,
    /// Another has it.
    Blocked,
    /// It cannot be.
    Error,
    /// The server starts again and waits for old owners.
    Grace,
}

/// What is asked of the server. Names hold no `/` and no NUL and are neither `.` nor `..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the protocol")]
pub enum Request<'a> {
    /// The first message: how large messages may be. Answer: [`Response::Version`].
    Version { msize: u32, version: &'a [u8] },
    /// `fid` becomes the root. Answer: [`Response::Attached`].
    Attach {
        fid: Fid,
        user: &'a [u8],
        name: &'a [u8],
        uid: u32,
    },
    /// `new_fid` becomes what is reached by these names, if all can be walked. At most
    /// [`MAX_WALK`]; none copies `fid`. Answer: [`Response::Walked`], shorter if not all could be.
    Walk {
        fid: Fid,
        new_fid: Fid,
        names: &'a [&'a [u8]],
    },
    /// Opens; `flags` are Linux's `O_` numbers. Answer: [`Response::Opened`].
    Open { fid: Fid, flags: u32 },
    /// Creates `name` in the directory `fid`, which becomes the open file. Answer: [`Response::Opened`].
    Create {
        fid: Fid,
        name: &'a [u8],
        flags: u32,
        mode: u32,
        gid: u32,
    },
    /// Answer: [`Response::Made`].
    Symlink {
        directory: Fid,
        name: &'a [u8],
        target: &'a [u8],
        gid: u32,
    },
    /// Answer: [`Response::Made`].
    MakeDirectory {
        directory: Fid,
        name: &'a [u8],
        mode: u32,
        gid: u32,
    },
    /// Answer: [`Response::Link`].
    ReadLink { fid: Fid },
    /// Answer: [`Response::Attributes`].
    GetAttributes { fid: Fid, mask: AttributeMask },
    /// Answer: [`Response::Done`].
    SetAttributes { fid: Fid, attributes: SetAttributes },
    /// Entries of the open directory after `offset`, which is 0 or [`DirEntry::offset`], at most
    /// `count` bytes. Answer: [`Response::Directory`].
    ReadDirectory { fid: Fid, offset: u64, count: u32 },
    /// Answer: [`Response::Done`].
    Sync { fid: Fid, data_only: bool },
    /// Answer: [`Response::Locked`].
    Lock { fid: Fid, lock: Lock<'a> },
    /// `fid` gets another name in `directory`. Answer: [`Response::Done`].
    Link {
        directory: Fid,
        fid: Fid,
        name: &'a [u8],
    },
    /// Answer: [`Response::Done`].
    Rename {
        from: Fid,
        name: &'a [u8],
        to: Fid,
        new_name: &'a [u8],
    },
    /// `is_directory`: `AT_REMOVEDIR`. Answer: [`Response::Done`].
    Unlink {
        directory: Fid,
        name: &'a [u8],
        is_directory: bool,
    },
    /// Answer: [`Response::Statfs`].
    Statfs { fid: Fid },
    /// At most `count` bytes from `offset`. Answer: [`Response::Data`].
    Read { fid: Fid, offset: u64, count: u32 },
    /// Answer: [`Response::Written`].
    Write {
        fid: Fid,
        offset: u64,
        data: &'a [u8],
    },
    /// The server forgets `fid`, also if it answers with an error. Answer: [`Response::Done`].
    Clunk { fid: Fid },
    /// The request of this tag is not wanted any more. Answer: [`Response::Done`].
    Flush { tag: Tag },
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the protocol")]
pub enum Response {
    Version {
        msize: u32,
        version: Vec<u8>,
    },
    Attached(Qid),
    Walked(Vec<Qid>),
    /// `unit`: the largest read or write that is not torn, or 0.
    Opened {
        qid: Qid,
        unit: u32,
    },
    Made(Qid),
    Link(Vec<u8>),
    Attributes(Attributes),
    /// Entries, see [`Data::entries`].
    Directory(Data),
    Locked(LockStatus),
    Statfs(Statfs),
    Data(Data),
    /// So many bytes.
    Written(u32),
    Done,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// Who it is.
    pub qid: Qid,
    /// Where to go on after it; a number of the server's, without order.
    pub offset: u64,
    /// `DT_` number of Linux.
    pub kind: u8,
    /// Its name.
    pub name: &'a [u8],
}
