//! Files, as Unix has them.

use core::cmp::min;

use crate::ffi::OsStr;
use crate::fs::{self, DirBuilder, DirEntry, File, FileType, Metadata, OpenOptions, Permissions};
use crate::io::{Error, ErrorKind, Result};
use crate::path::Path;

/// Makes a symbolic link to `original`, which need not exist.
///
/// # Errors
/// [`AlreadyExists`](ErrorKind::AlreadyExists), and what the file server says.
pub fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> Result<()> {
    fs::soft_link(original, link)
}

/// Sets owner and group; symbolic links are followed. `None` leaves one as it is.
///
/// # Errors
/// What the file server says.
pub fn chown<P: AsRef<Path>>(path: P, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
    fs::set_owner(path.as_ref(), uid, gid, true)
}

/// As [`chown`], of a symbolic link itself.
///
/// # Errors
/// What the file server says.
pub fn lchown<P: AsRef<Path>>(path: P, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
    fs::set_owner(path.as_ref(), uid, gid, false)
}

/// Reading and writing at a place, without the cursor. Several threads may do so at the same time.
pub trait FileExt {
    /// Reads from `offset` on, and returns how many bytes; 0 is the end.
    ///
    /// # Errors
    /// What the file server says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize>;

    /// Writes from `offset` on, and returns how many bytes. To a file that is open for appending it
    /// goes to the end, as on Linux.
    ///
    /// # Errors
    /// What the file server says.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize>;

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at); [`UnexpectedEof`](ErrorKind::UnexpectedEof).
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.read_at(&mut bytes[done..], offset.saturating_add(done as u64)) {
                Ok(0) => {
                    return Err(Error::text(
                        ErrorKind::UnexpectedEof,
                        "failed to fill whole buffer",
                    ));
                }
                Ok(count) => done = min(done + count, bytes.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all of `bytes` from `offset` on.
    ///
    /// # Errors
    /// As [`write_at`](Self::write_at); [`WriteZero`](ErrorKind::WriteZero).
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.write_at(&bytes[done..], offset.saturating_add(done as u64)) {
                Ok(0) => {
                    return Err(Error::text(
                        ErrorKind::WriteZero,
                        "failed to write whole buffer",
                    ));
                }
                Ok(count) => done = min(done + count, bytes.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl FileExt for File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        self.read_from(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize> {
        self.write_to(bytes, offset)
    }
}

/// What Linux has beyond std's options.
pub trait OpenOptionsExt {
    /// Permissions of a file that is made; those to write for group and others are taken away, as
    /// with a umask of 022. 0o666 unless it is called.
    fn mode(&mut self, mode: u32) -> &mut Self;

    /// More `O_` flags of Linux's, for the server; those that say how it is accessed are left out.
    fn custom_flags(&mut self, flags: i32) -> &mut Self;
}

impl OpenOptionsExt for OpenOptions {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.set_mode(mode);
        self
    }

    fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.set_custom(flags.cast_unsigned());
        self
    }
}

/// Permissions as a mode.
pub trait PermissionsExt {
    /// The mode.
    fn mode(&self) -> u32;
    /// Another mode.
    fn set_mode(&mut self, mode: u32);
    /// From a mode.
    fn from_mode(mode: u32) -> Self;
}

impl PermissionsExt for Permissions {
    fn mode(&self) -> u32 {
        self.mode_bits()
    }

    fn set_mode(&mut self, mode: u32) {
        *self = Permissions::of_mode(mode);
    }

    fn from_mode(mode: u32) -> Permissions {
        Permissions::of_mode(mode)
    }
}

macro_rules! metadata {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = |$attributes:ident| $value:expr;)*) => {
        /// What Unix knows about a file.
        pub trait MetadataExt {
            /// The volume, as a number: from 1, in the order of mounting.
            fn dev(&self) -> u64;
            $($(#[doc = $doc])+ fn $name(&self) -> $type;)*
        }

        impl MetadataExt for Metadata {
            fn dev(&self) -> u64 {
                self.volume()
            }

            $(fn $name(&self) -> $type {
                let $attributes = self.attributes();
                $value
            })*
        }
    };
}

metadata! {
    /// The server's number of the file.
    ino: u64 = |it| it.qid.path;
    /// Kind and permissions.
    mode: u32 = |it| it.mode;
    /// Hard links.
    nlink: u64 = |it| it.links;
    /// Owner.
    uid: u32 = |it| it.uid;
    /// Group.
    gid: u32 = |it| it.gid;
    /// Device number of a device file.
    rdev: u64 = |it| it.rdev;
    /// Bytes.
    size: u64 = |it| it.size;
    /// Last access, seconds since 1970.
    atime: i64 = |it| it.accessed.seconds.cast_signed();
    /// Its nanoseconds.
    atime_nsec: i64 = |it| it.accessed.nanoseconds.cast_signed();
    /// Last change of the content, seconds since 1970.
    mtime: i64 = |it| it.modified.seconds.cast_signed();
    /// Its nanoseconds.
    mtime_nsec: i64 = |it| it.modified.nanoseconds.cast_signed();
    /// Last change of content or attributes, seconds since 1970.
    ctime: i64 = |it| it.changed.seconds.cast_signed();
    /// Its nanoseconds.
    ctime_nsec: i64 = |it| it.changed.nanoseconds.cast_signed();
    /// Preferred size of reads and writes, bytes.
    blksize: u64 = |it| it.block_size;
    /// Units of 512 bytes.
    blocks: u64 = |it| it.blocks;
}

/// What Unix has beyond files, directories and links.
pub trait FileTypeExt {
    /// Whether it is a block device.
    fn is_block_device(&self) -> bool;
    /// Whether it is a character device.
    fn is_char_device(&self) -> bool;
    /// Whether it is a named pipe.
    fn is_fifo(&self) -> bool;
    /// Whether it is a socket.
    fn is_socket(&self) -> bool;
}

impl FileTypeExt for FileType {
    fn is_block_device(&self) -> bool {
        self.is(0o060_000)
    }

    fn is_char_device(&self) -> bool {
        self.is(0o020_000)
    }

    fn is_fifo(&self) -> bool {
        self.is(0o010_000)
    }

    fn is_socket(&self) -> bool {
        self.is(0o140_000)
    }
}

/// What Unix tells about a name in a directory.
pub trait DirEntryExt {
    /// The server's number of the file; 0 above mounted volumes.
    fn ino(&self) -> u64;
}

impl DirEntryExt for DirEntry {
    fn ino(&self) -> u64 {
        self.number().unwrap_or(0)
    }
}

/// A name in a directory, by reference; unstable in std.
pub trait DirEntryExt2 {
    /// The name.
    fn file_name_ref(&self) -> &OsStr;
}

impl DirEntryExt2 for DirEntry {
    fn file_name_ref(&self) -> &OsStr {
        self.name()
    }
}

/// Permissions of directories that are made.
pub trait DirBuilderExt {
    /// Those; those to write for group and others are taken away, as with a umask of 022. 0o777
    /// unless it is called.
    fn mode(&mut self, mode: u32) -> &mut Self;
}

impl DirBuilderExt for DirBuilder {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.set_mode(mode);
        self
    }
}
