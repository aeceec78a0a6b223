//! What goes wrong: no space, no rights, no server, paths that lead out.

use crate::log::{Log, failure, kind, step};
use crate::pattern;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::prelude::v1::*;
use std::time::{Duration, Instant, SystemTime};
use std::{println, thread};

/// What each of `paths` is: a file's text, a folder's names, or the error of looking.
pub(crate) fn look(paths: &[&str]) {
    for path in paths {
        match contents(path) {
            Ok(text) => println!("| {path}: {text}"),
            Err(error) => println!("| {path}: {}: {error}", kind(&error)),
        }
    }
}

fn contents(path: &str) -> Result<String> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(format!("{:?}", fs::read_to_string(path)?));
    }
    let names: Result<Vec<_>> = fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect();
    let mut names = names?;
    names.sort();
    Ok(format!("{names:?}"))
}

/// Fills a file system of less than 2 MiB: what was acknowledged is there, what was not is an error, and
/// when the ballast is gone it goes on.
pub(crate) fn fill(folder: &Path) -> Result<()> {
    let path = folder.join("full");
    let mut how = OpenOptions::new();
    let mut file = how.read(true).write(true).create_new(true).open(&path)?;
    let data = pattern::piece(1, 0, 2 << 20);
    // Neither a page nor a message.
    let piece = |from: usize| data.get(from..from + 10_007).unwrap_or_default();
    let mut acknowledged = 0;
    let error = loop {
        match file.write(piece(acknowledged)) {
            Ok(0) => return Err(failure("wrote nothing, without an error")),
            Ok(count) => acknowledged += count,
            Err(error) => break error,
        }
    };
    println!("| full: {}", kind(&error));
    println!("acknowledged {acknowledged} bytes");
    let outcome = |result: Result<usize>| result.map_or_else(|error| kind(&error), |_| "ok".into());
    println!("| again: {}", outcome(file.write(piece(acknowledged))));
    let another = folder.join("another");
    println!(
        "| another: {}",
        outcome(fs::write(another, &data[..10_007]).map(|()| 0))
    );
    // QEMU may have written a part of what it refused.
    let mut there = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut there)?;
    let good = there.len() >= acknowledged && data.starts_with(&there);
    println!("| what is there is what was written: {good}");
    println!("| waiting for space");
    while fs::exists(folder.join("ballast"))? {
        thread::sleep(Duration::from_millis(50));
    }
    file.seek(SeekFrom::Start(acknowledged as u64))?;
    file.write_all(piece(acknowledged))?;
    file.sync_all()?;
    println!(
        "| goes on: {}",
        file.metadata()?.len() == (acknowledged + 10_007) as u64
    );
    Ok(())
}

/// Everything that changes something, where nothing may be changed.
pub(crate) fn read_only(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let mut log = Log::default();
    let log = &mut log;
    step!(log, fs::read_to_string(at("file")));
    step!(log, fs::metadata(at("file")).map(|meta| meta.len()));
    step!(log, fs::write(at("file"), "x"));
    step!(log, fs::write(at("new"), "x"));
    step!(
        log,
        OpenOptions::new().append(true).open(at("file")).map(drop)
    );
    step!(
        log,
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(at("file"))
            .map(drop)
    );
    step!(
        log,
        OpenOptions::new().write(true).open(at("missing")).map(drop)
    );
    step!(log, File::create_new(at("new")).map(drop));
    step!(log, File::create_new(at("file")).map(drop));
    step!(log, fs::create_dir(at("new")));
    step!(log, fs::create_dir(at("folder")));
    step!(log, fs::create_dir_all(at("folder")));
    step!(log, fs::remove_file(at("file")));
    step!(log, fs::remove_file(at("missing")));
    step!(log, fs::remove_dir(at("folder")));
    step!(log, fs::remove_dir_all(at("folder")));
    step!(log, fs::rename(at("file"), at("new")));
    step!(log, fs::hard_link(at("file"), at("new")));
    step!(log, symlink("file", at("new")));
    step!(log, symlink("file", at("folder")));
    step!(log, fs::hard_link(at("file"), at("folder")));
    step!(log, fs::create_dir(at("file")));
    step!(log, fs::copy(at("file"), at("new")));
    step!(
        log,
        fs::set_permissions(at("file"), Permissions::from_mode(0o600))
    );
    let open = || File::open(at("file"));
    step!(
        log,
        open().and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
    );
    step!(
        log,
        open().and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH))
    );
    step!(log, open().and_then(|file| file.set_len(0)));
    step!(log, open().and_then(|file| file.sync_all()));
    step!(log, fs::read_to_string(at("file")));
}

/// Reads a file of a server that goes away, by its name and open: prints each change, and ends
/// some tries after the first failure. All the while, another thread goes on.
pub(crate) fn outlive(path: &Path) -> Result<()> {
    let mut file = File::open(path)?;
    let mut last = String::new();
    let mut after = 0;
    let start = Instant::now();
    while after < 5 {
        file.rewind()?;
        let mut text = String::new();
        let open = file.read_to_string(&mut text).map(|_| text);
        let named = fs::read_to_string(path);
        let line = format!("open: {}, by name: {}", outcome(&open), outcome(&named));
        if line != last {
            println!("| {line}");
            last = line;
        }
        if open.is_err() || named.is_err() {
            after += 1;
        }
        if start.elapsed() > Duration::from_secs(300) {
            return Err(failure("the server does not go away"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    println!("| still here");
    Ok(())
}

fn outcome(result: &Result<String>) -> String {
    match result {
        Ok(text) => format!("{text:?}"),
        Err(error) => format!("{}: {error}", kind(error)),
    }
}
