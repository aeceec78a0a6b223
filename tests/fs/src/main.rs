//! Tries every operation on files and says what came of it, as a guest on a volume and as a program
//! of dom0 with std: the same source, so that the cases compare the two line by line.
//!
//! | file | what is tried |
//! |---|---|
//! | `transcript/` | every operation, its outcome and the kind of its error |
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
extern crate rt as std;

mod log;
mod names;
mod transcript;

use std::io::Result;
use std::path::Path;
use std::prelude::v1::*;

#[cfg_attr(guest, rt::main)]
fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["transcript", folder, parts @ ..] => transcript::play(Path::new(folder), parts)?.print(),
        other => return Err(log::usage(format!("do not know how to {other:?}"))),
    }
    Ok(())
}
