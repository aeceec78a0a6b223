//! Files in memory, with the rules and the errors of Linux for one who is root.
//!
//! Inodes count their names and their users: what has no name any more lives for as long as it is
//! held. Names are the business of `names.rs`; `outside.rs` has what tests do to the tree by paths,
//! as somebody else on the host would.

mod content;
mod names;
mod outside;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub use content::{Content, PAGE};
pub use names::Directory;

use crate::Errno;
use crate::wire::{
    AttributeMask, Attributes, Qid, QidKind, SetAttributes, SetTime, Statfs, Time, mode,
};

/// Number of an inode; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inode(pub u64);

/// What an inode is.
#[derive(Clone, Debug)]
pub enum Body {
    /// A regular file.
    File(Content),
    /// A directory.
    Directory(Directory),
    /// A symbolic link, and where it leads.
    Symlink(Vec<u8>),
    /// Something else, of the kind that the mode says: device, pipe, socket.
    Special,
}

/// A file, a directory or a link.
#[derive(Clone, Debug)]
pub struct Node {
    /// Kind and permissions, as Linux has them.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Names it has; a directory has two, and one of each directory in it.
    pub links: u32,
    /// Last access.
    pub accessed: Time,
    /// Last change of the content.
    pub modified: Time,
    /// Last change of the content or the attributes.
    pub changed: Time,
    /// Changes with the content.
    pub version: u32,
    /// What it is.
    pub body: Body,
    held: u32,
}

/// A file system in memory.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: BTreeMap<Inode, Node>,
    next: u64,
    clock: u64,
    free_pages: u64,
    pages: u64,
    /// Longest name, bytes.
    pub name_len: usize,
    /// Whether nothing may be changed (`EROFS`).
    pub read_only: bool,
}

