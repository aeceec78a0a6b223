//! What becomes another's name.

use crate::log::{Log, step};
use std::fs;
use std::io::Result;
use std::os::unix::fs::symlink;
use std::path::Path;

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);
    let text = |name: &str| fs::read_to_string(dir.join(name));
    fs::create_dir_all(at("one/inner"))?;
    fs::create_dir(at("two"))?;
    fs::create_dir(at("empty"))?;
    fs::write(at("a"), "a")?;
    fs::write(at("b"), "b")?;
    fs::write(at("one/c"), "c")?;
    symlink("a", at("link"))?;

    step!(log, fs::rename(at("a"), at("renamed")));
    step!(log, text("renamed"));
    step!(log, text("a"));
    step!(log, text("link"));
    step!(log, fs::rename(at("renamed"), at("a")));
    step!(log, text("link"));
    step!(log, fs::rename(at("a"), at("b")));
    step!(log, text("b"));
    step!(log, fs::rename(at("b"), at("two/b")));
    step!(log, text("two/b"));
    step!(log, fs::rename(at("two/b"), at("one/inner/b")));
    step!(log, text("one/inner/b"));
    step!(log, fs::rename(at("one/inner/b"), at("one/../b")));
    step!(log, text("b"));
    step!(log, fs::rename(at("b"), at("b")));
    step!(log, text("b"));

    // What is not there, or is no folder.
    step!(log, fs::rename(at("missing"), at("x")));
    step!(log, fs::rename(at("b"), at("missing/x")));
    step!(log, fs::rename(at("b"), at("one/c/x")));
    step!(log, fs::rename(at("b/x"), at("x")));
    step!(log, fs::rename(at("b"), at("x/")));
    step!(log, fs::rename(at("b/"), at("x")));
    step!(log, fs::rename("", at("x")));
    step!(log, fs::rename(at("b"), ""));

    // Folders.
    step!(log, fs::rename(at("b"), at("empty")));
    step!(log, fs::rename(at("empty"), at("b")));
    step!(log, fs::rename(at("two"), at("empty")));
    step!(log, fs::exists(at("two")));
    step!(log, fs::rename(at("empty"), at("one")));
    step!(log, fs::rename(at("one"), at("one/inner/deeper")));
    step!(log, fs::rename(at("one"), at("one/inner")));
    step!(log, fs::rename(at("one/inner"), at("one")));
    step!(log, fs::rename(at("one"), at("uno/")));
    step!(log, text("uno/c"));
    step!(log, fs::rename(at("uno/."), at("x")));
    step!(log, fs::rename(at("uno/.."), at("x")));
    step!(log, fs::rename(at("empty"), at("uno/inner/..")));
    step!(log, fs::rename(at("uno"), at("empty/uno")));
    step!(log, text("empty/uno/c"));

    // Links are renamed themselves.
    step!(log, fs::rename(at("link"), at("empty/link")));
    step!(
        log,
        fs::read_link(at("empty/link")).map(|to| to == Path::new("a"))
    );
    step!(log, symlink("empty", at("to folder")));
    step!(log, fs::rename(at("to folder"), at("empty 2")));
    step!(
        log,
        fs::symlink_metadata(at("empty 2")).map(|meta| meta.is_symlink())
    );
    step!(log, fs::rename(at("b"), at("empty 2")));
    step!(log, text("empty 2"));
    step!(log, fs::rename(at("empty 2"), at("empty/link")));
    step!(log, text("empty/link"));

    // Two names of one file: nothing happens, and both stay.
    step!(log, fs::hard_link(at("empty/link"), at("twin")));
    step!(log, fs::rename(at("twin"), at("empty/link")));
    step!(log, text("twin"));
    step!(log, text("empty/link"));
    Ok(())
}
