//! What can be done to a file that is not open, and to the names in a directory.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::path::{PATH_MAX, check_name};
use super::pending::{OTHER_KIND, ask, order};
use super::shared::{FidGuard, Shared};
use super::walk::{Walk, Walked, check_target};
use super::{Client, Connection};
use crate::wire::{
    AttributeMask, Attributes, Fid, Qid, QidKind, Request, Response, SetAttributes, Statfs,
};
use crate::{Errno, Error};

/// Nanoseconds of a second.
const NANOSECONDS: u64 = 1_000_000_000;

/// A file, directory or link that a path led to; not open. Forgotten when it is dropped.
///
/// Servers go by name more often than not: what it stands for when somebody renames it or replaces
/// it meanwhile is the server's affair.
#[derive(Debug)]
pub struct Node<C: Connection> {
    guard: FidGuard<C>,
    qid: Qid,
    path: Vec<u8>,
}

impl<C: Connection> Node<C> {
    pub(super) fn new(guard: FidGuard<C>, qid: Qid) -> Self {
        let path = Vec::new();
        Self { guard, qid, path }
    }

    pub(super) fn root(shared: &Arc<Shared<C>>) -> Self {
        Self::new(FidGuard::root(shared), shared.root_qid)
    }

    /// The same, with the names that led there.
    pub(super) fn at(mut self, names: &[Vec<u8>]) -> Self {
        self.path = names.join(&b'/');
        self
    }

    pub(super) fn shared(&self) -> &Arc<Shared<C>> {
        self.guard.shared()
    }

    pub(super) fn fid(&self) -> Fid {
        self.guard.fid()
    }

    /// The volume it is on.
    #[must_use]
    pub fn client(&self) -> Client<C> {
        Client::of(self.shared())
    }

    /// Who it was when it was found.
    #[must_use]
    pub fn qid(&self) -> Qid {
        self.qid
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.qid.kind.contains(QidKind::DIR) && !self.is_symlink()
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.qid.kind.contains(QidKind::SYMLINK)
    }

    /// The names that lead there from the volume's root, with slashes between them, without `.`,
    /// `..` and links: the canonical path. Empty: the root.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Its attributes, asked for now.
    ///
    /// # Errors
    /// The server's; [`Error::Answer`] if some are missing or make no sense.
    pub async fn attributes(&self) -> Result<Attributes, Error> {
        attributes(self.shared(), self.fid()).await
    }

    /// Changes attributes.
    ///
    /// # Errors
    /// The server's.
    pub async fn set_attributes(&self, attributes: SetAttributes) -> Result<(), Error> {
        set_attributes(self.shared(), self.fid(), self.qid, attributes).await
    }

    /// Where a symbolic link points: neither empty nor with a NUL in it.
    ///
    /// # Errors
    /// The server's: `EINVAL` if it is no link.
    pub async fn read_link(&self) -> Result<Vec<u8>, Error> {
        if !self.is_symlink() {
            return Err(Errno::EINVAL.into());
        }
        match ask(self.shared(), &Request::ReadLink { fid: self.fid() }).await? {
            Response::Link(target) => check_target(&target).map(|()| target),
            _ => Err(OTHER_KIND),
        }
    }

    /// The file system it is on.
    ///
    /// # Errors
    /// The server's.
    pub async fn statfs(&self) -> Result<Statfs, Error> {
        statfs(self.shared(), self.fid()).await
    }

    /// What has this name in the directory; a link is not followed.
    ///
    /// # Errors
    /// The server's; `EINVAL` for what is no name.
    pub async fn lookup(&self, name: &[u8]) -> Result<Self, Error> {
        check_name(name)?;
        match Walk::start(self.shared(), self.fid(), &[name])?
            .finish()
            .await?
        {
            Walked::All(guard, qids) => {
                let qid = *qids.first().ok_or(OTHER_KIND)?;
                let mut path = self.path.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
                Ok(Self { guard, qid, path })
            }
            Walked::Some(_) => Err(OTHER_KIND),
            Walked::Refused(errno) => Err(Error::Server(errno)),
        }
    }

    /// Makes a directory in it.
    ///
    /// # Errors
    /// The server's; `EINVAL` for what is no name.
    pub async fn make_directory(&self, name: &[u8], mode: u32) -> Result<(), Error> {
        check_name(name)?;
        made(
            self.shared(),
            &Request::MakeDirectory {
                directory: self.fid(),
                name,
                mode,
                gid: self.shared().gid,
            },
        )
        .await
    }

