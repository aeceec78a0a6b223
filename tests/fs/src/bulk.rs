//! A lot of data, and a lot of files.

use crate::log::failure;
use crate::names;
use crate::pattern;
use std::fs::{self, File};
use std::io::{Read, Result, Write};
use std::path::Path;
use std::prelude::v1::*;
use std::{println, thread};

/// What is written at a time.
const PIECE: usize = 1 << 20;

/// Writes `mib` MiB of the pattern.
pub(crate) fn write(path: &Path, mib: u64) -> Result<()> {
    let mut file = File::create(path)?;
    for number in 0..mib {
        file.write_all(&pattern::piece(1, number * PIECE as u64, PIECE))?;
    }
    file.sync_all()?;
    println!("| wrote {mib} MiB");
    Ok(())
}

/// Reads `mib` MiB of the pattern, and the end.
pub(crate) fn read(path: &Path, mib: u64) -> Result<()> {
    let mut file = File::open(path)?;
    let mut piece = std::vec![0; PIECE];
    for number in 0..mib {
        file.read_exact(&mut piece)?;
        if piece != pattern::piece(1, number * PIECE as u64, PIECE) {
            return Err(failure(format!(
                "MiB {number} of {} is not what it was",
                path.display()
            )));
        }
    }
    match file.read(&mut piece)? {
        0 => println!("| read {mib} MiB"),
        more => return Err(failure(format!("{more} bytes after the end"))),
    }
    Ok(())
}

/// Makes `count` small files.
pub(crate) fn create(folder: &Path, count: usize) -> Result<()> {
    for number in 0..count {
        fs::write(
            folder.join(file_name(number)),
            format!("content of {number}\n"),
        )?;
    }
    println!("| made {count} files");
    Ok(())
}

/// A name of some length, so that many need many messages.
fn file_name(number: usize) -> String {
    format!("file number {number} of a folder with very many of them")
}

/// Counts the names in a folder without keeping them, and prints a sum of all.
pub(crate) fn list(folder: &Path) -> Result<()> {
    let mut memory = Memory::now();
    let (mut count, mut sum) = (0_usize, 0_u64);
    for entry in fs::read_dir(folder)? {
        // A sum that does not depend on the order: FNV-1a of each name.
        let hash = names::of(&entry?)
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3_u64)
            });
        sum = sum.wrapping_add(hash);
        count += 1;
        memory.look();
    }
    println!("| {count} names, sum {sum:016x}");
    memory.report("listing");
    Ok(())
}

/// Writes, reads, renames and removes `files` files from each of `threads` threads, all at once.
pub(crate) fn parallel(folder: &Path, threads: usize, files: usize) -> Result<()> {
    fs::write(folder.join("shared"), pattern::piece(99, 0, 300_000))?;
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || one_of_many(folder, number, files)))
            .collect();
        all.into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| failure("a thread panicked"))?)
    })?;
    println!("| {threads} threads wrote {files} files each");
    Ok(())
}

fn one_of_many(folder: &Path, thread: usize, files: usize) -> Result<()> {
    let own = folder.join(format!("thread {thread}"));
    fs::create_dir(&own)?;
    let shared = pattern::piece(99, 0, 300_000);
    for number in 0..files {
        // Of sizes that take one message and several.
        let seed = (thread * 1000 + number) as u64;
        let data = pattern::piece(seed, 0, number * 17_001 % 600_000);
        let (path, renamed) = (own.join("new"), own.join(format!("file {number}")));
        fs::write(&path, &data)?;
        let mut piece = Vec::new();
        File::open(&path)?.read_to_end(&mut piece)?;
        if piece != data {
            return Err(failure(format!(
                "thread {thread}: file {number} is not what was written"
            )));
        }
        fs::rename(&path, &renamed)?;
        if fs::read(folder.join("shared"))? != shared {
            return Err(failure(format!(
                "thread {thread}: what all read is not the same"
            )));
        }
        if number % 2 == 1 {
            fs::remove_file(&renamed)?;
        }
    }
    Ok(())
}

/// The least memory that was free; known in guests only.
struct Memory {
    #[cfg(guest)]
    start: usize,
    #[cfg(guest)]
    least: usize,
}

impl Memory {
    #[cfg(guest)]
    fn now() -> Memory {
        let start = Memory::free();
        Memory {
            start,
            least: start,
        }
    }

    #[cfg(not(guest))]
    fn now() -> Memory {
        Memory {}
    }

    /// Free bytes, of the heap as well.
    #[cfg(guest)]
    fn free() -> usize {
        rt::kernel::mem::free_pages() * 4096
    }

    fn look(&mut self) {
        #[cfg(guest)]
        {
            self.least = self.least.min(Memory::free());
        }
    }

    fn report(&self, what: &str) {
        #[cfg(guest)]
        println!("{what} took {} KiB", (self.start - self.least) / 1024);
        #[cfg(not(guest))]
        let _ = what;
    }
}
