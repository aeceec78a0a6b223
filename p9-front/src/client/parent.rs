//! What can be done to the last name of a path, with POSIX's rules for names that are none.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::node::Node;
use super::path::{Last, PathError, Step, Steps};
use super::shared::Shared;
use super::walk::{Found, Route};
use super::{Client, Connection};
use crate::{Errno, Error};

/// A directory, and a name in it that may or may not exist.
#[derive(Debug)]
pub struct Parent<C: Connection> {
    directory: Node<C>,
    name: Vec<u8>,
    /// If the path's last piece is no name, the name is empty.
    last: Last,
    /// Whether a slash comes after the name.
    slash: bool,
}

impl<C: Connection> Parent<C> {
    pub(super) async fn find(
        shared: &Arc<Shared<C>>,
        path: &[u8],
        links: u32,
    ) -> Result<Self, PathError> {
        let mut steps = Steps::new(path)?;
        let Steps { last, slash, .. } = steps;
        let mut name = Vec::new();
        // `.` has left no step.
        if matches!(last, Last::Name | Last::DotDot)
            && let Some(Step::Name(step)) = steps.steps.pop_back()
        {
            name = step;
        }
        let mut tail = match last {
            Last::Root => Vec::new(),
            Last::Name => name.clone(),
            Last::Dot => b".".to_vec(),
            Last::DotDot => b"..".to_vec(),
        };
        if slash {
            tail.push(b'/');
        }
        let route = Route::from_steps(shared, steps, links).into_directory(&tail);
        match route.run(true, false).await? {
            Found::Node(directory) => Ok(Self {
                directory,
                name,
                last,
                slash,
            }),
            Found::Missing { .. } => Err(Errno::ENOENT.into()),
        }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Node<C> {
        &self.directory
    }

    /// The name; `None` if the path ends otherwise: with `.`, `..`, or it is the root's.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        (self.last == Last::Name).then_some(&self.name)
    }

    /// Whether a slash comes after the name, so that only a directory can be meant.
    #[must_use]
    pub fn has_slash(&self) -> bool {
        self.slash
    }

    /// The volume it is on.
    #[must_use]
    pub fn client(&self) -> Client<C> {
        self.directory.client()
    }

    pub(super) fn into_parts(self) -> (Node<C>, Vec<u8>) {
        (self.directory, self.name)
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// The server's: `EEXIST`, also for what is no name.
    pub async fn make_directory(&self, mode: u32) -> Result<(), Error> {
        let name = self.name().ok_or(Errno::EEXIST)?;
        self.directory.make_directory(name, mode).await
    }

    /// Makes a symbolic link to `target`.
    ///
    /// # Errors
    /// The server's: `EEXIST`, also for what is no name; `ENOENT` with a slash at the end.
    pub async fn symlink(&self, target: &[u8]) -> Result<(), Error> {
        self.directory.symlink(self.new_name().await?, target).await
    }

    /// Gives `file` this name, too.
    ///
    /// # Errors
    /// The server's: `EEXIST`, also for what is no name; `ENOENT` with a slash at the end; `EXDEV`.
    pub async fn link(&self, file: &Node<C>) -> Result<(), Error> {
        self.directory.link(self.new_name().await?, file).await
    }

    /// Removes the name of something that is no directory.
    ///
    /// # Errors
    /// The server's: `EISDIR`, also for what is no name; `ENOTDIR` with a slash at the end.
    pub async fn remove_file(&self) -> Result<(), Error> {
        let name = self.name().ok_or(Errno::EISDIR)?;
        if self.slash {
            let node = self.directory.lookup(name).await?;
            let is_directory = node.is_directory();
            return Err(Error::Server(if is_directory {
                Errno::EISDIR
            } else {
                Errno::ENOTDIR
            }));
        }
        self.directory.remove(name, false).await
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// The server's: `ENOTEMPTY`, also for `..`; `EINVAL` for `.`, `EBUSY` for the root.
    pub async fn remove_directory(&self) -> Result<(), Error> {
        let name = match self.last {
            Last::Name => &self.name,
            Last::Dot => return Err(Errno::EINVAL.into()),
            Last::DotDot => return Err(Errno::ENOTEMPTY.into()),
            Last::Root => return Err(Errno::EBUSY.into()),
        };
        self.directory.remove(name, true).await
    }

    /// Gives it another name; what has that name is replaced.
    ///
    /// # Errors
    /// The server's; `EBUSY` for what is no name, `EXDEV` between volumes, `ENOTDIR` with a slash
    /// after what is no directory.
    pub async fn rename(&self, to: &Self) -> Result<(), Error> {
        let name = self.name().ok_or(Errno::EBUSY)?;
        let new_name = to.name().ok_or(Errno::EBUSY)?;
        if (self.slash || to.slash) && !self.directory.lookup(name).await?.is_directory() {
            return Err(Errno::ENOTDIR.into());
        }
        self.directory.rename(name, &to.directory, new_name).await
    }

    /// A name for something new that is no directory.
    async fn new_name(&self) -> Result<&[u8], Error> {
        let name = self.name().ok_or(Errno::EEXIST)?;
        if self.slash {
            self.directory.lookup(name).await?;
            return Err(Errno::EEXIST.into());
        }
        Ok(name)
    }
}
