//! Folders that others change at the same time.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Result, Seek, Write};
use std::path::Path;
use std::prelude::v1::*;
use std::time::Duration;
use std::{println, thread};

/// Appends `count` lines to a file that others append to.
pub(crate) fn append(path: &Path, who: &str, count: usize) -> Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    for number in 0..count {
        // One write: others' lines are before or after it.
        file.write_all(format!("{who} {number}\n").as_bytes())?;
    }
    println!("| appended {count} lines");
    Ok(())
}

/// Reads a file again and again, by its name and by an open file, and prints what is new, until it
/// says `end` or is gone.
pub(crate) fn follow(path: &Path) -> Result<()> {
    let mut file = File::open(path)?;
    let (mut seen, mut seen_open) = (String::new(), String::new());
    while seen != "end" {
        match fs::read_to_string(path) {
            Ok(text) if text != seen => {
                println!("| by name: {text:?}, {} bytes", fs::metadata(path)?.len());
                seen = text;
            }
            _ => {}
        }
        file.rewind()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        if text != seen_open {
            println!("| open: {text:?}, {} bytes", file.metadata()?.len());
            seen_open = text;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Makes files that nobody else has: of several who try, one makes each. Prints how many it made.
pub(crate) fn claim(folder: &Path, count: usize) -> Result<()> {
    let mut made = 0;
    for number in 0..count {
        match File::create_new(folder.join(format!("claim {number}"))) {
            Ok(_) => made += 1,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    println!("| made {made} of {count}");
    Ok(())
}

/// Writes for ever; the host ends it.
pub(crate) fn write_for_ever(path: &Path) -> Result<()> {
    let data = std::vec![b'x'; 300_000];
    loop {
        let mut file = File::create(path)?;
        for _ in 0..10 {
            file.write_all(&data)?;
        }
        println!("| wrote 3 MB");
    }
}
