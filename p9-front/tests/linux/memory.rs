//! The server's side: each operation in the messages that a client would send for it.

use p9_front::Error;
use p9_front::test_utils::server::Server;
use p9_front::test_utils::tree::{Body, Inode, Tree};
use p9_front::wire::{
    AttributeMask, Attributes, Fid, Request, Response, SetAttributes, VERSION, mode,
};

use crate::operation::{Operation, Outcome, Place, SLOTS, Seen, Stat};

const ROOT: Fid = Fid(100);
/// Where places are walked to.
const FIRST: Fid = Fid(101);
const SECOND: Fid = Fid(102);

pub(crate) struct Memory {
    server: Server,
    /// Flags of what is open; the file numbers are `2 * slot` and `2 * slot + 1`, in turns.
    slots: [Option<(Fid, u32)>; SLOTS],
}

/// An operation that ends early: with an error, or because there is nothing to do.
enum Stop {
    Refused(i32),
    Skipped,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::Server(errno) => Self::Refused(errno.number()),
            other => panic!("{other}"),
        }
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        let mut server = Server::new();
        let msize = 64 << 10;
        let version = VERSION;
        server
            .ask(&Request::Version { msize, version })
            .expect("a version");
        server
            .ask(&Request::Attach {
                fid: ROOT,
                user: b"root",
                name: b"",
                uid: 0,
            })
            .expect("a root");
        let slots = [None; SLOTS];
        Self { server, slots }
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.server.complaints().to_vec()
    }

    pub(crate) fn play(&mut self, operation: &Operation) -> Outcome {
        let outcome = self.try_play(operation);
        for fid in [FIRST, SECOND] {
            if self.server.fids().any(|there| there == fid) {
                self.clunk(fid);
            }
        }
        match outcome {
            Ok(seen) => Ok(seen),
            Err(Stop::Skipped) => Ok(Seen::Skipped),
            Err(Stop::Refused(errno)) => Err(errno),
        }
    }

    pub(crate) fn close_all(&mut self) {
        for slot in 0..SLOTS {
            if let Some((fid, _)) = self.slots[slot].take() {
                self.clunk(fid);
            }
        }
        let left: Vec<_> = self.server.fids().collect();
        assert_eq!(left, [ROOT]);
    }

    /// All there is: path, what it is, content.
    pub(crate) fn listing(&self) -> Vec<(String, Stat, Vec<u8>)> {
        let mut found = Vec::new();
        list(&self.server.tree, Tree::ROOT, "", &mut found);
        // Each file once, and the root: nothing is left of what has no name.
        let mut files: Vec<_> = found.iter().map(|(_, _, _, inode)| *inode).collect();
        files.sort_unstable();
        files.dedup();
        assert_eq!(files.len() + 1, self.server.tree.inodes());
        let room: u64 = files
            .iter()
            .map(|inode| self.server.tree.attributes(*inode).blocks * 512)
            .sum();
        assert_eq!(self.server.tree.free() + room, Server::new().tree.free());
        found
            .into_iter()
            .map(|(path, stat, content, _)| (path, stat, content))
            .collect()
    }

    fn clunk(&mut self, fid: Fid) {
        self.server.ask(&Request::Clunk { fid }).expect("a clunk");
    }

    fn ask(&mut self, request: &Request<'_>) -> Result<Response, Stop> {
        Ok(self.server.ask(request)?)
    }

    /// Walks to the directory of a place, a name at a time so that errors are seen.
    fn walk(&mut self, place: &Place, new_fid: Fid) -> Result<(), Stop> {
        let fid = match place.slot {
            None => ROOT,
            Some(slot) => self.slots[slot].ok_or(Stop::Skipped)?.0,
        };
        let names = &[];
        self.ask(&Request::Walk {
            fid,
            new_fid,
            names,
        })?;
        for name in &place.directories {
            self.step(new_fid, name)?;
            let told = self.attributes(new_fid)?;
            if told.mode & mode::KIND != mode::DIRECTORY {
                return Err(Stop::Refused(20));
            }
        }
        let told = self.attributes(new_fid)?;
        if told.mode & mode::KIND != mode::DIRECTORY {
            return Err(Stop::Refused(20));
        }
        Ok(())
    }

    fn step(&mut self, fid: Fid, name: &str) -> Result<(), Stop> {
        let names = &[name.as_bytes()];
        let new_fid = fid;
        self.ask(&Request::Walk {
            fid,
            new_fid,
            names,
        })?;
        Ok(())
    }

    fn attributes(&mut self, fid: Fid) -> Result<Attributes, Stop> {
        let mask = AttributeMask::BASIC;
        match self.ask(&Request::GetAttributes { fid, mask })? {
            Response::Attributes(told) => Ok(told),
            other => panic!("{other:?}"),
        }
    }

    /// A file number for the slot that is not the one in use there.
    fn spare(&self, slot: usize) -> Fid {
        let base = 2 * u32::try_from(slot).expect("small");
        match self.slots[slot] {
            Some((fid, _)) if fid.0 == base => Fid(base + 1),
            _ => Fid(base),
        }
    }

    fn keep(&mut self, slot: usize, fid: Fid, flags: u32) {
        if let Some((old, _)) = self.slots[slot].replace((fid, flags)) {
            self.clunk(old);
        }
    }

    fn slot(&self, slot: usize) -> Result<(Fid, u32), Stop> {
        self.slots[slot].ok_or(Stop::Skipped)
    }

    fn try_play(&mut self, operation: &Operation) -> Result<Seen, Stop> {
        let directory = FIRST;
        match operation {
            Operation::Open { slot, place, flags } => {
                self.walk(place, FIRST)?;
                self.step(FIRST, &place.name)?;
                let (fid, flags) = (self.spare(*slot), *flags);
                let copy = Request::Walk {
                    fid: FIRST,
                    new_fid: fid,
                    names: &[],
                };
                self.ask(&copy)?;
                if let Err(stop) = self.ask(&Request::Open { fid, flags }) {
                    self.clunk(fid);
                    return Err(stop);
                }
                self.keep(*slot, fid, flags);
            }
            Operation::Create {
                slot,
                place,
                flags,
                mode,
            } => {
                self.walk(place, FIRST)?;
                let fid = self.spare(*slot);
                let copy = Request::Walk {
                    fid: FIRST,
                    new_fid: fid,
                    names: &[],
                };
                self.ask(&copy)?;
                let create = Request::Create {
                    fid,
                    name: place.name.as_bytes(),
                    flags: *flags,
                    mode: *mode,
                    gid: 0,
                };
                if let Err(stop) = self.ask(&create) {
                    self.clunk(fid);
                    return Err(stop);
                }
                self.keep(*slot, fid, *flags);
            }
            Operation::Close { slot } => {
                let (fid, _) = self.slot(*slot)?;
                self.slots[*slot] = None;
                self.clunk(fid);
            }
            Operation::Read {
                slot,
                offset,
                count,
            } => {
                let (fid, _) = self.slot(*slot)?;
                let (offset, count) = (*offset, *count);
                match self.ask(&Request::Read { fid, offset, count })? {
                    Response::Data(data) => return Ok(Seen::Bytes(data.to_vec())),
                    other => panic!("{other:?}"),
                }
            }
            Operation::Write { slot, offset, data } => {
                let (fid, _) = self.slot(*slot)?;
                let offset = *offset;
                match self.ask(&Request::Write { fid, offset, data })? {
                    Response::Written(count) => return Ok(Seen::Count(count as usize)),
                    other => panic!("{other:?}"),
                }
            }
            Operation::SetLen { slot, len } => {
                let (fid, flags) = self.slot(*slot)?;
                if flags & 3 == 0 {
                    return Err(Stop::Skipped);
                }
                self.set_len(fid, *len)?;
            }
            Operation::Stat { slot } => {
                let (fid, _) = self.slot(*slot)?;
                return Ok(Seen::Stat(stat(&self.attributes(fid)?)));
            }
            Operation::List { slot } => return self.list_open(*slot),
            Operation::MakeDirectory { place, mode } => {
                self.walk(place, FIRST)?;
                let (name, mode, gid) = (place.name.as_bytes(), *mode, 0);
                self.ask(&Request::MakeDirectory {
                    directory,
                    name,
                    mode,
                    gid,
                })?;
            }
            Operation::Unlink {
                place,
                is_directory,
            } => {
                self.walk(place, FIRST)?;
                let (name, is_directory) = (place.name.as_bytes(), *is_directory);
                self.ask(&Request::Unlink {
                    directory,
                    name,
                    is_directory,
                })?;
            }
            Operation::Rename { from, to } => {
                self.walk(from, FIRST)?;
                self.walk(to, SECOND)?;
                self.ask(&Request::Rename {
                    from: FIRST,
                    name: from.name.as_bytes(),
                    to: SECOND,
                    new_name: to.name.as_bytes(),
                })?;
            }
            Operation::Link { from, to } => {
                self.walk(from, SECOND)?;
                self.walk(to, FIRST)?;
                self.step(SECOND, &from.name)?;
                let (fid, name) = (SECOND, to.name.as_bytes());
                self.ask(&Request::Link {
                    directory,
                    fid,
                    name,
                })?;
            }
            Operation::Symlink { place, target } => {
                self.walk(place, FIRST)?;
                let (name, target, gid) = (place.name.as_bytes(), target.as_bytes(), 0);
                self.ask(&Request::Symlink {
                    directory,
                    name,
                    target,
                    gid,
                })?;
            }
            Operation::ReadLink { place } => {
                self.walk(place, FIRST)?;
                self.step(FIRST, &place.name)?;
                match self.ask(&Request::ReadLink { fid: FIRST })? {
                    Response::Link(target) => return Ok(Seen::Bytes(target)),
                    other => panic!("{other:?}"),
                }
            }
            Operation::StatAt { place } => {
                self.walk(place, FIRST)?;
                self.step(FIRST, &place.name)?;
                return Ok(Seen::Stat(stat(&self.attributes(FIRST)?)));
            }
            Operation::SetMode { place, mode } => {
                self.walk(place, FIRST)?;
                self.step(FIRST, &place.name)?;
                if self.attributes(FIRST)?.mode & mode::KIND == mode::SYMLINK {
                    return Err(Stop::Skipped);
                }
                let mode = Some(*mode);
                let attributes = SetAttributes {
                    mode,
                    ..SetAttributes::default()
                };
                let fid = FIRST;
                self.ask(&Request::SetAttributes { fid, attributes })?;
            }
            Operation::SetLenAt { place, len } => {
                self.walk(place, FIRST)?;
                self.step(FIRST, &place.name)?;
                if self.attributes(FIRST)?.mode & mode::KIND == mode::SYMLINK {
                    return Err(Stop::Skipped);
                }
                self.set_len(FIRST, *len)?;
            }
        }
        Ok(Seen::Done)
    }

    fn set_len(&mut self, fid: Fid, len: u64) -> Result<(), Stop> {
        let size = Some(len);
        let attributes = SetAttributes {
            size,
            ..SetAttributes::default()
        };
        self.ask(&Request::SetAttributes { fid, attributes })?;
        Ok(())
    }

    fn list_open(&mut self, slot: usize) -> Result<Seen, Stop> {
        let (fid, _) = self.slot(slot)?;
        if self.attributes(fid)?.mode & mode::KIND != mode::DIRECTORY {
            return Err(Stop::Skipped);
        }
        let (mut names, mut offset) = (Vec::new(), 0);
        loop {
            let count = 300;
            let read = Request::ReadDirectory { fid, offset, count };
            let Response::Directory(data) = self.ask(&read)? else {
                panic!("no entries");
            };
            if data.is_empty() {
                names.sort();
                return Ok(Seen::Names(names));
            }
            for entry in data.entries() {
                let entry = entry?;
                offset = entry.offset;
                names.push((entry.name.to_vec(), entry.kind));
            }
        }
    }
}

fn stat(told: &Attributes) -> Stat {
    let is_directory = told.mode & mode::KIND == mode::DIRECTORY;
    Stat {
        mode: told.mode,
        size: if is_directory { 0 } else { told.size },
        links: if is_directory { 0 } else { told.links },
    }
}

fn list(tree: &Tree, inode: Inode, path: &str, found: &mut Vec<(String, Stat, Vec<u8>, Inode)>) {
    let Body::Directory(entries) = &tree.node(inode).body else {
        return;
    };
    let mut names: Vec<_> = entries.after(2, inode).collect();
    names.sort_by_key(|(_, name, _)| *name);
    for (_, name, inode) in names {
        let path = format!("{path}/{}", String::from_utf8_lossy(name));
        let content = match &tree.node(inode).body {
            Body::File(content) => content.read(0, usize::MAX),
            Body::Symlink(target) => target.clone(),
            _ => Vec::new(),
        };
        let stat = stat(&tree.attributes(inode));
        found.push((path.clone(), stat, content, inode));
        list(tree, inode, &path, found);
    }
}
