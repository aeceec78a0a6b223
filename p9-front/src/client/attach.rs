//! A volume: the version is agreed, the root attached.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Write as _;

use super::connection::Call;
use super::node::Node;
use super::open;
use super::parent::Parent;
use super::pending::OTHER_KIND;
use super::shared::Shared;
use super::walk::{Found, Route};
use super::{Connection, File, OpenHow, PathError};
use crate::Error;
use crate::wire::{MIN_MSIZE, Qid, QidKind, Request, Response, VERSION};

/// At most so many bytes of a foreign version are shown.
const VERSION_SHOWN: usize = 32;

/// Bounds of what is under way, for one file at a time if nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Larger reads and writes are split into requests of at most so many bytes, fewer if messages
    /// are smaller.
    pub piece: u32,
    /// Requests of one read or write in flight.
    pub requests: usize,
    /// Bytes of one read or write in flight; one request always may be.
    pub bytes: usize,
    /// Bytes that are read ahead of a sequential reader; 0: none.
    pub ahead: u32,
    /// The same for all readers of the volume together: whoever comes late has none.
    pub ahead_together: usize,
    /// Bytes of a directory that are asked for at once.
    pub listing: u32,
}

impl Limits {
    /// The default, or less where memory is short: the volume's readers ahead, and any read or
    /// write, take at most a sixteenth of so many bytes.
    #[must_use]
    pub fn for_memory(bytes: usize) -> Self {
        let all = Self::default();
        let share = bytes / 16;
        let small = u32::try_from(share).unwrap_or(u32::MAX);
        Self {
            piece: all.piece.min(small / 4).max(MIN_MSIZE),
            bytes: all.bytes.min(share),
            ahead: all.ahead.min(small / 2),
            ahead_together: all.ahead_together.min(share),
            // Each byte becomes three of entries.
            listing: all.listing.min(small / 4).max(MIN_MSIZE),
            ..all
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            piece: 128 << 10,
            requests: 8,
            bytes: 1 << 20,
            ahead: 1 << 20,
            ahead_together: 8 << 20,
            listing: 64 << 10,
        }
    }
}

/// Who attaches what.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Name of the user; servers that go by number do not look.
    pub user: &'a [u8],
    /// Which of the server's trees; empty: the only one.
    pub name: &'a [u8],
    /// Number of the user.
    pub uid: u32,
    /// Group of the files that are made.
    pub gid: u32,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            user: b"root",
            name: b"",
            uid: 0,
            gid: 0,
            limits: Limits::default(),
        }
    }
}

/// An attached volume; clones are the same one. The root is forgotten with the last clone and the
/// last file.
#[derive(Debug)]
pub struct Client<C: Connection> {
    shared: Arc<Shared<C>>,
}

impl<C: Connection> Clone for Client<C> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<C: Connection> Client<C> {
    /// Agrees on version and message size, and attaches. To be called once for a connection.
    ///
    /// # Errors
    /// [`Error::Version`] if the server speaks another dialect; [`Error::Answer`] if it wants
    /// messages below 4096 bytes, or its root is no directory; whatever it refuses with.
    pub async fn attach(connection: C, options: &Options<'_>) -> Result<Self, Error> {
        negotiate(&connection).await?;
        let root = connection.new_fid()?;
        let nothing = Qid {
            kind: QidKind::empty(),
            version: 0,
            path: 0,
        };
        let mut shared = Shared::new(connection, root, nothing, options.gid, options.limits);
        let attach = Request::Attach {
            fid: root,
            user: options.user,
            name: options.name,
            uid: options.uid,
        };
        shared.root_qid = match Call::new(&shared.connection, &attach)?.await? {
            Response::Attached(qid) if qid.kind.contains(QidKind::DIR) => qid,
            Response::Attached(_) => return Err(Error::Answer("the root is no directory")),
            _ => return Err(OTHER_KIND),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(super) fn of(shared: &Arc<Shared<C>>) -> Self {
        Self {
            shared: shared.clone(),
        }
    }

    /// What it runs on.
    #[must_use]
    pub fn connection(&self) -> &C {
        &self.shared.connection
    }

    /// Whether both are the same volume: names can be moved and linked between them.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> Node<C> {
        Node::root(&self.shared)
    }

    /// Finds what is at `path`, from the volume's root (slashes before it mean nothing); an empty
    /// one is the root. A symbolic link in last place is followed if `follow`, or if a slash comes
    /// after it. `links` were followed on the way here, in other volumes.
    ///
    /// # Errors
    /// [`PathError::Escapes`]; POSIX's errors of resolving a path, as [`Error::Server`]: `ENOENT`,
    /// `ENOTDIR`, `ELOOP` after 40 links, `ENAMETOOLONG`, `EINVAL` for a NUL.
    pub async fn resolve(
        &self,
        path: &[u8],
        follow: bool,
        links: u32,
    ) -> Result<Node<C>, PathError> {
        match Route::new(&self.shared, path, links)?
            .run(follow, false)
            .await?
        {
            Found::Node(node) => Ok(node),
            Found::Missing { .. } => Err(Error::Server(crate::Errno::ENOENT).into()),
        }
    }

    /// Finds the directory of the last name of `path`; whether there is something of that name is
    /// not looked at.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn resolve_parent(&self, path: &[u8], links: u32) -> Result<Parent<C>, PathError> {
        Parent::find(&self.shared, path, links).await
    }

    /// Opens what is at `path`, and makes it if `how` says so.
    ///
    /// # Errors
    /// [`PathError::Escapes`]: to be opened there, with the same `how`; POSIX's of `open`.
    pub async fn open(&self, path: &[u8], how: &OpenHow, links: u32) -> Result<File<C>, PathError> {
        open::open(&self.shared, path, how, links).await
    }
}

async fn negotiate<C: Connection>(connection: &C) -> Result<(), Error> {
    let ours = connection.msize();
    let request = Request::Version {
        msize: ours,
        version: VERSION,
    };
    match Call::new(connection, &request)?.await? {
        Response::Version { version, .. } if version != VERSION => {
            Err(Error::Version(shown(&version)))
        }
        Response::Version { msize, .. } if msize < MIN_MSIZE => {
            Err(Error::Answer("it wants messages below 4096 bytes"))
        }
        Response::Version { msize, .. } => {
            connection.set_msize(msize.min(ours));
            Ok(())
        }
        _ => Err(OTHER_KIND),
    }
}

/// A foreign text, escaped and shortened.
fn shown(text: &[u8]) -> String {
    let start = &text[..text.len().min(VERSION_SHOWN)];
    let mut shown = String::new();
    let dots = if start.len() < text.len() { "…" } else { "" };
    // Into a string this cannot fail.
    let _ = write!(shown, "\"{}{dots}\"", start.escape_ascii());
    shown
}
