//! Links of both kinds, and where they lead.

use crate::log::{Log, step};
use crate::names;
use std::fs::{self, File, OpenOptions};
use std::io::Result;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::prelude::v1::*;

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);
    let text = |name: &str| fs::read_to_string(dir.join(name));
    let target = |name: &str| fs::read_link(dir.join(name)).map(|to| shown(dir, &to));
    let canonical = |name: &str| fs::canonicalize(dir.join(name)).map(|to| shown(dir, &to));
    fs::create_dir_all(at("folder/inner"))?;
    fs::write(at("file"), "content")?;
    fs::write(at("folder/file"), "inner content")?;

    // Symbolic.
    step!(log, symlink("file", at("link")));
    step!(log, symlink("other", at("link")));
    step!(log, symlink("other", at("file")));
    step!(log, symlink("other", at("folder")));
    step!(log, symlink("other", at("no/link")));
    step!(log, symlink("other", at("file/link")));
    step!(log, symlink("other", at("new/")));
    step!(log, symlink("", at("empty")));
    step!(log, text("link"));
    step!(log, target("link"));
    step!(log, target("file"));
    step!(log, target("folder"));
    step!(log, target("missing"));
    step!(log, target("link/"));
    step!(log, symlink("../file", at("folder/up")));
    step!(log, text("folder/up"));
    step!(log, symlink("folder", at("to folder")));
    step!(log, text("to folder/file"));
    step!(log, text("to folder/up"));
    step!(log, text("to folder/../file"));
    step!(log, symlink("folder/inner", at("to inner")));
    step!(log, text("to inner/../file"));
    step!(log, symlink("./to folder//./up", at("winding")));
    step!(log, text("winding"));
    step!(log, target("winding"));
    step!(log, symlink(at("folder/file"), at("absolute")));
    step!(log, text("absolute"));
    step!(log, target("absolute"));
    step!(log, symlink(at("folder"), at("absolute folder")));
    step!(log, text("absolute folder/../file"));
    step!(log, fs::write(at("link"), "through the link"));
    step!(log, text("file"));
    step!(
        log,
        fs::symlink_metadata(at("link")).map(|meta| (meta.is_symlink(), meta.len()))
    );
    step!(
        log,
        fs::metadata(at("link")).map(|meta| (meta.is_file(), meta.len()))
    );
    step!(
        log,
        fs::symlink_metadata(at("to folder")).map(|meta| meta.is_dir())
    );
    step!(
        log,
        fs::symlink_metadata(at("to folder/")).map(|meta| meta.is_dir())
    );
    step!(log, fs::metadata(at("link/")).map(drop));
    step!(log, fs::symlink_metadata(at("link/")).map(drop));

    // To nowhere, and in circles.
    step!(log, symlink("missing", at("dangling")));
    step!(log, text("dangling"));
    step!(log, fs::exists(at("dangling")));
    step!(log, fs::metadata(at("dangling")).map(drop));
    step!(
        log,
        fs::symlink_metadata(at("dangling")).map(|meta| meta.is_symlink())
    );
    step!(log, File::create_new(at("dangling")).map(drop));
    step!(
        log,
        OpenOptions::new()
            .write(true)
            .open(at("dangling"))
            .map(drop)
    );
    step!(log, fs::write(at("dangling"), "made"));
    step!(log, text("missing"));
    step!(log, symlink("file/x", at("through a file")));
    step!(log, text("through a file"));
    step!(log, symlink("self", at("self")));
    step!(log, text("self"));
    step!(log, fs::exists(at("self")));
    step!(log, fs::write(at("self"), "x"));
    step!(log, canonical("self"));
    step!(log, target("self"));
    step!(log, symlink("pong", at("ping")));
    step!(log, symlink("ping", at("pong")));
    step!(log, text("ping/x"));
    step!(log, fs::create_dir(at("ping")));
    step!(log, fs::create_dir(at("ping/x")));
    step!(log, fs::remove_file(at("ping/x")));
    step!(log, symlink("twice/twice", at("twice")));
    step!(log, text("twice"));
    // Forty are followed, and no more.
    symlink("file", at("chain 1"))?;
    for number in 2..=41 {
        symlink(
            format!("chain {}", number - 1),
            at(&format!("chain {number}")),
        )?;
    }
    step!(log, text("chain 39"));
    step!(log, text("chain 40"));
    step!(log, text("chain 41"));

    // Canonical names.
    step!(log, canonical("folder/../file"));
    step!(log, canonical("folder/inner/.."));
    step!(log, canonical("to inner/../up"));
    step!(log, canonical("absolute folder/./inner/"));
    step!(log, canonical("winding"));
    step!(log, canonical("file/"));
    step!(log, canonical("gone"));
    step!(log, canonical("gone/.."));
    step!(log, canonical("through a file"));
    step!(log, fs::canonicalize("").map(drop));

    // A long target.
    let long = (0..100).map(|_| "./folder/../").collect::<String>() + "file";
    log.step("long link", symlink(&long, at("long")));
    step!(log, text("long"));
    log.note(
        "long target",
        fs::read_link(at("long"))? == Path::new(&long),
    );

    // Hard.
    step!(log, fs::hard_link(at("file"), at("twin")));
    step!(log, fs::hard_link(at("file"), at("twin")));
    step!(log, fs::hard_link(at("file"), at("folder")));
    step!(log, fs::hard_link(at("file"), at("folder/twin")));
    step!(log, fs::hard_link(at("gone"), at("x")));
    step!(log, fs::hard_link(at("file"), at("no/x")));
    step!(log, fs::hard_link(at("file"), at("file/x")));
    step!(log, fs::hard_link(at("folder"), at("x")));
    step!(log, fs::hard_link(at("link"), at("link's twin")));
    step!(
        log,
        fs::symlink_metadata(at("link's twin")).map(|meta| meta.is_symlink())
    );
    step!(log, fs::write(at("twin"), "by another name"));
    step!(log, text("folder/twin"));
    step!(log, fs::metadata(at("file")).map(|meta| meta.nlink()));
    let number = |name: &str| fs::metadata(dir.join(name)).map(|meta| (meta.dev(), meta.ino()));
    log.note("one file", number("file")? == number("folder/twin")?);
    log.note("through the link", number("file")? == number("link")?);
    log.note("another file", number("file")? == number("folder/file")?);
    step!(log, fs::remove_file(at("file")));
    step!(log, fs::metadata(at("twin")).map(|meta| meta.nlink()));
    step!(log, text("twin"));
    step!(log, text("link"));
    Ok(())
}

/// A path with the name of the test's folder left out.
fn shown(dir: &Path, path: &Path) -> String {
    let whole = fs::canonicalize(dir).unwrap_or_else(|_| dir.into());
    let text = names::text(&names::bytes(path));
    for folder in [whole.as_path(), dir] {
        if let Some(rest) = text.strip_prefix(&names::text(&names::bytes(folder))) {
            return format!("DIR{rest}");
        }
    }
    text
}
