//! What each request does.

use alloc::vec::Vec;

use super::{Handle, Server};
use crate::Errno;
use crate::test_utils::tree::{Body, Inode, Tree};
use crate::wire::{
    Data, DirEntry, Fid, IO_HEADER_LEN, Lock, LockKind, LockStatus, MIN_MSIZE, Request, Response,
    VERSION, is_name, open,
};

/// Bytes of an answer before its data.
const ANSWER_HEADER_LEN: u32 = 11;
const _: () = assert!(ANSWER_HEADER_LEN < IO_HEADER_LEN);

impl Server {
    /// Does it.
    pub(super) fn execute(&mut self, request: &Request<'_>) -> Result<Response, Errno> {
        match *request {
            Request::Version { msize, version } => self.version(msize, version),
            Request::Attach { fid, .. } => {
                self.insert(fid, Tree::ROOT)?;
                Ok(Response::Attached(self.tree.qid(Tree::ROOT)))
            }
            Request::Walk {
                fid,
                new_fid,
                names,
            } => self.walk(fid, new_fid, names),
            Request::Open { fid, flags } => self.open(fid, flags),
            Request::Create {
                fid,
                name,
                flags,
                mode,
                gid,
            } => self.create(fid, name, flags, (mode, gid)),
            Request::Symlink {
                directory,
                name,
                target,
                gid,
            } => {
                let directory = self.directory(directory, name)?;
                let made = self.tree.symlink(directory, name, target, gid)?;
                Ok(Response::Made(self.tree.qid(made)))
            }
            Request::MakeDirectory {
                directory,
                name,
                mode,
                gid,
            } => {
                let directory = self.directory(directory, name)?;
                let made = self.tree.make_directory(directory, name, mode, gid)?;
                Ok(Response::Made(self.tree.qid(made)))
            }
            Request::ReadLink { fid } => {
                let inode = self.handle(fid)?.inode;
                Ok(Response::Link(self.tree.read_link(inode)?.to_vec()))
            }
            Request::GetAttributes { fid, .. } => {
                let inode = self.named(fid)?;
                Ok(Response::Attributes(self.tree.attributes(inode)))
            }
            Request::SetAttributes { fid, attributes } => {
                let inode = self.named(fid)?;
                self.tree.set_attributes(inode, &attributes)?;
                Ok(Response::Done)
            }
            Request::ReadDirectory { fid, offset, count } => {
                self.read_directory(fid, offset, count)
            }
            Request::Sync { fid, .. } => {
                self.opened(fid)?;
                Ok(Response::Done)
            }
            Request::Lock { fid, lock } => self.lock(fid, &lock),
            Request::Link {
                directory,
                fid,
                name,
            } => {
                let directory = self.directory(directory, name)?;
                let inode = self.handle(fid)?.inode;
                self.tree.link(directory, inode, name)?;
                Ok(Response::Done)
            }
            Request::Rename {
                from,
                name,
                to,
                new_name,
            } => {
                let from = self.directory(from, name)?;
                let to = self.directory(to, new_name)?;
                self.tree.rename(from, name, to, new_name)?;
                Ok(Response::Done)
            }
            Request::Unlink {
                directory,
                name,
                is_directory,
            } => {
                let directory = self.directory(directory, name)?;
                self.tree.unlink(directory, name, is_directory)?;
                Ok(Response::Done)
            }
            Request::Statfs { fid } => {
                self.handle(fid)?;
                Ok(Response::Statfs(self.tree.statfs()))
            }
            Request::Read { fid, offset, count } => {
                let (inode, flags) = self.opened(fid)?;
                if flags & open::ACCESS == open::WRITE_ONLY {
                    return Err(Errno::EBADF);
                }
                let count = self.fitting(count);
                let data = self.tree.read(inode, offset, count as usize)?;
                Ok(Response::Data(Data::from(data)))
            }
            Request::Write { fid, offset, data } => self.write(fid, offset, data),
            Request::Clunk { fid } => {
                let handle = self.handle(fid)?;
                self.fids.remove(&fid);
                self.locks.forget(fid);
                self.tree.release(handle.inode);
                Ok(Response::Done)
            }
            // Whatever it was is done: requests are answered one by one.
            Request::Flush { .. } => Ok(Response::Done),
        }
    }

    fn version(&mut self, msize: u32, version: &[u8]) -> Result<Response, Errno> {
        for (_, handle) in core::mem::take(&mut self.fids) {
            self.tree.release(handle.inode);
        }
        self.locks.clear();
        if version != VERSION {
            self.msize = None;
            let version = b"unknown".to_vec();
            return Ok(Response::Version { msize, version });
        }
        if msize < MIN_MSIZE {
            return Err(Errno::EMSGSIZE);
        }
        let msize = msize.min(self.max_msize);
        self.msize = Some(msize);
        let version = version.to_vec();
        Ok(Response::Version { msize, version })
    }

