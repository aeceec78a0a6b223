//! Names in directories: what gives, takes and changes them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Body, Content, Inode, PATH_MAX, Tree};
use crate::Errno;
use crate::wire::mode;

/// A directory: its entries, in the order in which they were made.
#[derive(Clone, Debug)]
pub struct Directory {
    parent: Inode,
    /// By number, which no other entry of the directory ever has again.
    entries: BTreeMap<u64, (Vec<u8>, Inode)>,
    numbers: BTreeMap<Vec<u8>, u64>,
    next: u64,
}

impl Directory {
    pub(super) const fn new(parent: Inode) -> Self {
        Self {
            parent,
            entries: BTreeMap::new(),
            numbers: BTreeMap::new(),
            next: Self::FIRST,
        }
    }

    /// Number of the first entry: those below are `.` and `..`.
    const FIRST: u64 = 3;

    /// How many entries there are, without `.` and `..`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The directory above; the root's is the root.
    #[must_use]
    pub const fn parent(&self) -> Inode {
        self.parent
    }

    /// What has that name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<Inode> {
        let number = self.numbers.get(name)?;
        Some(self.entries[number].1)
    }

    /// Entries with numbers above `number`, `.` (1) and `..` (2) first, in order.
    pub fn after(&self, number: u64, own: Inode) -> impl Iterator<Item = (u64, &[u8], Inode)> {
        let dots = [(1, b".".as_slice(), own), (2, b"..", self.parent)];
        let from = number.max(Self::FIRST - 1) + 1;
        dots.into_iter().filter(move |dot| dot.0 > number).chain(
            self.entries
                .range(from..)
                .map(|(number, (name, inode))| (*number, name.as_slice(), *inode)),
        )
    }

    fn insert(&mut self, name: &[u8], inode: Inode) {
        let number = self.next;
        self.next += 1;
        self.numbers.insert(name.to_vec(), number);
        self.entries.insert(number, (name.to_vec(), inode));
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some(number) = self.numbers.remove(name) {
            self.entries.remove(&number);
        }
    }
}

impl Tree {
    /// What has that name in `directory`; `..` is the one above.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`; `EINVAL` for what cannot be a name.
    pub fn lookup(&self, directory: Inode, name: &[u8]) -> Result<Inode, Errno> {
        let node = self.node(directory);
        let Body::Directory(entries) = &node.body else {
            return Err(Errno::ENOTDIR);
        };
        match name {
            b"." => return Ok(directory),
            b".." => return Ok(entries.parent),
            _ => self.check_name(name)?,
        }
        entries.get(name).ok_or(Errno::ENOENT)
    }

    /// Makes an empty file.
    ///
    /// # Errors
    /// As `open(2)` with `O_CREAT | O_EXCL`.
    pub fn create(
        &mut self,
        directory: Inode,
        name: &[u8],
        mode: u32,
        gid: u32,
    ) -> Result<Inode, Errno> {
        let body = Body::File(Content::default());
        let mode = mode::REGULAR | mode & mode::PERMISSIONS;
        self.make(directory, name, mode, gid, body)
    }

