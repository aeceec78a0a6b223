//! Linux's side.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::operation::{Operation, Outcome, Place, SLOTS, Seen, Stat};

/// A folder of its own, and what is open in it.
pub(crate) struct Host {
    folder: tempfile::TempDir,
    root: OwnedFd,
    slots: [Option<(OwnedFd, u32)>; SLOTS],
}

const CLOSE: OFlags = OFlags::CLOEXEC;

impl Host {
    pub(crate) fn new() -> Self {
        // So that modes are what they are asked to be.
        rustix::process::umask(Mode::empty());
        let folder = tempfile::tempdir().expect("a folder");
        let root = File::open(folder.path()).expect("it is there").into();
        let slots = [const { None }; SLOTS];
        Self {
            folder,
            root,
            slots,
        }
    }

    pub(crate) fn play(&mut self, operation: &Operation) -> Outcome {
        match self.try_play(operation) {
            Ok(seen) => Ok(seen),
            Err(errno) => Err(errno.raw_os_error()),
        }
    }

    pub(crate) fn close_all(&mut self) {
        self.slots = [const { None }; SLOTS];
    }

    /// All there is: path, what it is, content.
    pub(crate) fn listing(&self) -> Vec<(String, Stat, Vec<u8>)> {
        let mut found = Vec::new();
        list(self.folder.path(), "", &mut found);
        found
    }

    /// The directory that a place is in; `None` if its slot is empty.
    fn directory(&self, place: &Place) -> Result<Option<OwnedFd>, Errno> {
        let start = match place.slot {
            None => &self.root,
            Some(slot) => match &self.slots[slot] {
                Some((open, _)) => open,
                None => return Ok(None),
            },
        };
        let mut at = start.try_clone().expect("descriptors are left");
        for name in &place.directories {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | CLOSE;
            at = rustix::fs::openat(&at, *name, flags, Mode::empty())?;
        }
        // As the other side does: before the name is looked for.
        if !FileType::from_raw_mode(rustix::fs::fstat(&at)?.st_mode).is_dir() {
            return Err(Errno::NOTDIR);
        }
        Ok(Some(at))
    }