    /// Makes a symbolic link in it.
    ///
    /// # Errors
    /// The server's; `EINVAL` for what is no name, `ENOENT`, `EINVAL` or `ENAMETOOLONG` for what is
    /// no target.
    pub async fn symlink(&self, name: &[u8], target: &[u8]) -> Result<(), Error> {
        check_name(name)?;
        match target {
            b"" => return Err(Errno::ENOENT.into()),
            _ if target.contains(&0) => return Err(Errno::EINVAL.into()),
            _ if target.len() > PATH_MAX => return Err(Errno::ENAMETOOLONG.into()),
            _ => {}
        }
        made(
            self.shared(),
            &Request::Symlink {
                directory: self.fid(),
                name,
                target,
                gid: self.shared().gid,
            },
        )
        .await
    }

    /// Gives `file` another name, in this directory.
    ///
    /// # Errors
    /// The server's; `EXDEV` if the two are not on the same volume, `EINVAL` for what is no name.
    pub async fn link(&self, name: &[u8], file: &Self) -> Result<(), Error> {
        check_name(name)?;
        self.check_same(file)?;
        let request = Request::Link {
            directory: self.fid(),
            fid: file.fid(),
            name,
        };
        order(self.shared(), &request).await
    }

    /// Renames what is called `name` here to `new_name` in `to`.
    ///
    /// # Errors
    /// The server's; `EXDEV` if the two are not on the same volume, `EINVAL` for what is no name.
    pub async fn rename(&self, name: &[u8], to: &Self, new_name: &[u8]) -> Result<(), Error> {
        check_name(name)?;
        check_name(new_name)?;
        self.check_same(to)?;
        let request = Request::Rename {
            from: self.fid(),
            name,
            to: to.fid(),
            new_name,
        };
        order(self.shared(), &request).await
    }

    /// Removes a name, of an empty directory or of anything else.
    ///
    /// # Errors
    /// The server's: `EISDIR`, `ENOTDIR` if it is the other, `ENOTEMPTY`; `EINVAL` for what is no
    /// name.
    pub async fn remove(&self, name: &[u8], is_directory: bool) -> Result<(), Error> {
        check_name(name)?;
        let request = Request::Unlink {
            directory: self.fid(),
            name,
            is_directory,
        };
        order(self.shared(), &request).await
    }

    /// The same, with an identifier of its own, to be opened: what is opened is gone as a place to
    /// walk from.
    pub(super) async fn into_own(self) -> Result<FidGuard<C>, Error> {
        if !self.guard.is_root() {
            return Ok(self.guard);
        }
        let none: [&[u8]; 0] = [];
        match Walk::start(self.shared(), self.fid(), &none)?
            .finish()
            .await?
        {
            Walked::All(guard, _) => Ok(guard),
            Walked::Some(_) => Err(OTHER_KIND),
            Walked::Refused(errno) => Err(Error::Server(errno)),
        }
    }

    fn check_same(&self, other: &Self) -> Result<(), Error> {
        if Arc::ptr_eq(self.shared(), other.shared()) {
            Ok(())
        } else {
            Err(Errno::EXDEV.into())
        }
    }
}

async fn made<C: Connection>(shared: &Arc<Shared<C>>, request: &Request<'_>) -> Result<(), Error> {
    match ask(shared, request).await? {
        Response::Made(_) => Ok(()),
        _ => Err(OTHER_KIND),
    }
}

pub(super) async fn attributes<C: Connection>(
    shared: &Arc<Shared<C>>,
    fid: Fid,
) -> Result<Attributes, Error> {
    let mask = AttributeMask::BASIC;
    let attributes = match ask(shared, &Request::GetAttributes { fid, mask }).await? {
        Response::Attributes(attributes) => attributes,
        _ => return Err(OTHER_KIND),
    };
    let times = [attributes.accessed, attributes.modified, attributes.changed];
    if !attributes.valid.contains(AttributeMask::BASIC) {
        return Err(Error::Answer("attributes are missing"));
    }
    if times.iter().any(|time| time.nanoseconds >= NANOSECONDS) {
        return Err(Error::Answer("a second with too many nanoseconds"));
    }
    Ok(attributes)
}

pub(super) async fn set_attributes<C: Connection>(
    shared: &Arc<Shared<C>>,
    fid: Fid,
    qid: Qid,
    attributes: SetAttributes,
) -> Result<(), Error> {
    // What was read ahead may be cut off, whatever becomes of the call.
    let _wrote = attributes.size.map(|_| shared.writing(qid));
    order(shared, &Request::SetAttributes { fid, attributes }).await
}

pub(super) async fn statfs<C: Connection>(
    shared: &Arc<Shared<C>>,
    fid: Fid,
) -> Result<Statfs, Error> {
    match ask(shared, &Request::Statfs { fid }).await? {
        Response::Statfs(statfs) => Ok(statfs),
        _ => Err(OTHER_KIND),
    }
}
