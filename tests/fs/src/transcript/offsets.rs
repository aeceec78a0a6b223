//! Files that grow, shrink and have holes, and offsets that need 64 bits.

use crate::log::{Log, step};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::prelude::v1::*;

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(at("file"))?;
    step!(log, file.write(b"0123456789"));
    step!(log, file.set_len(4));
    step!(log, file.stream_position());
    step!(log, fs::read(at("file")));
    step!(log, file.write(b"after"));
    step!(log, fs::read(at("file")));
    step!(log, file.set_len(0));
    step!(log, file.set_len(9));
    step!(log, fs::read(at("file")));
    step!(log, file.set_len(u64::MAX));
    step!(log, file.metadata().map(|meta| meta.len()));
    step!(log, fs::write(at("file"), "new"));
    step!(log, File::create(at("file")).map(drop));
    step!(log, fs::read(at("file")));

    // Past the end: what lies between is zeros.
    step!(log, file.seek(SeekFrom::Start(100_000)));
    step!(log, file.write(b"x"));
    step!(
        log,
        fs::read(at("file"))
            .map(|read| (read.len(), read.iter().filter(|byte| **byte != 0).count()))
    );

    // Beyond 32 bits.
    for place in [(1 << 31) - 2, (1 << 32) - 2, 5 << 30, (1 << 40) + 1] {
        let mut piece = [0; 8];
        log.step(
            &format!("write at {place}"),
            file.write_all_at(b"far away", place),
        );
        log.step(
            &format!("read at {place}"),
            file.read_exact_at(&mut piece, place),
        );
        log.note("piece", piece);
        log.step("size", fs::metadata(at("file")).map(|meta| meta.len()));
    }
    step!(log, file.seek(SeekFrom::End(-4)));
    let mut rest = String::new();
    step!(log, file.read_to_string(&mut rest));
    log.note("rest", &rest);
    step!(log, file.stream_position());
    step!(log, file.set_len(5 << 30));
    step!(log, file.metadata().map(|meta| meta.len()));
    step!(log, file.seek(SeekFrom::Current(-3)));
    step!(log, file.read(&mut [0; 8]));
    step!(log, fs::remove_file(at("file")));
    Ok(())
}
