//! std's functions for paths.

use alloc::string::String;
use alloc::vec::Vec;

use p9_front::Errno;
use p9_front::client::Parent;

use super::namespace::Mount;
use super::reach::{Reached, Way, namespace, reach};
use super::volumes::{Connection, wait};
use super::{DirBuilder, File, Metadata, OpenOptions, Permissions, above};
use crate::io::{self, ErrorKind, Read, Result, Write};
use crate::path::{Path, PathBuf};

/// The directory of the last name of `path`, and that name.
fn parent(path: &Path) -> Result<Reached<Parent<Connection>>> {
    reach(path, async |way: Way<'_>| {
        let parent = way.client.resolve_parent(way.path, way.links).await?;
        // As Linux: whether something may be changed comes after the way there.
        way.writable()?;
        Ok(parent)
    })
}

/// As [`parent`], for a name that is to be new: as on Linux, that it is taken is said before that
/// nothing may be changed.
fn parent_of_new(path: &Path) -> Result<Reached<Parent<Connection>>> {
    reach(path, async |way: Way<'_>| {
        let parent = way.client.resolve_parent(way.path, way.links).await?;
        if let Err(read_only) = way.writable() {
            let Some(name) = parent.name() else {
                return Err(Errno::EEXIST.into());
            };
            let there = parent.directory().lookup(name).await;
            return Err(there.map_or(read_only, |_| Errno::EEXIST.into()));
        }
        Ok(parent)
    })
}

/// What is there; symbolic links are followed.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), and what the file server says.
pub fn metadata<P: AsRef<Path>>(path: P) -> Result<Metadata> {
    metadata_of(path.as_ref(), true)
}

/// As [`metadata`], of a symbolic link itself.
///
/// # Errors
/// As [`metadata`].
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> Result<Metadata> {
    metadata_of(path.as_ref(), false)
}

fn metadata_of(path: &Path, follow: bool) -> Result<Metadata> {
    let reached = reach(path, async |way: Way<'_>| {
        let node = way.client.resolve(way.path, follow, way.links).await?;
        let attributes = node.attributes().await?;
        Ok(Metadata::new(attributes, way.mount.number()))
    })?;
    Ok(match reached {
        Reached::Volume(metadata) => metadata,
        Reached::Above(directory) => above::metadata(&directory),
    })
}

/// Whether there is something; symbolic links are followed.
///
/// # Errors
/// It cannot be found out.
pub fn exists<P: AsRef<Path>>(path: P) -> Result<bool> {
    match metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The absolute path without `.`, `..` and symbolic links. There must be something.
///
/// # Errors
/// As [`metadata`].
pub fn canonicalize<P: AsRef<Path>>(path: P) -> Result<PathBuf> {
    let reached = reach(path.as_ref(), async |way: Way<'_>| {
        let node = way.client.resolve(way.path, true, way.links).await?;
        let below = Path::of_bytes(node.path());
        let mount = way.mount.path();
        Ok(if below.as_os_str().is_empty() {
            mount.to_path_buf()
        } else {
            mount.join(below)
        })
    })?;
    Ok(match reached {
        Reached::Volume(path) | Reached::Above(path) => path,
    })
}

/// Where a symbolic link points.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) if it is none, and as [`symlink_metadata`].
pub fn read_link<P: AsRef<Path>>(path: P) -> Result<PathBuf> {
    let target = reach(path.as_ref(), async |way: Way<'_>| {
        let node = way.client.resolve(way.path, false, way.links).await?;
        Ok(node.read_link().await?)
    })?
    .volume(Errno::EINVAL)?;
    Ok(Path::of_bytes(&target).to_path_buf())
}

/// The whole content of a file.
///
/// # Errors
/// As [`File::open`] and reading.
pub fn read<P: AsRef<Path>>(path: P) -> Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(content)
}

/// The whole content of a file, as text.
///
/// # Errors
/// As [`read`]; [`InvalidData`](ErrorKind::InvalidData) if it is not UTF-8.
pub fn read_to_string<P: AsRef<Path>>(path: P) -> Result<String> {
    let mut file = File::open(path)?;
    let mut content = String::new();
    file.read_to_string(&mut content)?;
    Ok(content)
}

/// Makes or empties a file, and writes to it.
///
/// # Errors
/// As [`File::create`] and writing.
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, content: C) -> Result<()> {
    File::create(path)?.write_all(content.as_ref())
}

/// Removes a file, or a symbolic link, or anything else that is no directory.
///
/// # Errors
/// What the file server says: [`IsADirectory`](ErrorKind::IsADirectory), …
pub fn remove_file<P: AsRef<Path>>(path: P) -> Result<()> {
    let parent = parent(path.as_ref())?.volume(Errno::EISDIR)?;
    Ok(wait(parent.remove_file())?)
}

/// Removes an empty directory.
///
/// # Errors
/// What the file server says: [`DirectoryNotEmpty`](ErrorKind::DirectoryNotEmpty), …
pub fn remove_dir<P: AsRef<Path>>(path: P) -> Result<()> {
    let parent = parent(path.as_ref())?.volume(Errno::EBUSY)?;
    Ok(wait(parent.remove_directory())?)
}

/// Makes a directory.
///
/// # Errors
/// [`AlreadyExists`](ErrorKind::AlreadyExists), and what the file server says.
pub fn create_dir<P: AsRef<Path>>(path: P) -> Result<()> {
    DirBuilder::new().create(path)
}

/// Makes a directory and those above it, as far as they are missing.
///
/// # Errors
/// As [`create_dir`]; that it is there already is none.
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

