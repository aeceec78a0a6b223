//! The numbers of 9P2000.L: types of messages, flags and kinds.
//!
//! Source: the description of 9P2000.L that comes with diod (`protocol.md`) and, where that is
//! silent, what QEMU's server expects. Flags and kinds are Linux's, as on x86 (`open(2)`,
//! `inode(7)`, `readdir(3)`), whatever the server runs on.

/// Type of the answer that is an error; its request, `Tlerror` (6), is never sent.
pub const RLERROR: u8 = 7;
/// Requests of the protocol that are not sent from here: device nodes, the rename of a file
/// identifier, extended attributes, who holds a lock, authentication, and what older dialects have
/// instead of messages above.
pub const TMKNOD: u8 = 18;
/// See [`TMKNOD`].
pub const TRENAME: u8 = 20;
/// See [`TMKNOD`].
pub const TXATTRWALK: u8 = 30;
/// See [`TMKNOD`].
pub const TXATTRCREATE: u8 = 32;
/// See [`TMKNOD`].
pub const TGETLOCK: u8 = 54;
/// See [`TMKNOD`].
pub const TAUTH: u8 = 102;
/// See [`TMKNOD`]. The answer, 107, is the error of 9P2000 and 9P2000.u.
pub const TERROR: u8 = 106;
/// See [`TMKNOD`].
pub const TREMOVE: u8 = 122;
/// See [`TMKNOD`].
pub const TSTAT: u8 = 124;
/// See [`TMKNOD`].
pub const TWSTAT: u8 = 126;

macro_rules! kinds {
    ($($name:ident = $number:literal, $wire:literal;)*) => {
        /// What a request asks for; its number is the type of the message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $(#[doc = concat!("`", $wire, "`")] $name = $number,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Type of the request.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// The kind whose request has that type.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Name of the message, as the protocol has it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $wire,)*
                }
            }
        }
    };
}

kinds! {
    Statfs = 8, "Tstatfs";
    Open = 12, "Tlopen";
    Create = 14, "Tlcreate";
    Symlink = 16, "Tsymlink";
    ReadLink = 22, "Treadlink";
    GetAttributes = 24, "Tgetattr";
    SetAttributes = 26, "Tsetattr";
    ReadDirectory = 40, "Treaddir";
    Sync = 50, "Tfsync";
    Lock = 52, "Tlock";
    Link = 70, "Tlink";
    MakeDirectory = 72, "Tmkdir";
    Rename = 74, "Trenameat";
    Unlink = 76, "Tunlinkat";
    Version = 100, "Tversion";
    Attach = 104, "Tattach";
    Flush = 108, "Tflush";
    Walk = 110, "Twalk";
    Read = 116, "Tread";
    Write = 118, "Twrite";
    Clunk = 120, "Tclunk";
}

impl Kind {
    /// Type of the answer, unless that is [`RLERROR`].
    #[must_use]
    pub const fn answer(self) -> u8 {
        self.number() + 1
    }
}

/// How a file is opened (`Tlopen`, `Tlcreate`).
pub mod open {
    /// To be read only.
    pub const READ_ONLY: u32 = 0;
    /// To be written only.
    pub const WRITE_ONLY: u32 = 0o1;
    /// Both.
    pub const READ_WRITE: u32 = 0o2;
    /// The bits of the three above.
    pub const ACCESS: u32 = 0o3;
    /// `O_CREAT`
    pub const CREATE: u32 = 0o100;
    /// `O_EXCL`: not if it exists.
    pub const EXCLUSIVE: u32 = 0o200;
    /// `O_TRUNC`: empties it.
    pub const TRUNCATE: u32 = 0o1000;
    /// `O_APPEND`: writes go to the end.
    pub const APPEND: u32 = 0o2000;
    /// `O_NONBLOCK`
    pub const NON_BLOCKING: u32 = 0o4000;
    /// `O_DSYNC`: what is written is on the disk when the answer comes.
    pub const DATA_SYNC: u32 = 0o10000;
    /// `O_LARGEFILE`
    pub const LARGE_FILE: u32 = 0o100_000;
    /// `O_DIRECTORY`: only if it is one.
    pub const DIRECTORY: u32 = 0o200_000;
    /// `O_NOFOLLOW`: not if it is a symbolic link.
    pub const NO_FOLLOW: u32 = 0o400_000;
    /// `O_CLOEXEC`
    pub const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    /// `O_SYNC`: as [`DATA_SYNC`], and the attributes too.
    pub const SYNC: u32 = 0o4_010_000;
}

/// What kind of file it is: bits of [`Attributes::mode`](super::Attributes::mode).
pub mod mode {
    /// The bits of the kind.
    pub const KIND: u32 = 0o170_000;
    /// Socket.
    pub const SOCKET: u32 = 0o140_000;
    /// Symbolic link.
    pub const SYMLINK: u32 = 0o120_000;
    /// Regular file.
    pub const REGULAR: u32 = 0o100_000;
    /// Block device.
    pub const BLOCK: u32 = 0o060_000;
    /// Directory.
    pub const DIRECTORY: u32 = 0o040_000;
    /// Character device.
    pub const CHARACTER: u32 = 0o020_000;
    /// Named pipe.
    pub const FIFO: u32 = 0o010_000;
    /// Permissions, set-user-id, set-group-id and sticky bit.
    pub const PERMISSIONS: u32 = 0o7777;
}

/// What kind of file it is: [`DirEntry::kind`](super::DirEntry::kind), which is the kind of
/// [`mode`] shifted right by 12 bits, or 0 where the server does not know.
pub mod entry {
    /// Not told.
    pub const UNKNOWN: u8 = 0;
    /// Named pipe.
    pub const FIFO: u8 = 1;
    /// Character device.
    pub const CHARACTER: u8 = 2;
    /// Directory.
    pub const DIRECTORY: u8 = 4;
    /// Block device.
    pub const BLOCK: u8 = 6;
    /// Regular file.
    pub const REGULAR: u8 = 8;
    /// Symbolic link.
    pub const SYMLINK: u8 = 10;
    /// Socket.
    pub const SOCKET: u8 = 12;
}

/// Which attributes `Tsetattr` sets.
pub(super) mod set {
    pub(crate) const MODE: u32 = 0x001;
    pub(crate) const UID: u32 = 0x002;
    pub(crate) const GID: u32 = 0x004;
    pub(crate) const SIZE: u32 = 0x008;
    pub(crate) const ATIME: u32 = 0x010;
    pub(crate) const MTIME: u32 = 0x020;
    pub(crate) const ATIME_SET: u32 = 0x080;
    pub(crate) const MTIME_SET: u32 = 0x100;
}

/// Flag of `Tunlinkat`: a directory is to be removed.
pub(super) const AT_REMOVEDIR: u32 = 0x200;
/// Flag of `Tlock`: the client means to wait.
pub(super) const LOCK_BLOCK: u32 = 1;
