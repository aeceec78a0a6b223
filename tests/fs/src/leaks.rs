//! What open files take, and give back.

use crate::log::failure;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Result, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::prelude::v1::*;
use std::time::{Duration, Instant};
use std::{println, thread};

use rt::kernel::{event, grant, mem};

/// What is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resources {
    grants: u32,
    ports: usize,
    /// Pages that are free, or that the heap keeps.
    pages: usize,
    /// Names that the server knows open files and folders by.
    fids: usize,
}

impl Resources {
    fn now() -> Resources {
        Resources {
            grants: grant::in_use(),
            ports: event::in_use(),
            pages: mem::free_pages() + mem::heap_use().pages,
            fids: fids(),
        }
    }

    /// What is taken once it is as `expected`, or after some seconds: files are closed in the
    /// background.
    fn settled(expected: Resources) -> Resources {
        let start = Instant::now();
        loop {
            let now = Resources::now();
            if now == expected || start.elapsed() > Duration::from_secs(10) {
                return now;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Of the volume `data`.
fn fids() -> usize {
    fs::stats("data").map_or(0, |stats| stats.fids)
}

/// Everything that takes something, once.
fn round(folder: &Path, number: usize) -> Result<()> {
    let file = folder.join("file");
    let mut open = OpenOptions::new().read(true).append(true).open(&file)?;
    open.write_all(b"x")?;
    let mut text = String::new();
    File::open(&file)?.take(100).read_to_string(&mut text)?;
    fs::metadata(&file)?;
    let names = fs::read_dir(folder)?;
    // One that is not read to its end.
    drop(fs::read_dir(folder)?.next());
    if names.count() != 3 {
        return Err(failure("not what was made"));
    }
    fs::canonicalize(folder.join("link"))?;
    fs::read_to_string(folder.join("link"))?;
    for missing in ["missing", "file/missing", "missing/missing", "folder"] {
        if OpenOptions::new()
            .write(true)
            .open(folder.join(missing))
            .is_ok()
        {
            return Err(failure(format!("{missing} can be opened")));
        }
    }
    let _ = fs::remove_dir(folder.join("file"));
    let _ = fs::create_dir(folder.join("file"));
    if number.is_multiple_of(10) {
        if File::open(folder.join("loop")).is_ok() {
            return Err(failure("a link to itself can be opened"));
        }
        let (one, other) = (folder.join("one"), folder.join("other"));
        fs::write(&one, "x")?;
        fs::rename(&one, &other)?;
        fs::hard_link(&other, &one)?;
        fs::remove_file(&one)?;
        fs::remove_file(&other)?;
        fs::create_dir_all(folder.join("a/b/c"))?;
        fs::remove_dir_all(folder.join("a"))?;
    }
    Ok(())
}

/// After a thousand files were opened and closed everything is as before.
pub(crate) fn check(folder: &Path) -> Result<()> {
    fs::write(folder.join("file"), "content")?;
    symlink("file", folder.join("link"))?;
    symlink("loop", folder.join("loop"))?;
    // What is kept from the first time on: the session, its rings, pages of the heap.
    (0..10).try_for_each(|number| round(folder, number))?;
    thread::sleep(Duration::from_millis(200));
    let before = Resources::now();
    println!("before: {before:?}");
    (0..30).try_for_each(|number| round(folder, number))?;
    for _ in 0..1000 {
        File::open(folder.join("file"))?;
    }
    let after = Resources::settled(before);
    println!("after: {after:?}");
    if after != before {
        return Err(failure(format!("before {before:?}, after {after:?}")));
    }
    // Open files take something, or the count says nothing.
    let open: Result<Vec<File>> = (0..50).map(|_| File::open(folder.join("file"))).collect();
    let open = open?;
    let during = fids();
    drop(open);
    let after = Resources::settled(before);
    if during < before.fids + 50 || after != before {
        return Err(failure(format!(
            "{during} fids with 50 files open, then {after:?}"
        )));
    }
    println!("| as before");
    Ok(())
}
