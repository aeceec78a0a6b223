//! Reading and writing, whole and in pieces.

use crate::log::{Log, step};
use std::fs::{self, File, OpenOptions};
use std::io::{
    BufRead, BufReader, BufWriter, IoSlice, IoSliceMut, Read, Result, Seek, SeekFrom, Write,
};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::prelude::v1::*;

/// Some bytes that do not repeat soon.
fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|place| (place * 7 + place / 251).to_le_bytes()[0])
        .collect()
}

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);

    // Around every size at which something may change: nothing, a page, a message, more.
    for size in [0, 1, 4095, 4096, 4097, 65_536, 131_071, 262_144, 1_000_003] {
        let data = bytes(size);
        log.step(&format!("write {size}"), fs::write(at("sized"), &data));
        log.step(
            &format!("size {size}"),
            fs::metadata(at("sized")).map(|meta| meta.len()),
        );
        log.step(
            &format!("read {size}"),
            fs::read(at("sized")).map(|read| read == data),
        );
    }
    step!(log, fs::write(at("sized"), "short now"));
    step!(log, fs::read_to_string(at("sized")));
    step!(log, fs::write(at("bad text"), b"\xff\xfe"));
    step!(log, fs::read_to_string(at("bad text")));
    step!(log, fs::read(at("missing")));
    step!(log, fs::read_to_string(at("missing")));

    // Pieces of all sizes, from all places.
    let data = bytes(300_000);
    fs::write(at("pieces"), &data)?;
    let mut file = File::open(at("pieces"))?;
    let mut read: Vec<u8> = Vec::new();
    for size in (1..).step_by(997) {
        let mut piece = vec![0; size];
        match file.read(&mut piece)? {
            0 => break,
            count => read.extend(&piece[..count]),
        }
    }
    log.note("in pieces", read == data);
    step!(log, file.read(&mut [0; 8]));
    step!(log, file.read(&mut []));
    step!(log, file.stream_position());
    for place in [
        0, 1, 4095, 4096, 131_072, 262_143, 299_999, 300_000, 400_000,
    ] {
        let mut piece = [0; 100];
        file.seek(SeekFrom::Start(place as u64))?;
        let count = file.read(&mut piece)?;
        let wanted = data.get(place..(place + count)).unwrap_or_default();
        log.note(&format!("from {place}"), (count, piece[..count] == *wanted));
    }
    step!(log, file.seek(SeekFrom::End(-3)));
    step!(log, file.read(&mut [0; 8]));
    step!(log, file.seek(SeekFrom::Current(-300_000)));
    step!(log, file.seek(SeekFrom::Current(-1)));
    step!(log, file.seek(SeekFrom::End(-300_001)));
    step!(log, file.seek(SeekFrom::End(5)));
    step!(log, file.read(&mut [0; 8]));
    step!(log, file.seek(SeekFrom::Start(u64::MAX)));
    step!(log, file.stream_position());
    step!(log, file.rewind());
    step!(log, file.read_exact(&mut read));
    step!(log, file.read_exact(&mut [0; 1]));

    // At a place, without moving.
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(at("pieces"))?;
    let mut piece = [0; 5];
    step!(log, file.read_at(&mut piece, 1000));
    log.note("piece", piece == data[1000..1005]);
    step!(log, file.write_at(b"hello", 1000));
    step!(log, file.read_at(&mut piece, 1000));
    log.note("piece", piece);
    step!(log, file.read_at(&mut piece, 299_998));
    step!(log, file.read_at(&mut piece, 300_000));
    step!(log, file.read_at(&mut piece, u64::MAX));
    step!(log, file.write_at(b"x", u64::MAX));
    step!(log, file.read_exact_at(&mut piece, 299_998));
    step!(log, file.write_all_at(b"the end", 299_998));
    step!(log, (&file).stream_position());
    step!(log, file.metadata().map(|meta| meta.len()));

    // What was read ahead is not told after it was written over, by the same file or another.
    let mut reader = OpenOptions::new()
        .read(true)
        .write(true)
        .open(at("pieces"))?;
    step!(log, reader.read(&mut [0; 10]));
    step!(log, reader.write(b"overwritten"));
    step!(log, reader.seek(SeekFrom::Start(10)));
    let mut text = [0; 11];
    step!(log, reader.read_exact(&mut text));
    log.note("text", String::from_utf8_lossy(&text));
    step!(log, file.write_all_at(b"by another", 21));
    let mut text = [0; 10];
    step!(log, reader.read_exact(&mut text));
    log.note("text", String::from_utf8_lossy(&text));
    // Nor is an end where there is none any more.
    step!(log, reader.seek(SeekFrom::End(0)));
    step!(log, reader.read(&mut [0; 10]));
    step!(log, file.write_all_at(b"more", 300_005));
    step!(log, reader.read(&mut [0; 10]));
    step!(log, reader.read(&mut [0; 10]));
    step!(log, file.set_len(300_000));
    step!(log, reader.seek(SeekFrom::Start(299_999)));
    step!(log, reader.read(&mut [0; 10]));

    // Vectors.
    let mut file = File::create(at("vectors"))?;
    let pieces = ["one, ", "", "two, ", "three"];
    let mut slices = pieces.map(|text| IoSlice::new(text.as_bytes()));
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        // At least one of them, as many as the system takes.
        let count = file.write_vectored(left)?;
        IoSlice::advance_slices(&mut left, count);
    }
    step!(log, fs::read_to_string(at("vectors")));
    let mut file = File::open(at("vectors"))?;
    let (mut one, mut other) = ([0; 5], [0; 3]);
    let count = file.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)]);
    step!(log, count.map(|count| count > 0));
    log.note("one", one);

    // Lines, buffered both ways.
    let mut writer = BufWriter::new(File::create(at("lines"))?);
    for line in 0..5000 {
        writeln!(writer, "line {line}")?;
    }
    step!(log, writer.flush());
    step!(
        log,
        writer
            .into_inner()
            .map(drop)
            .map_err(|error| error.into_error())
    );
    let lines = BufReader::new(File::open(at("lines"))?).lines();
    let good = lines
        .enumerate()
        .filter(|(number, line)| matches!(line, Ok(line) if *line == format!("line {number}")));
    log.note("good lines", good.count());
    step!(log, fs::metadata(at("lines")).map(|meta| meta.len()));

    // Clones are one open file.
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(at("lines"))?;
    let mut clone = file.try_clone()?;
    step!(log, file.read(&mut [0; 7]));
    step!(log, clone.stream_position());
    step!(log, clone.write(b"LINE"));
    step!(log, file.stream_position());
    drop(file);
    step!(log, clone.rewind());
    let mut text = [0; 14];
    step!(log, clone.read_exact(&mut text));
    log.note("text", String::from_utf8_lossy(&text));
    step!(log, clone.sync_all());
    step!(log, clone.sync_data());
    Ok(())
}