    fn try_play(&mut self, operation: &Operation) -> Result<Seen, Errno> {
        /// The directory, or nothing is done.
        macro_rules! directory {
            ($place:expr) => {
                match self.directory($place)? {
                    Some(directory) => directory,
                    None => return Ok(Seen::Skipped),
                }
            };
        }
        macro_rules! open {
            ($slot:expr) => {
                match &self.slots[*$slot] {
                    Some(open) => open,
                    None => return Ok(Seen::Skipped),
                }
            };
        }
        match operation {
            Operation::Open { slot, place, flags } => {
                let directory = directory!(place);
                let wanted = OFlags::from_bits_retain(*flags) | OFlags::NOFOLLOW | CLOSE;
                let open = rustix::fs::openat(&directory, &*place.name, wanted, Mode::empty())?;
                self.slots[*slot] = Some((open, *flags));
            }
            Operation::Create {
                slot,
                place,
                flags,
                mode,
            } => {
                let directory = directory!(place);
                let wanted = OFlags::from_bits_retain(*flags | 0o100) | OFlags::NOFOLLOW | CLOSE;
                let mode = Mode::from_raw_mode(*mode);
                let open = rustix::fs::openat(&directory, &*place.name, wanted, mode)?;
                self.slots[*slot] = Some((open, *flags));
            }
            Operation::Close { slot } => {
                open!(slot);
                self.slots[*slot] = None;
            }
            Operation::Read {
                slot,
                offset,
                count,
            } => {
                let mut buffer = vec![0; *count as usize];
                let n = rustix::io::pread(&open!(slot).0, &mut buffer, *offset)?;
                buffer.truncate(n);
                return Ok(Seen::Bytes(buffer));
            }
            Operation::Write { slot, offset, data } => {
                let n = rustix::io::pwrite(&open!(slot).0, data, *offset)?;
                return Ok(Seen::Count(n));
            }
            Operation::SetLen { slot, len } => {
                let (open, flags) = open!(slot);
                if flags & 3 == 0 {
                    return Ok(Seen::Skipped); // The protocol asks for no right of the file's.
                }
                rustix::fs::ftruncate(open, *len)?;
            }
            Operation::Stat { slot } => {
                return Ok(Seen::Stat(stat(&rustix::fs::fstat(&open!(slot).0)?)));
            }
            Operation::List { slot } => {
                let (open, _) = open!(slot);
                if !FileType::from_raw_mode(rustix::fs::fstat(open)?.st_mode).is_dir() {
                    return Ok(Seen::Skipped);
                }
                let mut names = Vec::new();
                rustix::fs::seek(open, rustix::fs::SeekFrom::Start(0))?;
                let mut buffer = Vec::with_capacity(4096);
                let mut entries = rustix::fs::RawDir::new(open, buffer.spare_capacity_mut());
                while let Some(entry) = entries.next() {
                    let entry = entry?;
                    let kind = match entry.file_type() {
                        FileType::Directory => 4,
                        FileType::Symlink => 10,
                        FileType::RegularFile => 8,
                        other => panic!("{other:?}"),
                    };
                    names.push((entry.file_name().to_bytes().to_vec(), kind));
                }
                names.sort();
                return Ok(Seen::Names(names));
            }
            Operation::MakeDirectory { place, mode } => {
                let mode = Mode::from_raw_mode(*mode);
                rustix::fs::mkdirat(&directory!(place), &*place.name, mode)?;
            }
            Operation::Unlink {
                place,
                is_directory,
            } => {
                let flags = if *is_directory {
                    AtFlags::REMOVEDIR
                } else {
                    AtFlags::empty()
                };
                rustix::fs::unlinkat(&directory!(place), &*place.name, flags)?;
            }
            Operation::Rename { from, to } => {
                let (old, new) = (directory!(from), directory!(to));
                let flags = RenameFlags::empty();
                rustix::fs::renameat_with(&old, &*from.name, &new, &*to.name, flags)?;
            }
            Operation::Link { from, to } => {
                let (old, new) = (directory!(from), directory!(to));
                // The protocol walks to the old name first.
                rustix::fs::statat(&old, &*from.name, AtFlags::SYMLINK_NOFOLLOW)?;
                rustix::fs::linkat(&old, &*from.name, &new, &*to.name, AtFlags::empty())?;
            }
            Operation::Symlink { place, target } => {
                rustix::fs::symlinkat(&**target, &directory!(place), &*place.name)?;
            }
            Operation::ReadLink { place } => {
                let target = rustix::fs::readlinkat(&directory!(place), &*place.name, vec![])?;
                return Ok(Seen::Bytes(target.into_bytes()));
            }
            Operation::StatAt { place } => {
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                let told = rustix::fs::statat(&directory!(place), &*place.name, flags)?;
                return Ok(Seen::Stat(stat(&told)));
            }
            Operation::SetMode { place, mode } => {
                let directory = directory!(place);
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                let told = rustix::fs::statat(&directory, &*place.name, flags)?;
                if FileType::from_raw_mode(told.st_mode).is_symlink() {
                    return Ok(Seen::Skipped); // Not every Linux can tell.
                }
                let mode = Mode::from_raw_mode(*mode);
                rustix::fs::chmodat(&directory, &*place.name, mode, AtFlags::empty())?;
            }
            Operation::SetLenAt { place, len } => {
                let directory = directory!(place);
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                let told = rustix::fs::statat(&directory, &*place.name, flags)?;
                match FileType::from_raw_mode(told.st_mode) {
                    FileType::RegularFile => {
                        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | CLOSE;
                        let open =
                            rustix::fs::openat(&directory, &*place.name, flags, Mode::empty())?;
                        rustix::fs::ftruncate(&open, *len)?;
                    }
                    FileType::Directory => return Err(Errno::ISDIR),
                    _ => return Ok(Seen::Skipped),
                }
            }
        }
        Ok(Seen::Done)
    }
}

fn stat(told: &rustix::fs::Stat) -> Stat {
    let is_directory = FileType::from_raw_mode(told.st_mode).is_dir();
    Stat {
        mode: told.st_mode,
        size: if is_directory {
            0
        } else {
            told.st_size.unsigned_abs()
        },
        links: if is_directory { 0 } else { told.st_nlink },
    }
}

fn list(folder: &Path, path: &str, found: &mut Vec<(String, Stat, Vec<u8>)>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("it can be read")
        .map(|entry| entry.expect("it can be read"))
        .collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().into_string().expect("ASCII");
        let path = format!("{path}/{name}");
        let told = entry.metadata().expect("it is there");
        let kind = told.file_type();
        let content = if kind.is_file() {
            std::fs::read(entry.path()).expect("it can be read")
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path()).expect("a link");
            target.as_os_str().as_bytes().to_vec()
        } else {
            Vec::new()
        };
        let stat = Stat {
            mode: told.mode(),
            size: if kind.is_dir() { 0 } else { told.size() },
            links: if kind.is_dir() { 0 } else { told.nlink() },
        };
        found.push((path.clone(), stat, content));
        if kind.is_dir() {
            list(&entry.path(), &path, found);
        }
    }
}
