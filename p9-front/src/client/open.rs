//! Opening and creating.

use alloc::sync::Arc;

use super::node::Node;
use super::parent::Parent;
use super::path::PathError;
use super::pending::{OTHER_KIND, ask};
use super::shared::Shared;
use super::walk::{Found, Route};
use super::{Connection, File};
use crate::wire::{QidKind, Request, Response, open};
use crate::{Errno, Error};

/// So often it is tried to open or to make a file that others remove and make at the same time.
const TRIES: u32 = 16;

/// What happens to files that do, or do not, exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Create {
    /// It must exist.
    #[default]
    No,
    /// It is made if it does not exist.
    IfMissing,
    /// It must not exist, not even as a link to nowhere, and is made.
    New,
}

/// How a file is opened. Without `read`, `write` and `append`: `EINVAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each a choice of its own")]
pub struct OpenHow {
    /// For reading.
    pub read: bool,
    /// For writing, anywhere.
    pub write: bool,
    /// For writing, always at the end, wherever that is by then.
    pub append: bool,
    /// Empties a file that exists. Needs `write`.
    pub truncate: bool,
    /// Whether it is made.
    pub create: Create,
    /// Permissions of a file that is made.
    pub mode: u32,
    /// Whether a link in last place is followed; if not, it is `ELOOP`.
    pub follow: bool,
    /// More of Linux's `O_` flags, for the server.
    pub flags: u32,
}

impl Default for OpenHow {
    /// For nothing, yet; links are followed; files are made with mode 0666.
    fn default() -> Self {
        Self {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: Create::No,
            mode: 0o666,
            follow: true,
            flags: 0,
        }
    }
}

impl OpenHow {
    /// An existing file, for reading.
    #[must_use]
    pub fn reading() -> Self {
        Self {
            read: true,
            ..Self::default()
        }
    }

    /// Whether it may be written.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.write || self.append
    }

    /// As `O_` flags, without those that create.
    fn flags(&self) -> Result<u32, Errno> {
        let access = match (self.read, self.writes()) {
            (true, true) => open::READ_WRITE,
            (true, false) => open::READ_ONLY,
            (false, true) => open::WRITE_ONLY,
            (false, false) => return Err(Errno::EINVAL),
        };
        if self.truncate && !self.write {
            return Err(Errno::EINVAL);
        }
        let append = if self.append { open::APPEND } else { 0 };
        let truncate = if self.truncate { open::TRUNCATE } else { 0 };
        // What creates or decides on access is not for the caller to add.
        let own = open::ACCESS | open::CREATE | open::EXCLUSIVE | open::TRUNCATE | open::APPEND;
        Ok(access | append | truncate | (self.flags & !own))
    }
}

pub(super) async fn open<C: Connection>(
    shared: &Arc<Shared<C>>,
    path: &[u8],
    how: &OpenHow,
    links: u32,
) -> Result<File<C>, PathError> {
    how.flags()?;
    match how.create {
        Create::No => {
            let route = Route::new(shared, path, links)?;
            match route.run(how.follow, false).await? {
                Found::Node(node) => Ok(node.open(how).await?),
                Found::Missing { .. } => Err(Errno::ENOENT.into()),
            }
        }
        Create::New => {
            let parent = Parent::find(shared, path, links).await?;
            if parent.name().is_none() {
                return Err(Errno::EEXIST.into());
            }
            if parent.has_slash() {
                return Err(Errno::EISDIR.into());
            }
            let (directory, name) = parent.into_parts();
            Ok(directory.create(&name, how).await?)
        }
        Create::IfMissing => open_or_create(shared, path, how, links).await,
    }
}

/// The server is never asked to create what may exist: some of them would follow a link there.
async fn open_or_create<C: Connection>(
    shared: &Arc<Shared<C>>,
    path: &[u8],
    how: &OpenHow,
    links: u32,
) -> Result<File<C>, PathError> {
    for turn in 0..TRIES {
        let mut route = Route::new(shared, path, links)?;
        if turn > 0 {
            route = route.without_guess();
        }
        let opened = match route.run(how.follow, true).await? {
            Found::Node(node) if node.is_directory() => Err(Errno::EISDIR.into()),
            Found::Node(node) => node.open(how).await,
            Found::Missing { parent, name } => parent.create(&name, how).await,
        };
        match opened {
            // Made, or removed, in between.
            Err(Error::Server(Errno::EEXIST | Errno::ENOENT)) => {}
            opened => return Ok(opened?),
        }
    }
    // It comes and goes faster than it can be caught, or the directory is gone.
    Err(Errno::ENOENT.into())
}

impl<C: Connection> Node<C> {
    /// Opens it; `how.create` and `how.mode` do not matter.
    ///
    /// # Errors
    /// The server's; `EISDIR` for a directory that is to be written, `ELOOP` for a link, `EINVAL`
    /// if it is for nothing; `ESTALE` if something of another kind has taken its place.
    pub async fn open(self, how: &OpenHow) -> Result<File<C>, Error> {
        let flags = how.flags()?;
        if self.is_symlink() {
            return Err(Errno::ELOOP.into());
        }
        let is_directory = self.is_directory();
        if is_directory && how.writes() {
            return Err(Errno::EISDIR.into());
        }
        let shared = self.shared().clone();
        let _writing = how.truncate.then(|| shared.writing(self.qid()));
        let guard = self.into_own().await?;
        let fid = guard.fid();
        match ask(&shared, &Request::Open { fid, flags }).await? {
            Response::Opened { qid, .. } if qid.kind.contains(QidKind::DIR) != is_directory => {
                Err(Errno::ESTALE.into())
            }
            Response::Opened { qid, unit } => Ok(File::new(guard, qid, unit, how)),
            _ => Err(OTHER_KIND),
        }
    }

    /// Makes a file in this directory and opens it; there must be nothing of that name.
    ///
    /// # Errors
    /// The server's: `EEXIST`; `EINVAL` for what is no name, or if it is for nothing.
    pub async fn create(self, name: &[u8], how: &OpenHow) -> Result<File<C>, Error> {
        let flags = how.flags()? & !open::TRUNCATE;
        super::path::check_name(name)?;
        let shared = self.shared().clone();
        let guard = self.into_own().await?;
        let request = Request::Create {
            fid: guard.fid(),
            name,
            flags: flags | open::CREATE | open::EXCLUSIVE,
            mode: how.mode,
            gid: shared.gid,
        };
        match ask(&shared, &request).await? {
            Response::Opened { qid, .. } if qid.kind.contains(QidKind::DIR) => {
                Err(Error::Answer("a new file is a directory"))
            }
            Response::Opened { qid, unit } => Ok(File::new(guard, qid, unit, how)),
            _ => Err(OTHER_KIND),
        }
    }
}
