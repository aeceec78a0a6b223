//! From a path to what is done on a volume, through mounts and symbolic links.

use alloc::sync::Arc;
use alloc::vec::Vec;

use p9_front::Errno;
use p9_front::client::PathError;
use spin::Mutex;

use super::error::{check, nowhere, of_path};
use super::namespace::{Mount, Namespace, Place, resume};
use super::volumes::{Client, volume, wait};
use crate::io::Result;
use crate::path::{Path, PathBuf};

/// A path leaves volumes at most so often, links or not.
const MAX_CROSSINGS: u32 = 256;

static NAMESPACE: Mutex<Namespace> = Mutex::new(Namespace::new());

/// Runs `f` on the mounts of this domain.
pub(super) fn namespace<T>(f: impl FnOnce(&mut Namespace) -> T) -> T {
    f(&mut NAMESPACE.lock())
}

/// Mounts what the command line says, once.
///
/// # Errors
/// [`InvalidInput`](crate::io::ErrorKind::InvalidInput), naming the text that makes no sense.
#[cfg(guest)]
pub(super) fn ready() -> Result<()> {
    use crate::io::{Error, ErrorKind};

    static DONE: spin::Once<Option<alloc::string::String>> = spin::Once::new();
    let wrong = DONE.call_once(|| {
        let text = crate::env::var("mount").ok()?;
        let parsed = namespace(|all| all.parse(&text));
        parsed.err().map(|error| alloc::format!("{error}"))
    });
    match wrong {
        None => Ok(()),
        Some(text) => Err(Error::new(ErrorKind::InvalidInput, text.as_str())),
    }
}

/// Tests have no command line.
#[cfg(not(guest))]
#[expect(clippy::unnecessary_wraps, reason = "as for guests")]
pub(super) fn ready() -> Result<()> {
    Ok(())
}

/// Where in a volume something is to be done.
pub(super) struct Way<'a> {
    pub(super) client: &'a Client,
    pub(super) mount: &'a Arc<Mount>,
    /// The path from the volume's root.
    pub(super) path: &'a [u8],
    /// How many links led here already.
    pub(super) links: u32,
}

impl Way<'_> {
    /// Refuses to change something on a volume that is mounted read-only.
    pub(super) fn writable(&self) -> core::result::Result<(), PathError> {
        if self.mount.is_read_only() {
            Err(Errno::EROFS.into())
        } else {
            Ok(())
        }
    }
}

/// What a path led to.
pub(super) enum Reached<T> {
    /// A volume, and what was done there.
    Volume(T),
    /// A directory that is on no volume.
    Above(PathBuf),
}

impl<T> Reached<T> {
    /// What was done on the volume; elsewhere it fails with `errno`.
    pub(super) fn volume(self, errno: Errno) -> Result<T> {
        match self {
            Reached::Volume(value) => Ok(value),
            Reached::Above(path) => Err(super::error::above(&path, errno)),
        }
    }
}

/// Does `op` on the volume that `path` leads to; goes on elsewhere if `op` says so.
pub(super) fn reach<T>(
    path: &Path,
    op: impl AsyncFn(Way<'_>) -> core::result::Result<T, PathError>,
) -> Result<Reached<T>> {
    check(path)?;
    ready()?;
    let mut path = path.to_path_buf();
    let mut links = 0;
    for _ in 0..MAX_CROSSINGS {
        let (mount, rest): (Arc<Mount>, Vec<u8>) = match namespace(|all| all.locate(&path)) {
            Place::Volume(mount, rest) => (mount, rest),
            Place::Above(directory) => return Ok(Reached::Above(directory)),
            Place::Nothing => return Err(nowhere(&path)),
        };
        let client = volume(mount.tag())?;
        let way = Way {
            client: &client,
            mount: &mount,
            path: &rest,
            links,
        };
        match wait(op(way)) {
            Ok(value) => return Ok(Reached::Volume(value)),
            Err(PathError::Escapes(escape)) => {
                path = resume(&mount, &escape.path);
                links = escape.links;
            }
            Err(error) => return Err(of_path(error)),
        }
    }
    Err(Errno::ELOOP.into())
}
