//! Measures the files of a folder for `cargo boot bench`. The same source is a guest of ours on a
//! volume and a program with std in a Linux guest on the same volume.
//!
//! `file-bench FOLDER BYTES READS APPENDS` prints a line `bench NAME VALUE` per figure, and removes
//! what it made. What is read is checked, and what is missing or wrong is an error.
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
extern crate rt as std;

use std::fmt::Display;
use std::format;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::println;
use std::string::String;
use std::time::{Duration, Instant};
use std::vec;
use std::vec::Vec;

/// What is written and read at a time, one after the other.
const CHUNK_BYTES: usize = 256 * 1024;
/// What is read at a time, anywhere in the file.
const BLOCK_BYTES: usize = 4096;
/// What is appended at a time, as a line of a log.
const LINE: [u8; 100] = *b"a line of a log, which must be on the server's disk before its writer goes on with anything else...\n";
const USAGE: &str = "usage: file-bench FOLDER BYTES READS APPENDS";

#[cfg_attr(guest, rt::main)]
fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, bytes, reads, appends] = args.as_slice() else {
        return Err(Error::new(ErrorKind::InvalidInput, USAGE));
    };
    let figures = measure(
        Path::new(folder),
        number(bytes)?,
        number(reads)?,
        number(appends)?,
    )?;
    for (name, value) in figures {
        println!("bench {name} {value}");
    }
    println!("bench-done");
    Ok(())
}

fn number(text: &str) -> Result<u64> {
    text.parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, format!("number {text:?}")))
}

/// All figures, by name: bytes or operations per second.
fn measure(
    folder: &Path,
    bytes: u64,
    reads: u64,
    appends: u64,
) -> Result<Vec<(&'static str, u64)>> {
    let blocks = bytes / BLOCK_BYTES as u64;
    if blocks == 0 {
        return Err(Error::new(ErrorKind::InvalidInput, "too few bytes"));
    }
    let bytes = blocks * BLOCK_BYTES as u64;
    let (data, log) = (folder.join("bench-data"), folder.join("bench-log"));
    // Connecting to the server is not what is measured.
    File::create(&log)?;
    let written = write(&data, bytes)?;
    let read = read(&data, bytes)?;
    let picked = pick(&data, blocks, reads)?;
    let appended = append(&log, appends)?;
    fs::remove_file(&data)?;
    fs::remove_file(&log)?;
    Ok(vec![
        ("file-write", per_second(bytes, written)),
        ("file-read", per_second(bytes, read)),
        ("file-random-read", per_second(reads, picked)),
        ("file-append", per_second(appends, appended)),
    ])
}

fn per_second(count: u64, took: Duration) -> u64 {
    let rate = u128::from(count) * 1_000_000_000 / took.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// Each block begins with its number.
fn fill(chunk: &mut [u8], first: u64) {
    for (block, number) in chunk.chunks_mut(BLOCK_BYTES).zip(first..) {
        block[..8].copy_from_slice(&number.to_le_bytes());
    }
}

fn check(chunk: &[u8], first: u64) -> Result<()> {
    for (block, number) in chunk.chunks(BLOCK_BYTES).zip(first..) {
        if block.get(..8) != Some(number.to_le_bytes().as_slice()) {
            return Err(wrong(format_args!(
                "block {number} is not what was written"
            )));
        }
    }
    Ok(())
}

fn wrong(what: impl Display) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{what}"))
}

/// Writes the file from beginning to end, until the server has it on its disk.
fn write(path: &PathBuf, bytes: u64) -> Result<Duration> {
    let mut chunk = vec![b'x'; CHUNK_BYTES];
    let start = Instant::now();
    let mut file = File::create(path)?;
    let mut at = 0;
    while at < bytes {
        let length = part(bytes - at);
        fill(&mut chunk[..length], at / BLOCK_BYTES as u64);
        file.write_all(&chunk[..length])?;
        at += length as u64;
    }
    file.sync_all()?;
    drop(file);
    Ok(start.elapsed())
}

/// How much of `left` bytes is moved at a time.
fn part(left: u64) -> usize {
    usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))
}

/// Reads it from beginning to end.
fn read(path: &PathBuf, bytes: u64) -> Result<Duration> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let start = Instant::now();
    let mut file = File::open(path)?;
    let mut at = 0;
    while at < bytes {
        let length = part(bytes - at);
        file.read_exact(&mut chunk[..length])?;
        check(&chunk[..length], at / BLOCK_BYTES as u64)?;
        at += length as u64;
    }
    if file.read(&mut chunk)? != 0 {
        return Err(wrong("the file is longer than what was written"));
    }
    Ok(start.elapsed())
}

/// Reads blocks anywhere in it, one after the other.
fn pick(path: &PathBuf, blocks: u64, count: u64) -> Result<Duration> {
    let mut block = [0; BLOCK_BYTES];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let file = File::open(path)?;
    let start = Instant::now();
    for _ in 0..count {
        // Xorshift: the same places each time.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let number = random % blocks;
        file.read_exact_at(&mut block, number * BLOCK_BYTES as u64)?;
        check(&block, number)?;
    }
    Ok(start.elapsed())
}

/// Appends lines, each of which is on the server's disk before the next.
fn append(path: &PathBuf, count: u64) -> Result<Duration> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let start = Instant::now();
    for _ in 0..count {
        file.write_all(&LINE)?;
        file.sync_all()?;
    }
    let took = start.elapsed();
    let length = file.metadata()?.len();
    if length != count * LINE.len() as u64 {
        return Err(wrong(format_args!("{count} lines are {length} bytes")));
    }
    Ok(took)
}

#[cfg(all(test, not(guest)))]
mod tests {
    use super::*;

    #[test]
    fn measures_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let figures = measure(folder.path(), 3 * CHUNK_BYTES as u64 / 2, 10, 5).unwrap();
        assert_eq!(figures.len(), 4);
        assert!(figures.iter().all(|(_, value)| *value > 0), "{figures:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(measure(folder.path(), 4095, 10, 5).is_err());
    }

    #[test]
    fn what_is_missing_or_wrong_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes = 2 * CHUNK_BYTES as u64;
        write(&path, bytes).unwrap();
        read(&path, bytes).unwrap();
        assert!(read(&path, bytes - 4096).is_err(), "longer");
        assert!(read(&path, bytes + 4096).is_err(), "shorter");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"!", bytes - 4096).unwrap();
        assert!(read(&path, bytes).is_err());
        assert!(pick(&path, bytes / 4096, 2000).is_err());
    }
}
