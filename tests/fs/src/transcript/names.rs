//! Names of all kinds: long, with spaces, in any bytes.

use crate::log::{Log, step};
use crate::names;
use std::fs;
use std::io::Result;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::prelude::v1::*;

/// Names that are nothing but bytes to a file system.
pub(crate) fn odd() -> Vec<Vec<u8>> {
    let long = |length: usize| vec![b'n'; length];
    let mut names: Vec<Vec<u8>> = [
        " ",
        "two words",
        " before and after ",
        "line\nbreak",
        "tab\there",
        "back\\slash",
        "quote\"'`$(x)",
        "*?[a-z]",
        "~",
        "-rf",
        "...",
        "..a",
        ".hidden",
        "%2e%2e",
        "Grüße",
        "日本語",
        "🦀",
        "e\u{301}",
        "é",
        "UPPER",
        "upper",
        "\u{202e}tfel",
    ]
    .map(|name| name.as_bytes().to_vec())
    .into();
    names.push(b"\xff\xfe\x80".to_vec());
    names.push(b"\x01\x7f".to_vec());
    names.push(b"cut \xe6\x97".to_vec());
    names.push(long(254));
    names.push(long(255));
    names.push("ü".repeat(127).into_bytes());
    names
}

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &[u8]| dir.join(names::path(name));
    for name in odd() {
        let text = names::text(&name);
        log.step(&format!("{text}: write"), fs::write(at(&name), &name));
        log.step(
            &format!("{text}: read"),
            fs::read(at(&name)).map(|read| read == name),
        );
    }
    let mut listed: Vec<Vec<u8>> = Vec::new();
    for entry in fs::read_dir(dir)? {
        listed.push(names::of(&entry?));
    }
    let mut wanted = odd();
    listed.sort();
    wanted.sort();
    log.note("listed", listed == wanted);
    for name in odd() {
        let text = names::text(&name);
        let folder = dir.join("folder");
        log.step(&format!("{text}: remove"), fs::remove_file(at(&name)));
        log.step(&format!("{text}: folder"), fs::create_dir(at(&name)));
        log.step(&format!("{text}: rename"), fs::rename(at(&name), &folder));
        log.step(&format!("{text}: remove"), fs::remove_dir(&folder));
        log.step(
            &format!("{text}: link"),
            symlink(names::path(&name), &folder),
        );
        let target = fs::read_link(&folder).map(|to| names::bytes(&to) == name);
        log.step(&format!("{text}: read it"), target);
        log.step(&format!("{text}: remove"), fs::remove_file(&folder));
    }

    // Too long, and not a name at all.
    let long = [b'n'; 256];
    step!(log, fs::write(at(&long), "x"));
    step!(log, fs::read(at(&long)));
    step!(log, fs::create_dir(at(&long)));
    step!(log, fs::metadata(at(&long)).map(drop));
    step!(log, fs::exists(at(&long)));
    step!(log, fs::write(at(b"short"), "x"));
    step!(log, fs::rename(at(b"short"), at(&long)));
    step!(log, fs::hard_link(at(b"short"), at(&long)));
    step!(log, symlink("x", at(&long)));
    step!(log, fs::remove_file(at(&long)));
    step!(log, fs::read(at(&[b'x'; 300]).join("below")));
    step!(log, fs::write(at(b"nul\0here"), "x"));
    step!(log, fs::read(at(b"nul\0here")));
    step!(log, fs::create_dir(at(b"nul\0here")));
    step!(log, fs::rename(at(b"short"), at(b"nul\0here")));
    step!(log, symlink(names::path(b"nul\0here"), at(b"link")));
    step!(log, fs::read_dir(at(b"nul\0here")).map(drop));
    step!(log, fs::metadata(at(b"nul\0here")).map(drop));
    step!(log, fs::remove_file(at(b"nul\0here")));
    Ok(())
}
