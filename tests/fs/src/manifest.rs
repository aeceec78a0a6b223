//! What a folder holds, and what is known of it: a line for each thing in it.

use crate::log::failure;
use crate::names;
use crate::pattern;
use crate::transcript::odd_names;
use sha2::{Digest, Sha256};
use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io::Result;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::prelude::v1::*;
use std::println;
use std::time::{Duration, SystemTime};

/// Prints what is in `folder`, sorted by name, each folder before what is in it.
pub(crate) fn print(folder: &Path) -> Result<()> {
    below(folder, "")
}

fn below(folder: &Path, above: &str) -> Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((names::of(&entry), entry));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, entry) in entries {
        let meta = entry.metadata()?;
        if entry.file_type()? != meta.file_type() {
            return Err(failure(format!("{name:?} is two kinds of file")));
        }
        let name = format!("{above}{}", names::text(&name));
        println!("| {name}: {}", line(&entry.path(), &meta)?);
        if meta.is_dir() {
            below(&entry.path(), &format!("{name}/"))?;
        }
    }
    Ok(())
}

/// All that is known of one thing.
fn line(path: &Path, meta: &Metadata) -> Result<String> {
    let kind = meta.file_type();
    let what = if kind.is_file() {
        hex(&Sha256::digest(fs::read(path)?))
    } else if kind.is_symlink() {
        format!(
            "link to {}",
            names::text(&names::bytes(&fs::read_link(path)?))
        )
    } else if kind.is_dir() {
        "folder".into()
    } else if kind.is_fifo() {
        "pipe".into()
    } else if kind.is_char_device() {
        "device".into()
    } else {
        "something else".into()
    };
    Ok(format!(
        "{:o} links={} size={} blocks={} inode={} owner={}:{} modified={}.{:09} {what}",
        meta.permissions().mode(),
        meta.nlink(),
        meta.len(),
        meta.blocks(),
        meta.ino(),
        meta.uid(),
        meta.gid(),
        meta.mtime(),
        meta.mtime_nsec(),
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a bit of everything in `folder`, which is there and empty.
pub(crate) fn plant(folder: &Path) -> Result<()> {
    let at = |name: &str| folder.join(name);
    fs::create_dir_all(at("odd names"))?;
    for name in odd_names() {
        fs::write(at("odd names").join(names::path(&name)), &name)?;
    }
    fs::create_dir(at("sizes"))?;
    for size in [0, 1, 4095, 4096, 4097, 100_000, 1_048_577] {
        let file = format!("sizes/{size}");
        fs::write(at(&file), pattern::piece(7, 0, size))?;
    }
    File::create(at("sizes/hole"))?.set_len(10_000_000)?;
    let deep: Vec<String> = (1..=20).map(|level| format!("level {level}")).collect();
    let deep = folder.join(deep.join("/"));
    fs::create_dir_all(&deep)?;
    fs::write(deep.join("at the bottom"), "deep")?;
    fs::create_dir(at("links"))?;
    symlink("../sizes/4096", at("links/relative"))?;
    symlink("/nowhere/at all", at("links/absolute"))?;
    symlink("dangling", at("links/dangling"))?;
    symlink(names::path(b"\xff odd \x01"), at("links/odd"))?;
    fs::hard_link(at("sizes/1"), at("links/twin"))?;
    fs::hard_link(at("links/relative"), at("links/twin of a link"))?;
    fs::create_dir(at("modes"))?;
    for (number, mode) in [0o600, 0o644, 0o755, 0o444, 0o4711, 0o2755]
        .into_iter()
        .enumerate()
    {
        let path = at(&format!("modes/{mode:o}"));
        fs::write(&path, "")?;
        let moment = Duration::new(1_000_000_000 + number as u64, 123_456_789);
        let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + moment);
        File::options().write(true).open(&path)?.set_times(times)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
    }
    fs::create_dir(at("modes/sticky"))?;
    fs::set_permissions(at("modes/sticky"), Permissions::from_mode(0o1777))?;
    Ok(())
}
