//! Tries every operation on files and says what came of it, as a guest on a volume and as a program
//! of dom0 with std: the same source, so that the cases compare the two line by line.
//!
//! | file | what is tried |
//! |---|---|
//! | `transcript/` | every operation, its outcome and the kind of its error |
//! | `manifest.rs` | a folder with a bit of everything, and all that is known of what is in one |
//! | `bulk.rs` | a lot of data, a lot of files, many threads |
//! | `shared.rs` | folders that others change at the same time |
//! | `trouble.rs` | no space, no rights, no server, paths that lead out |
//! | `leaks.rs` | what open files take, and give back |
//! | `names.rs`, `pattern.rs`, `log.rs` | names as bytes, what files are filled with, what is printed |
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
extern crate rt as std;

mod bulk;
#[cfg(guest)]
mod leaks;
mod log;
mod manifest;
mod names;
mod pattern;
mod shared;
mod transcript;
mod trouble;

use std::io::Result;
use std::path::Path;
use std::prelude::v1::*;

#[cfg_attr(guest, rt::main)]
fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["transcript", folder, parts @ ..] => drop(transcript::play(path(folder), parts)?),
        ["plant", folder] => manifest::plant(path(folder))?,
        ["manifest", folder] => manifest::print(path(folder))?,
        ["write", file, mib] => bulk::write(path(file), number(mib)? as u64)?,
        ["read", file, mib] => bulk::read(path(file), number(mib)? as u64)?,
        ["create", folder, count] => bulk::create(path(folder), number(count)?)?,
        ["list", folder] => bulk::list(path(folder))?,
        ["parallel", folder, threads, files] => {
            bulk::parallel(path(folder), number(threads)?, number(files)?)?;
        }
        ["append", file, who, count] => shared::append(path(file), who, number(count)?)?,
        ["follow", file] => shared::follow(path(file))?,
        ["claim", folder, count] => shared::claim(path(folder), number(count)?)?,
        ["write-for-ever", file] => shared::write_for_ever(path(file))?,
        ["look", paths @ ..] => trouble::look(paths),
        ["fill", folder] => trouble::fill(path(folder))?,
        ["read-only", folder] => trouble::read_only(path(folder)),
        ["outlive", file] => trouble::outlive(path(file))?,
        #[cfg(guest)]
        ["leaks", folder] => leaks::check(path(folder))?,
        other => return Err(log::usage(format!("do not know how to {other:?}"))),
    }
    Ok(())
}

fn path(text: &str) -> &Path {
    Path::new(text)
}

fn number(text: &str) -> Result<usize> {
    text.parse()
        .map_err(|_| log::usage(format!("not a number: {text:?}")))
}