    fn walk(&mut self, fid: Fid, new_fid: Fid, names: &[&[u8]]) -> Result<Response, Errno> {
        let handle = self.handle(fid)?;
        if fid == new_fid && handle.open.is_some() {
            self.complain("an open file is walked away");
            return Err(Errno::EINVAL);
        }
        if fid != new_fid && self.fids.contains_key(&new_fid) {
            self.complain("a file number that is taken");
            return Err(Errno::EINVAL);
        }
        let mut at = handle.inode;
        let mut qids = Vec::new();
        for name in names {
            self.check_name(name);
            match self.tree.lookup(at, name) {
                Ok(found) => at = found,
                Err(errno) if qids.is_empty() => return Err(errno),
                Err(_) => break,
            }
            qids.push(self.tree.qid(at));
        }
        if qids.len() == names.len() {
            if fid == new_fid {
                self.tree.hold(at);
                self.tree.release(handle.inode);
                let open = None;
                self.fids.insert(fid, Handle { inode: at, open });
            } else {
                self.insert(new_fid, at)?;
            }
        }
        Ok(Response::Walked(qids))
    }

    fn open(&mut self, fid: Fid, flags: u32) -> Result<Response, Errno> {
        let handle = self.unopened(fid)?;
        let inode = handle.inode;
        let writes = flags & open::ACCESS != open::READ_ONLY;
        match self.tree.node(inode).body {
            Body::Directory(_) if writes || flags & open::TRUNCATE != 0 => {
                return Err(Errno::EISDIR);
            }
            Body::Directory(_) => {}
            _ if flags & open::DIRECTORY != 0 => return Err(Errno::ENOTDIR),
            Body::Symlink(_) => return Err(Errno::ELOOP),
            Body::File(_) => {}
            Body::Special => return Err(Errno::ENXIO),
        }
        if self.tree.read_only && (writes || flags & open::TRUNCATE != 0) {
            return Err(Errno::EROFS);
        }
        if flags & open::TRUNCATE != 0 {
            self.tree.set_len(inode, 0);
        }
        let open = Some(flags);
        self.fids.insert(fid, Handle { inode, open });
        Ok(self.opened_answer(inode))
    }

    fn create(
        &mut self,
        fid: Fid,
        name: &[u8],
        flags: u32,
        (mode, gid): (u32, u32),
    ) -> Result<Response, Errno> {
        let directory = self.unopened(fid)?.inode;
        self.check_name(name);
        let inode = match self.tree.lookup(directory, name) {
            Ok(_) if flags & open::EXCLUSIVE != 0 => return Err(Errno::EEXIST),
            Ok(inode) => {
                match self.tree.node(inode).body {
                    Body::Directory(_) => return Err(Errno::EISDIR),
                    Body::Symlink(_) => return Err(Errno::ELOOP),
                    Body::Special => return Err(Errno::ENXIO),
                    Body::File(_) => {}
                }
                let writes = flags & open::ACCESS != open::READ_ONLY;
                if self.tree.read_only && (writes || flags & open::TRUNCATE != 0) {
                    return Err(Errno::EROFS);
                }
                if flags & open::TRUNCATE != 0 {
                    self.tree.set_len(inode, 0);
                }
                inode
            }
            Err(Errno::ENOENT) => self.tree.create(directory, name, mode, gid)?,
            Err(errno) => return Err(errno),
        };
        self.tree.hold(inode);
        self.tree.release(directory);
        let open = Some(flags);
        self.fids.insert(fid, Handle { inode, open });
        Ok(self.opened_answer(inode))
    }

    fn opened_answer(&self, inode: Inode) -> Response {
        let qid = self.tree.qid(inode);
        let unit = self.unit;
        Response::Opened { qid, unit }
    }

    fn read_directory(&mut self, fid: Fid, offset: u64, count: u32) -> Result<Response, Errno> {
        let (inode, _) = self.opened(fid)?;
        let room = self.fitting(count) as usize;
        let node = self.tree.node(inode);
        let Body::Directory(entries) = &node.body else {
            return Err(Errno::ENOTDIR);
        };
        if node.links == 0 {
            return Err(Errno::ENOENT);
        }
        let mut out = Vec::new();
        let mut is_end = true;
        for (number, name, inode) in entries.after(number(offset), inode) {
            let before = out.len();
            let mode = self.tree.node(inode).mode;
            DirEntry {
                qid: self.tree.qid(inode),
                offset: self::offset(number),
                kind: u8::try_from(mode >> 12 & 15).expect("four bits"),
                name,
            }
            .encode(&mut out);
            if out.len() > room {
                out.truncate(before);
                is_end = false;
                break;
            }
        }
        if out.is_empty() && !is_end {
            return Err(Errno::EINVAL);
        }
        Ok(Response::Directory(Data::from(out)))
    }