    /// Makes an empty directory.
    ///
    /// # Errors
    /// As `mkdir(2)`.
    pub fn make_directory(
        &mut self,
        directory: Inode,
        name: &[u8],
        mode: u32,
        gid: u32,
    ) -> Result<Inode, Errno> {
        let body = Body::Directory(Directory::new(directory));
        let mode = mode::DIRECTORY | mode & 0o1777;
        let made = self.make(directory, name, mode, gid, body)?;
        self.node_mut(made).links += 1;
        self.node_mut(directory).links += 1;
        Ok(made)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As `symlink(2)`.
    pub fn symlink(
        &mut self,
        directory: Inode,
        name: &[u8],
        target: &[u8],
        gid: u32,
    ) -> Result<Inode, Errno> {
        match target.len() {
            0 => return Err(Errno::ENOENT),
            PATH_MAX.. => return Err(Errno::ENAMETOOLONG),
            _ => {}
        }
        let body = Body::Symlink(target.to_vec());
        self.make(directory, name, mode::SYMLINK | 0o777, gid, body)
    }

    /// Makes a device, a pipe or a socket that nothing can be done with.
    ///
    /// # Errors
    /// As `mknod(2)`.
    pub fn make_special(
        &mut self,
        directory: Inode,
        name: &[u8],
        mode: u32,
    ) -> Result<Inode, Errno> {
        self.make(directory, name, mode, 0, Body::Special)
    }

    /// Gives `inode` another name.
    ///
    /// # Errors
    /// As `link(2)`.
    pub fn link(&mut self, directory: Inode, inode: Inode, name: &[u8]) -> Result<(), Errno> {
        self.absent(directory, name)?;
        self.writable()?;
        if self.node(inode).is_directory() {
            return Err(Errno::EPERM);
        }
        if self.node(inode).links == 0 {
            return Err(Errno::ENOENT);
        }
        let now = self.now();
        let node = self.node_mut(inode);
        node.links += 1;
        node.changed = now;
        self.enter(directory, name, inode);
        Ok(())
    }

    /// Takes a name away: a directory's if `is_directory`, another's if not.
    ///
    /// # Errors
    /// As `rmdir(2)` and `unlink(2)`.
    pub fn unlink(
        &mut self,
        directory: Inode,
        name: &[u8],
        is_directory: bool,
    ) -> Result<(), Errno> {
        match name {
            b"." if is_directory => return Err(Errno::EINVAL),
            b".." if is_directory => return Err(Errno::ENOTEMPTY),
            b"." | b".." => return Err(Errno::EISDIR),
            _ => {}
        }
        self.writable()?;
        let inode = self.lookup(directory, name)?;
        match (&self.node(inode).body, is_directory) {
            (Body::Directory(entries), true) if !entries.is_empty() => Err(Errno::ENOTEMPTY),
            (Body::Directory(_), false) => Err(Errno::EISDIR),
            (Body::Directory(_), true) => {
                self.forget(directory, name);
                Ok(())
            }
            (_, true) => Err(Errno::ENOTDIR),
            (_, false) => {
                self.forget(directory, name);
                Ok(())
            }
        }
    }

    /// Changes a name, and takes the place of what has the new one.
    ///
    /// # Errors
    /// As `rename(2)`.
    pub fn rename(
        &mut self,
        from: Inode,
        name: &[u8],
        to: Inode,
        new_name: &[u8],
    ) -> Result<(), Errno> {
        for directory in [from, to] {
            if !self.node(directory).is_directory() {
                return Err(Errno::ENOTDIR);
            }
        }
        if [name, new_name].iter().any(|n| matches!(*n, b"." | b"..")) {
            return Err(Errno::EBUSY);
        }
        self.writable()?;
        let inode = self.lookup(from, name)?;
        let replaced = match self.lookup(to, new_name) {
            Ok(replaced) => Some(replaced),
            Err(Errno::ENOENT) => None,
            Err(errno) => return Err(errno),
        };
        if self.is_within(to, inode) {
            return Err(Errno::EINVAL);
        }
        if replaced.is_some_and(|replaced| from != to && self.is_within(from, replaced)) {
            return Err(Errno::ENOTEMPTY);
        }
        if replaced == Some(inode) {
            return Ok(());
        }
        if self.node(to).links == 0 {
            return Err(Errno::ENOENT);
        }
        let is_directory = self.node(inode).is_directory();
        if let Some(replaced) = replaced {
            match (is_directory, &self.node(replaced).body) {
                (true, Body::Directory(entries)) if !entries.is_empty() => {
                    return Err(Errno::ENOTEMPTY);
                }
                (true, Body::Directory(_)) => {}
                (true, _) => return Err(Errno::ENOTDIR),
                (false, Body::Directory(_)) => return Err(Errno::EISDIR),
                (false, _) => {}
            }
            self.forget(to, new_name);
        }
        let now = self.now();
        self.directory_mut(from).remove(name);
        self.node_mut(from).touch(now);
        self.enter(to, new_name, inode);
        self.node_mut(inode).changed = now;
        if is_directory && from != to {
            self.node_mut(from).links -= 1;
            self.node_mut(to).links += 1;
            self.directory_mut(inode).parent = to;
        }
        Ok(())
    }

    fn make(
        &mut self,
        directory: Inode,
        name: &[u8],
        mode: u32,
        gid: u32,
        body: Body,
    ) -> Result<Inode, Errno> {
        self.absent(directory, name)?;
        self.writable()?;
        let inode = self.add(mode, gid, body);
        self.node_mut(inode).links = 1;
        self.enter(directory, name, inode);
        Ok(inode)
    }

    /// That a name could be made there.
    fn absent(&self, directory: Inode, name: &[u8]) -> Result<(), Errno> {
        match self.lookup(directory, name) {
            Ok(_) => Err(Errno::EEXIST),
            Err(Errno::ENOENT) if self.node(directory).links == 0 => Err(Errno::ENOENT),
            Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    const fn check_name(&self, name: &[u8]) -> Result<(), Errno> {
        let mut i = 0;
        while i < name.len() {
            if matches!(name[i], b'/' | 0) {
                return Err(Errno::EINVAL);
            }
            i += 1;
        }
        match name.len() {
            0 => Err(Errno::EINVAL),
            len if len > self.name_len => Err(Errno::ENAMETOOLONG),
            _ => Ok(()),
        }
    }

    /// Whether `directory` is `above` or below it.
    fn is_within(&self, mut directory: Inode, above: Inode) -> bool {
        loop {
            if directory == above {
                return true;
            }
            match &self.node(directory).body {
                Body::Directory(entries) if entries.parent != directory => {
                    directory = entries.parent;
                }
                _ => return false,
            }
        }
    }

    pub(super) fn directory_mut(&mut self, inode: Inode) -> &mut Directory {
        match &mut self.node_mut(inode).body {
            Body::Directory(entries) => entries,
            _ => panic!("{inode:?} is no directory"),
        }
    }

    fn enter(&mut self, directory: Inode, name: &[u8], inode: Inode) {
        let now = self.now();
        self.directory_mut(directory).insert(name, inode);
        self.node_mut(directory).touch(now);
    }

    /// Takes a name away, and the file with it if it was the last and nobody holds it.
    fn forget(&mut self, directory: Inode, name: &[u8]) {
        let inode = self.directory_mut(directory).get(name).expect("looked up");
        let now = self.now();
        self.directory_mut(directory).remove(name);
        self.node_mut(directory).touch(now);
        let node = self.node_mut(inode);
        node.links -= 1;
        node.changed = now;
        if node.is_directory() {
            node.links = 0;
            // Where it was may be gone before it is.
            self.directory_mut(inode).parent = inode;
            self.node_mut(directory).links -= 1;
        }
        self.reap(inode);
    }
}
