//! [`remove_dir_all`].

use alloc::vec::Vec;

use p9_front::client::{Directory, Node, Parent};
use p9_front::wire::QidKind;
use p9_front::{Errno, Error as Failure};

use super::reach::{Way, reach};
use super::volumes::Connection;
use crate::io::Result;
use crate::path::Path;

/// `DT_DIR` of Linux.
const DIRECTORY: u8 = 4;
/// So often a directory is listed again that is not empty although all in it was removed.
const PASSES: u32 = 16;

/// Removes a directory and everything in it. Symbolic links are removed, not followed, the one that
/// `path` may be included; so is one that somebody puts into the place of a directory meanwhile.
///
/// # Errors
/// What the file server says; some may be removed then.
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> Result<()> {
    reach(path.as_ref(), async |way: Way<'_>| {
        let parent = way.client.resolve_parent(way.path, way.links).await?;
        way.writable()?;
        Ok(remove(&parent).await?)
    })?
    .volume(Errno::EBUSY)
}

/// A directory on the way down.
struct Level {
    /// Where names are removed.
    node: Node<Connection>,
    listing: Directory<Connection>,
    /// Its own name, in the level above.
    name: Vec<u8>,
    /// How often it is listed again at most.
    passes: u32,
}

impl Level {
    /// `None` if it is no directory.
    async fn enter(
        above: &Node<Connection>,
        name: &[u8],
        passes: u32,
    ) -> core::result::Result<Option<Level>, Failure> {
        let node = above.lookup(name).await?;
        if !node.is_directory() {
            return Ok(None);
        }
        // What is listed is found a second time, since it cannot be walked from when it is open.
        // If somebody replaced it in between, names are removed that are not in the list.
        let listing = above.lookup(name).await?.entries().await?;
        Ok(Some(Level {
            node,
            listing,
            name: name.to_vec(),
            passes,
        }))
    }
}

/// That something is gone already is fine.
fn gone(result: core::result::Result<(), Failure>) -> core::result::Result<(), Failure> {
    match result {
        Err(Failure::Server(Errno::ENOENT)) => Ok(()),
        other => other,
    }
}

async fn remove(parent: &Parent<Connection>) -> core::result::Result<(), Failure> {
    let Some(name) = parent.name() else {
        // Refused, before anything in it is removed.
        return parent.remove_directory().await;
    };
    let root = parent.directory();
    if root.lookup(name).await?.is_symlink() {
        return parent.remove_file().await;
    }
    let Some(top) = Level::enter(root, name, PASSES).await? else {
        return Err(Failure::Server(Errno::ENOTDIR));
    };
    let mut levels = alloc::vec![top];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.listing.next().await? else {
            let Some(done) = levels.pop() else { break };
            let above = levels.last().map_or(root, |level| &level.node);
            match gone(above.remove(&done.name, true).await) {
                // Others put something in, or the listing left something out.
                Err(Failure::Server(Errno::ENOTEMPTY | Errno::EEXIST)) if done.passes > 0 => {
                    match Level::enter(above, &done.name, done.passes - 1).await? {
                        Some(again) => levels.push(again),
                        None => return Err(Failure::Server(Errno::ENOTDIR)),
                    }
                }
                result => result?,
            }
            continue;
        };
        let listed = entry.kind == DIRECTORY || entry.qid.kind.contains(QidKind::DIR);
        if !listed {
            match gone(level.node.remove(&entry.name, false).await) {
                Err(Failure::Server(Errno::EISDIR | Errno::EPERM)) => {}
                result => {
                    result?;
                    continue;
                }
            }
        }
        match Level::enter(&level.node, &entry.name, PASSES).await {
            Ok(Some(below)) => levels.push(below),
            Ok(None) => gone(level.node.remove(&entry.name, false).await)?,
            Err(Failure::Server(Errno::ENOENT)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