    fn lock(&mut self, fid: Fid, lock: &Lock<'_>) -> Result<Response, Errno> {
        let (inode, flags) = self.opened(fid)?;
        let may = match lock.kind {
            LockKind::Read => flags & open::ACCESS != open::WRITE_ONLY,
            LockKind::Write => flags & open::ACCESS != open::READ_ONLY,
            LockKind::Unlock => true,
        };
        if self.by_path {
            return Ok(Response::Locked(LockStatus::Success));
        }
        if !may {
            return Err(Errno::EBADF);
        }
        Ok(Response::Locked(self.locks.set(inode, fid, lock)?))
    }

    fn write(&mut self, fid: Fid, offset: u64, data: &[u8]) -> Result<Response, Errno> {
        let (inode, flags) = self.opened(fid)?;
        if flags & open::ACCESS == open::READ_ONLY {
            return Err(Errno::EBADF);
        }
        let offset = match &self.tree.node(inode).body {
            Body::File(content) if flags & open::APPEND != 0 => content.len(),
            _ => offset,
        };
        let done = self.tree.write(inode, offset, data)?;
        let done = u32::try_from(done).expect("no more than the data");
        Ok(Response::Written(done))
    }

    /// As much of `count` as fits into an answer.
    fn fitting(&mut self, count: u32) -> u32 {
        let most = self.msize.map_or(0, |msize| msize - ANSWER_HEADER_LEN);
        if count > most {
            self.complain("more is asked for than fits into an answer");
        }
        count.min(most)
    }

    fn handle(&mut self, fid: Fid) -> Result<Handle, Errno> {
        let Some(handle) = self.fids.get(&fid) else {
            self.complain("a file number that is not there");
            return Err(Errno::EBADF);
        };
        Ok(*handle)
    }

    /// One whose attributes can be told.
    fn named(&mut self, fid: Fid) -> Result<Inode, Errno> {
        let inode = self.handle(fid)?.inode;
        if self.by_path && self.tree.node(inode).links == 0 {
            return Err(Errno::ENOENT);
        }
        Ok(inode)
    }

    fn opened(&mut self, fid: Fid) -> Result<(Inode, u32), Errno> {
        let handle = self.handle(fid)?;
        match handle.open {
            Some(flags) => Ok((handle.inode, flags)),
            None => {
                self.complain("a file that is not open");
                Err(Errno::EBADF)
            }
        }
    }

    fn unopened(&mut self, fid: Fid) -> Result<Handle, Errno> {
        let handle = self.handle(fid)?;
        if handle.open.is_some() {
            self.complain("a file that is open is opened");
            return Err(Errno::EINVAL);
        }
        Ok(handle)
    }

    /// A directory in which `name` is to be something.
    fn directory(&mut self, fid: Fid, name: &[u8]) -> Result<Inode, Errno> {
        self.check_name(name);
        Ok(self.handle(fid)?.inode)
    }

    fn check_name(&mut self, name: &[u8]) {
        if !is_name(name) {
            self.complain("a name that is none");
        }
    }

    fn insert(&mut self, fid: Fid, inode: Inode) -> Result<(), Errno> {
        if fid == Fid::NONE || self.fids.contains_key(&fid) {
            self.complain("a file number that is taken");
            return Err(Errno::EINVAL);
        }
        if self.fids.len() >= self.max_fids {
            return Err(Errno::EMFILE);
        }
        self.tree.hold(inode);
        let open = None;
        self.fids.insert(fid, Handle { inode, open });
        Ok(())
    }
}

/// What an entry's number is multiplied by for its offset: a client must not find any order there.
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;
/// The inverse: Newton's method, right in twice as many bits each time.
const GATHER: u64 = {
    let mut inverse = SCATTER;
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(SCATTER.wrapping_mul(inverse)));
        i += 1;
    }
    inverse
};
/// Offsets are not negative for those who have them signed.
const OFFSET_BITS: u64 = u64::MAX >> 1;

const fn offset(number: u64) -> u64 {
    number.wrapping_mul(SCATTER) & OFFSET_BITS
}

const fn number(offset: u64) -> u64 {
    offset.wrapping_mul(GATHER) & OFFSET_BITS
}