/// Longest target of a link, as Linux has it.
const PATH_MAX: usize = 4096;

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// The directory all begins with.
    pub const ROOT: Inode = Inode(2);

    /// With an empty root and 1 GiB of room.
    #[must_use]
    pub fn new() -> Self {
        let mut tree = Self {
            nodes: BTreeMap::new(),
            next: Self::ROOT.0,
            clock: 1_700_000_000_000_000_000,
            free_pages: 1 << 18,
            pages: 1 << 18,
            name_len: 255,
            read_only: false,
        };
        let root = Body::Directory(Directory::new(Self::ROOT));
        let root = tree.add(mode::DIRECTORY | 0o755, 0, root);
        tree.node_mut(root).links = 2;
        tree
    }

    /// How much room there is, bytes, rounded down to pages.
    ///
    /// # Panics
    /// If more is taken already.
    pub fn set_capacity(&mut self, bytes: u64) {
        let taken = self.pages - self.free_pages;
        self.pages = bytes / PAGE as u64;
        self.free_pages = self.pages.checked_sub(taken).expect("more is taken");
    }

    /// Bytes that can still be written.
    #[must_use]
    pub const fn free(&self) -> u64 {
        self.free_pages * PAGE as u64
    }

    /// Number of inodes, those without a name included.
    #[must_use]
    pub fn inodes(&self) -> usize {
        self.nodes.len()
    }

    /// The file of that number.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn node(&self, inode: Inode) -> &Node {
        &self.nodes[&inode]
    }

    /// The same, to be changed as one likes.
    ///
    /// # Panics
    /// If there is none.
    pub fn node_mut(&mut self, inode: Inode) -> &mut Node {
        self.nodes.get_mut(&inode).expect("an inode")
    }

    /// Who it is, as the protocol says it.
    #[must_use]
    pub fn qid(&self, inode: Inode) -> Qid {
        let node = self.node(inode);
        let kind = match node.body {
            Body::Directory(_) => QidKind::DIR,
            Body::Symlink(_) => QidKind::SYMLINK,
            Body::File(_) | Body::Special => QidKind::empty(),
        };
        Qid {
            kind,
            version: node.version,
            path: inode.0,
        }
    }

    /// Keeps it even without a name; to be followed by [`release`](Self::release).
    pub fn hold(&mut self, inode: Inode) {
        self.node_mut(inode).held += 1;
    }

    /// The counterpart of [`hold`](Self::hold).
    pub fn release(&mut self, inode: Inode) {
        self.node_mut(inode).held -= 1;
        self.reap(inode);
    }

    /// All that `Tgetattr` tells.
    #[must_use]
    pub fn attributes(&self, inode: Inode) -> Attributes {
        let node = self.node(inode);
        let (size, pages) = match &node.body {
            Body::File(content) => (content.len(), content.pages()),
            Body::Directory(directory) => (directory.len() as u64 * 20, 0),
            Body::Symlink(target) => (target.len() as u64, 0),
            Body::Special => (0, 0),
        };
        Attributes {
            valid: AttributeMask::BASIC,
            qid: self.qid(inode),
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            links: u64::from(node.links),
            rdev: 0,
            size,
            block_size: PAGE as u64,
            blocks: pages * (PAGE as u64 / 512),
            accessed: node.accessed,
            modified: node.modified,
            changed: node.changed,
        }
    }

    /// Changes them.
    ///
    /// # Errors
    /// As `chmod(2)`, `truncate(2)` and the others; then nothing has changed.
    pub fn set_attributes(&mut self, inode: Inode, wish: &SetAttributes) -> Result<(), Errno> {
        self.writable()?;
        let now = self.now();
        if let Some(size) = wish.size {
            match self.node(inode).body {
                Body::File(_) if i64::try_from(size).is_err() => return Err(Errno::EINVAL),
                Body::File(_) => {}
                Body::Directory(_) => return Err(Errno::EISDIR),
                Body::Symlink(_) | Body::Special => return Err(Errno::EINVAL),
            }
        }
        if wish.mode.is_some() && matches!(self.node(inode).body, Body::Symlink(_)) {
            return Err(Errno::EOPNOTSUPP);
        }
        if let Some(size) = wish.size {
            self.set_len(inode, size);
        }
        let node = self.node_mut(inode);
        if wish.uid.is_some() || wish.gid.is_some() {
            node.uid = wish.uid.unwrap_or(node.uid);
            node.gid = wish.gid.unwrap_or(node.gid);
            if !matches!(node.body, Body::Directory(_)) {
                // Linux takes the set-id bits away with the owner, root's included.
                node.mode &= !0o4000;
                if node.mode & 0o010 != 0 {
                    node.mode &= !0o2000;
                }
            }
        }
        if let Some(bits) = wish.mode {
            node.mode = node.mode & mode::KIND | bits & mode::PERMISSIONS;
        }
        let time = |wish| match wish {
            SetTime::Now => now,
            SetTime::To(time) => time,
        };
        if let Some(wish) = wish.accessed {
            node.accessed = time(wish);
        }
        if let Some(wish) = wish.modified {
            node.modified = time(wish);
        }
        node.changed = now;
        Ok(())
    }

    /// Cuts a file off or lets it end with zeros.
    pub(super) fn set_len(&mut self, inode: Inode, len: u64) {
        let now = self.now();
        let node = self.node_mut(inode);
        if let Body::File(content) = &mut node.body {
            let freed = content.set_len(len);
            node.touch(now);
            self.free_pages += freed;
        }
    }

    /// At most `count` bytes from there.
    ///
    /// # Errors
    /// `EISDIR`; `EINVAL` for what is no file, and for offsets from 2^63.
    pub fn read(&mut self, inode: Inode, offset: u64, count: usize) -> Result<Vec<u8>, Errno> {
        if i64::try_from(offset).is_err() {
            return Err(Errno::EINVAL);
        }
        let now = self.now();
        let node = self.node_mut(inode);
        match &node.body {
            Body::File(content) => {
                node.accessed = now;
                Ok(content.read(offset, count))
            }
            Body::Directory(_) => Err(Errno::EISDIR),
            Body::Symlink(_) | Body::Special => Err(Errno::EINVAL),
        }
    }

    /// Writes there, or as much as there is room for.
    ///
    /// # Errors
    /// `ENOSPC` if there is none, `EFBIG` from 2^63 on; `EISDIR`; `EINVAL` for what is no file.
    pub fn write(&mut self, inode: Inode, offset: u64, data: &[u8]) -> Result<usize, Errno> {
        self.writable()?;
        let limit = i64::MAX.cast_unsigned();
        if offset > limit {
            return Err(Errno::EINVAL);
        }
        let now = self.now();
        let free = self.free_pages;
        let node = self.node_mut(inode);
        let content = match &mut node.body {
            Body::File(content) => content,
            Body::Directory(_) => return Err(Errno::EISDIR),
            Body::Symlink(_) | Body::Special => return Err(Errno::EINVAL),
        };
        if data.is_empty() {
            return Ok(0);
        }
        let room = usize::try_from(limit - offset).unwrap_or(usize::MAX);
        if room == 0 {
            return Err(Errno::EFBIG);
        }
        let (done, taken) = content.write(offset, &data[..data.len().min(room)], free);
        if done == 0 {
            return Err(Errno::ENOSPC);
        }
        node.touch(now);
        self.free_pages -= taken;
        Ok(done)
    }

    /// Where a link leads.
    ///
    /// # Errors
    /// `EINVAL` if it is none.
    pub fn read_link(&self, inode: Inode) -> Result<&[u8], Errno> {
        match &self.node(inode).body {
            Body::Symlink(target) => Ok(target),
            _ => Err(Errno::EINVAL),
        }
    }

    /// What `Tstatfs` tells.
    #[must_use]
    pub fn statfs(&self) -> Statfs {
        Statfs {
            kind: 0x0102_1994, // A tmpfs.
            block_size: 4096,
            blocks: self.pages,
            free_blocks: self.free_pages,
            available_blocks: self.free_pages,
            files: 1 << 20,
            free_files: (1 << 20) - self.nodes.len() as u64,
            id: 1,
            name_len: u32::try_from(self.name_len).unwrap_or(u32::MAX),
        }
    }

    /// A millisecond later each time.
    fn now(&mut self) -> Time {
        self.clock += 1_000_000;
        Time {
            seconds: self.clock / 1_000_000_000,
            nanoseconds: self.clock % 1_000_000_000,
        }
    }

    const fn writable(&self) -> Result<(), Errno> {
        if self.read_only {
            Err(Errno::EROFS)
        } else {
            Ok(())
        }
    }

    /// A new inode without a name.
    fn add(&mut self, mode: u32, gid: u32, body: Body) -> Inode {
        let now = self.now();
        let inode = Inode(self.next);
        self.next += 1;
        let node = Node {
            mode,
            uid: 0,
            gid,
            links: 0,
            accessed: now,
            modified: now,
            changed: now,
            version: 0,
            body,
            held: 0,
        };
        self.nodes.insert(inode, node);
        inode
    }

    /// Lets it go if nobody knows it any more.
    fn reap(&mut self, inode: Inode) {
        let node = self.node(inode);
        if node.links == 0 && node.held == 0 {
            let node = self.nodes.remove(&inode).expect("it was there");
            if let Body::File(content) = node.body {
                self.free_pages += content.pages();
            }
        }
    }
}

impl Node {
    /// The content changed.
    fn touch(&mut self, now: Time) {
        self.modified = now;
        self.changed = now;
        self.version = self.version.wrapping_add(1);
    }

    /// Whether it is a directory.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        matches!(self.body, Body::Directory(_))
    }
}
