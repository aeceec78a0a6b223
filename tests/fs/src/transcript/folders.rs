//! Folders: made, read, removed.

use crate::log::{Log, step};
use crate::names;
use std::fs::{self, DirBuilder};
use std::io::Result;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::prelude::v1::*;

/// The names in a folder, with what they are, sorted.
fn list(folder: &Path) -> Result<Vec<String>> {
    let mut list = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let meta = entry.metadata()?;
        let kind = match (kind.is_file(), kind.is_dir(), kind.is_symlink()) {
            (true, false, false) => format!("file {}", meta.len()),
            (false, true, false) => "folder".into(),
            (false, false, true) => "link".into(),
            _ => "?".into(),
        };
        if entry.path() != folder.join(names::path(&names::of(&entry))) {
            list.push("a path that is not the folder's and the name".into());
        }
        list.push(format!("{} {kind}", names::text(&names::of(&entry))));
    }
    list.sort();
    Ok(list)
}

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);
    step!(log, fs::write(at("file"), "x"));
    step!(log, fs::create_dir(at("one")));
    step!(log, fs::create_dir(at("one")));
    step!(log, fs::create_dir(at("one/")));
    step!(log, fs::create_dir(at("slash/")));
    step!(log, fs::create_dir(at("file")));
    step!(log, fs::create_dir(at("file/folder")));
    step!(log, fs::create_dir(at("no/folder")));
    step!(log, fs::create_dir(at("one/.")));
    step!(log, fs::create_dir(at("one/..")));
    step!(log, fs::create_dir(at("one/../two")));
    step!(log, fs::create_dir(""));
    step!(log, symlink("nowhere", at("dangling")));
    step!(log, fs::create_dir(at("dangling")));
    step!(log, symlink("one", at("link")));
    step!(log, fs::create_dir(at("link")));
    step!(log, fs::create_dir(at("link/inner")));
    step!(log, list(&at("")));
    step!(log, list(&at("one")));
    step!(log, list(&at("link")));
    step!(log, list(&at("one/inner")));
    step!(log, list(&at("file")));
    step!(log, list(&at("missing")));
    step!(log, list(&at("dangling")));

    // With all above.
    step!(log, fs::create_dir_all(at("a/b/c/d")));
    step!(log, fs::create_dir_all(at("a/b/c/d")));
    step!(log, fs::create_dir_all(at("a/b/e/")));
    step!(log, fs::create_dir_all(at("link/more/still more")));
    step!(log, fs::create_dir_all(at("file")));
    step!(log, fs::create_dir_all(at("file/below")));
    step!(log, fs::create_dir_all(at("dangling")));
    step!(log, fs::create_dir_all(at("dangling/below")));
    step!(log, fs::create_dir_all(""));
    step!(log, DirBuilder::new().create(at("a/b")));
    step!(log, DirBuilder::new().recursive(true).create(at("a/b")));
    step!(log, DirBuilder::new().recursive(true).create(at("a/b/f/g")));
    step!(log, list(&at("a/b")));

    // Deeper than one walk reaches, and than a name is long.
    let deep: Vec<String> = (0..50).map(|level| format!("level {level}")).collect();
    let deep = at("deep").join(deep.join("/"));
    log.step("deep", fs::create_dir_all(&deep));
    log.step("a file in there", fs::write(deep.join("file"), "deep down"));
    log.step("read", fs::read_to_string(deep.join("file")));
    log.step(
        "up and down",
        fs::read_to_string(deep.join("../../level 48/level 49/file")),
    );
    log.step("missing", fs::read_to_string(deep.join("../missing/file")));
    let up: String = (0..50).map(|_| "../").collect();
    log.step("all the way up", list(&deep.join(up)));
    step!(log, fs::remove_dir(at("deep")));
    step!(log, fs::remove_dir_all(at("deep")));
    step!(log, fs::exists(at("deep")));

    // Removing.
    step!(log, fs::remove_dir(at("a")));
    step!(log, fs::remove_dir(at("a/b/e")));
    step!(log, fs::remove_dir(at("a/b/e")));
    step!(log, fs::remove_dir(at("a/b/c/d/")));
    step!(log, fs::remove_dir(at("a/b/c/.")));
    step!(log, fs::remove_dir(at("a/b/c/..")));
    step!(log, fs::remove_dir(at("file")));
    step!(log, fs::remove_dir(at("link")));
    step!(log, fs::remove_dir(at("link/")));
    step!(log, fs::remove_dir(at("dangling")));
    step!(log, fs::remove_dir(at("file/x")));
    step!(log, fs::remove_dir(""));
    step!(log, fs::remove_file(at("a")));
    step!(log, fs::remove_file(at("missing")));
    step!(log, fs::remove_file(at("file/")));
    step!(log, fs::remove_file(at("file/x")));
    step!(log, fs::remove_file(at("link/")));
    step!(log, fs::remove_file(at("dangling/")));
    step!(log, fs::remove_file(at("dangling")));
    step!(log, fs::remove_file(at("slash/.")));
    step!(log, fs::remove_file(""));
    step!(log, fs::write(at("a/b/c/x"), "x"));
    step!(log, symlink("../../../one", at("a/b/c/link")));
    step!(log, fs::remove_dir_all(at("missing")));
    step!(log, fs::remove_dir_all(at("file")));
    step!(log, fs::remove_dir_all(at("a")));
    step!(log, list(&at("one")));
    step!(log, fs::remove_dir_all(at("link")));
    step!(log, list(&at("")));

    // A folder that is read while it changes: what stayed is there once.
    for number in 0..300 {
        fs::write(at(&format!("one/{number}")), "")?;
    }
    let mut seen = Vec::new();
    for (place, entry) in fs::read_dir(at("one"))?.enumerate() {
        let name = names::text(&names::of(&entry?));
        let gone = (place % 2 == 0).then(|| fs::remove_file(at("one").join(&name)));
        log_error(log, gone);
        seen.push(name);
    }
    seen.sort();
    seen.dedup();
    log.note(
        "seen while removing",
        seen.iter()
            .filter(|name| name.parse::<u32>().is_ok())
            .count(),
    );
    log.step("left", list(&at("one")).map(|left| left.len() >= 150));
    Ok(())
}

/// Tells of a removal that failed for another reason than that it is a folder.
fn log_error(log: &mut Log, removed: Option<Result<()>>) {
    if let Some(Err(error)) = removed
        && crate::log::kind(&error) != "IsADirectory"
    {
        log.step::<()>("remove", Err(error));
    }
}