/// Makes one directory.
pub(super) fn make_dir(path: &Path, mode: u32) -> Result<()> {
    let parent = parent_of_new(path)?.volume(Errno::EEXIST)?;
    Ok(wait(parent.make_directory(mode))?)
}

/// Gives something another name; a file of that name is replaced.
///
/// # Errors
/// [`CrossesDevices`](ErrorKind::CrossesDevices) from one volume to another, and what the file
/// server says.
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> Result<()> {
    let from = parent(from.as_ref())?.volume(Errno::EBUSY)?;
    let to = parent(to.as_ref())?.volume(Errno::EBUSY)?;
    Ok(wait(from.rename(&to))?)
}

/// Gives a file one name more. A symbolic link is not followed: the link gets the name.
///
/// # Errors
/// [`CrossesDevices`](ErrorKind::CrossesDevices) from one volume to another, and what the file
/// server says.
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> Result<()> {
    let node = reach(original.as_ref(), async |way: Way<'_>| {
        way.client.resolve(way.path, false, way.links).await
    })?
    .volume(Errno::EPERM)?;
    let parent = parent_of_new(link.as_ref())?.volume(Errno::EEXIST)?;
    Ok(wait(parent.link(&node))?)
}

/// Makes a symbolic link; std has it as [`os::unix::fs::symlink`](crate::os::unix::fs::symlink)
/// and, deprecated, as `fs::soft_link`.
///
/// # Errors
/// [`AlreadyExists`](ErrorKind::AlreadyExists), and what the file server says.
pub fn soft_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> Result<()> {
    let target = original.as_ref();
    super::error::check(target)?;
    let parent = parent_of_new(link.as_ref())?.volume(Errno::EEXIST)?;
    Ok(wait(parent.symlink(target.bytes()))?)
}

/// Sets who may do what with a file; symbolic links are followed.
///
/// # Errors
/// What the file server says.
pub fn set_permissions<P: AsRef<Path>>(path: P, permissions: Permissions) -> Result<()> {
    change(path.as_ref(), permissions.change(), true)
}

/// Sets a file's times; symbolic links are followed.
///
/// # Errors
/// What the file server says.
pub fn set_times<P: AsRef<Path>>(path: P, times: super::FileTimes) -> Result<()> {
    change(path.as_ref(), times.change()?, true)
}

/// Changes attributes of what a path leads to.
pub(super) fn change(
    path: &Path,
    change: p9_front::wire::SetAttributes,
    follow: bool,
) -> Result<()> {
    reach(path, async |way: Way<'_>| {
        let node = way.client.resolve(way.path, follow, way.links).await?;
        way.writable()?;
        Ok(node.set_attributes(change).await?)
    })?
    .volume(Errno::EROFS)
}

/// Copies a file's content and permissions over another one, which is made if need be. Gives the
/// number of bytes.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) if the first is no file, and what the file server says.
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> Result<u64> {
    let source = File::open(from)?;
    let metadata = source.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::text(
            ErrorKind::InvalidInput,
            "the source path is neither a regular file nor a symlink to a regular file",
        ));
    }
    let permissions = metadata.permissions();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    options.set_mode(permissions.mode_bits() & 0o777);
    let target = options.open(to)?;
    if target.metadata()?.is_file() {
        target.set_permissions(permissions)?;
    }
    super::file::copy_content(&source, &target)
}

/// Mounts the volume that the host's configuration calls `tag` at `path`, which is absolute.
/// The command line does the same: `mount=TAG:/path`.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) if the domain has no such volume, with the tags it has;
/// [`InvalidInput`](ErrorKind::InvalidInput) if the path is not absolute;
/// [`AlreadyExists`](ErrorKind::AlreadyExists) if something is mounted exactly there.
pub fn mount<P: AsRef<Path>>(tag: &str, path: P) -> Result<()> {
    mount_as(tag, path.as_ref(), false)
}

/// As [`mount`]; the guest changes nothing there.
///
/// # Errors
/// As [`mount`].
pub fn mount_read_only<P: AsRef<Path>>(tag: &str, path: P) -> Result<()> {
    mount_as(tag, path.as_ref(), true)
}

fn mount_as(tag: &str, path: &Path, read_only: bool) -> Result<()> {
    super::reach::ready()?;
    super::volumes::volume(tag)?;
    namespace(|all| all.add(tag, path, read_only)).map(drop)
}

/// What is mounted, in the order in which it was.
pub fn mounts() -> Vec<Mount> {
    // What the command line says wrong, everybody is told who uses a path.
    let _ = super::reach::ready();
    namespace(|all| all.mounts().iter().map(|mount| (**mount).clone()).collect())
}

/// The file system that a path is on.
///
/// # Errors
/// As [`metadata`]; [`Unsupported`](ErrorKind::Unsupported) where no volume is.
pub fn statfs<P: AsRef<Path>>(path: P) -> Result<super::Statfs> {
    reach(path.as_ref(), async |way: Way<'_>| {
        let node = way.client.resolve(way.path, true, way.links).await?;
        Ok(node.statfs().await?)
    })?
    .volume(Errno::ENOSYS)
}

/// Sets owner and group.
pub(crate) fn set_owner(
    path: &Path,
    uid: Option<u32>,
    gid: Option<u32>,
    follow: bool,
) -> Result<()> {
    let owner = p9_front::wire::SetAttributes {
        uid,
        gid,
        ..Default::default()
    };
    change(path, owner, follow)
}
