//! Open files whose names go away or change.

use crate::log::{Log, step};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Result, Seek, Write};
use std::path::Path;
use std::prelude::v1::*;

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);
    let open = |name: &str| OpenOptions::new().read(true).write(true).open(at(name));

    // Removed, and still open.
    fs::write(at("removed"), "still here")?;
    let mut file = open("removed")?;
    step!(log, fs::remove_file(at("removed")));
    step!(log, fs::exists(at("removed")));
    let mut text = String::new();
    step!(log, file.read_to_string(&mut text));
    log.note("text", &text);
    step!(log, file.write(b", and more"));
    step!(log, file.rewind());
    text.clear();
    step!(log, file.read_to_string(&mut text));
    log.note("text", &text);
    step!(log, file.sync_all());
    // Another of that name is another file.
    step!(log, fs::write(at("removed"), "another"));
    step!(log, file.rewind());
    text.clear();
    step!(log, file.read_to_string(&mut text));
    log.note("text", &text);
    step!(log, fs::read_to_string(at("removed")));
    drop(file);
    step!(log, fs::read_to_string(at("removed")));

    // Renamed, and still open.
    fs::write(at("old"), "content")?;
    let mut file = open("old")?;
    step!(log, fs::rename(at("old"), at("new")));
    step!(log, file.write(b"CON"));
    step!(log, fs::read_to_string(at("new")));
    step!(log, file.metadata().map(|meta| meta.len()));
    step!(log, file.set_len(5));
    step!(log, fs::read_to_string(at("new")));
    step!(log, fs::read_to_string(at("old")));

    // Replaced, and still open.
    fs::write(at("other"), "other content")?;
    step!(log, fs::rename(at("other"), at("new")));
    step!(log, file.rewind());
    text.clear();
    step!(log, file.read_to_string(&mut text));
    log.note("text", &text);
    step!(log, fs::read_to_string(at("new")));

    // Its folder renamed.
    fs::create_dir(at("folder"))?;
    fs::write(at("folder/file"), "deep")?;
    let mut file = open("folder/file")?;
    step!(log, fs::rename(at("folder"), at("directory")));
    step!(log, file.write(b"DE"));
    step!(log, file.metadata().map(|meta| meta.len()));
    step!(log, fs::read_to_string(at("directory/file")));

    // Many at the same time.
    fs::create_dir(at("many"))?;
    let files: Result<Vec<File>> = (0..100)
        .map(|number| File::create_new(at(&format!("many/{number}"))))
        .collect();
    let mut files = files?;
    for (number, file) in files.iter_mut().enumerate() {
        write!(file, "file {number}")?;
    }
    let good = (0..100).filter(|number| {
        let text = fs::read_to_string(at(&format!("many/{number}")));
        matches!(text, Ok(text) if text == format!("file {number}"))
    });
    log.note("good files", good.count());
    step!(log, fs::remove_dir_all(at("many")));
    step!(log, files[7].write(b"!"));
    Ok(())
}
