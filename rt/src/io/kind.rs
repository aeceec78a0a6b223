//! The kinds of errors, as std names them, and which error number of Linux's is of which kind.

use core::fmt;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal,)*) => {
        /// The kinds of errors, as std names them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $name,)*
        }

        impl ErrorKind {
            const fn text(self) -> &'static str {
                match self {
                    $(ErrorKind::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// No such thing.
    NotFound => "not found",
    /// Not allowed.
    PermissionDenied => "permission denied",
    /// Nobody listens at the address.
    ConnectionRefused => "connection refused",
    /// The peer broke the connection off, or the backend went away.
    ConnectionReset => "connection reset",
    /// The host cannot be reached.
    HostUnreachable => "host unreachable",
    /// The network cannot be reached.
    NetworkUnreachable => "network unreachable",
    /// The connection was ended from this side or by the network.
    ConnectionAborted => "connection aborted",
    /// There is no connection.
    NotConnected => "not connected",
    /// The address is in use.
    AddrInUse => "address in use",
    /// The address is not one of this host's.
    AddrNotAvailable => "address not available",
    /// The network is down.
    NetworkDown => "network down",
    /// The other side does not read any more.
    BrokenPipe => "broken pipe",
    /// It is there already.
    AlreadyExists => "already exists",
    /// It would have to wait.
    WouldBlock => "operation would block",
    /// Something that should be a directory is none.
    NotADirectory => "not a directory",
    /// Something that should not be a directory is one.
    IsADirectory => "is a directory",
    /// The directory is not empty.
    DirectoryNotEmpty => "directory not empty",
    /// The file system is read-only.
    ReadOnlyFilesystem => "read-only file system",
    /// The file of a network file system is gone.
    StaleNetworkFileHandle => "stale network file handle",
    /// An argument makes no sense.
    InvalidInput => "invalid input",
    /// What was received makes no sense.
    InvalidData => "invalid data",
    /// The time is over.
    TimedOut => "timed out",
    /// A write took nothing.
    WriteZero => "write zero",
    /// The storage is full.
    StorageFull => "no storage space",
    /// It has no position to move.
    NotSeekable => "not seekable",
    /// A quota is used up.
    QuotaExceeded => "quota exceeded",
    /// The file would be too large.
    FileTooLarge => "file too large",
    /// The resource is busy.
    ResourceBusy => "resource busy",
    /// The program that is to be written runs.
    ExecutableFileBusy => "executable file busy",
    /// To wait for it would be to wait for ever.
    Deadlock => "deadlock",
    /// It would reach from one file system into another.
    CrossesDevices => "crosses devices",
    /// Too many links.
    TooManyLinks => "too many links",
    /// The name cannot be one of a file.
    InvalidFilename => "invalid file name",
    /// The arguments are too long.
    ArgumentListTooLong => "argument list too long",
    /// Interrupted; may be tried again.
    Interrupted => "interrupted",
    /// It cannot be done here, by protocol or by peer.
    Unsupported => "unsupported",
    /// The data ended early.
    UnexpectedEof => "unexpected end of file",
    /// No memory.
    OutOfMemory => "out of memory",
    /// Something else.
    Other => "other error",
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl ErrorKind {
    /// The kind that std gives on Linux for an error number.
    pub(super) const fn of_errno(errno: i32) -> ErrorKind {
        match errno {
            1 | 13 => ErrorKind::PermissionDenied,
            2 => ErrorKind::NotFound,
            4 => ErrorKind::Interrupted,
            7 => ErrorKind::ArgumentListTooLong,
            11 => ErrorKind::WouldBlock,
            12 => ErrorKind::OutOfMemory,
            16 => ErrorKind::ResourceBusy,
            17 => ErrorKind::AlreadyExists,
            18 => ErrorKind::CrossesDevices,
            20 => ErrorKind::NotADirectory,
            21 => ErrorKind::IsADirectory,
            22 => ErrorKind::InvalidInput,
            26 => ErrorKind::ExecutableFileBusy,
            27 => ErrorKind::FileTooLarge,
            28 => ErrorKind::StorageFull,
            29 => ErrorKind::NotSeekable,
            30 => ErrorKind::ReadOnlyFilesystem,
            31 => ErrorKind::TooManyLinks,
            32 => ErrorKind::BrokenPipe,
            35 => ErrorKind::Deadlock,
            36 => ErrorKind::InvalidFilename,
            39 => ErrorKind::DirectoryNotEmpty,
            // ENOSYS and EOPNOTSUPP as in std; the others say the same of a protocol, an
            // address family or a backend (ENOTSUPP, 524).
            38 | 93 | 95 | 97 | 524 => ErrorKind::Unsupported,
            98 => ErrorKind::AddrInUse,
            99 => ErrorKind::AddrNotAvailable,
            100 => ErrorKind::NetworkDown,
            101 => ErrorKind::NetworkUnreachable,
            103 => ErrorKind::ConnectionAborted,
            104 => ErrorKind::ConnectionReset,
            107 => ErrorKind::NotConnected,
            110 => ErrorKind::TimedOut,
            111 => ErrorKind::ConnectionRefused,
            113 => ErrorKind::HostUnreachable,
            116 => ErrorKind::StaleNetworkFileHandle,
            122 => ErrorKind::QuotaExceeded,
            _ => ErrorKind::Other,
        }
    }
}
