//! What the ways to open a file demand and permit.

use crate::log::{Log, step};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::path::Path;
use std::prelude::v1::*;

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);
    step!(log, fs::create_dir(at("folder")));
    step!(log, fs::write(at("file"), "0123456789"));

    // Every combination of the five that make or open.
    for bits in 0..32_u32 {
        let bit = |number: u32| bits & (1 << number) != 0;
        let mut options = OpenOptions::new();
        options.read(bit(0)).write(bit(1)).append(bit(2));
        options.truncate(bit(3)).create(bit(4));
        let names = ["read", "write", "append", "truncate", "create"];
        let chosen: Vec<&str> = (0..5)
            .zip(names)
            .filter(|(number, _)| bit(*number))
            .map(|(_, name)| name)
            .collect();
        let chosen = chosen.join("+");
        fs::write(at("file"), "0123456789")?;
        let _ = fs::remove_file(at("new"));
        for name in ["file", "new", "folder"] {
            let opened = options.open(at(name)).map(|_| ());
            log.step(&format!("{chosen}: open {name}"), opened);
        }
        log.step(
            &format!("{chosen}: file after it"),
            fs::read_to_string(at("file")),
        );
        log.step(
            &format!("{chosen}: new after it"),
            fs::read_to_string(at("new")),
        );
    }

    step!(
        log,
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(at("file"))
            .map(drop)
    );
    step!(
        log,
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(at("folder"))
            .map(drop)
    );
    step!(
        log,
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(at("exclusive"))
            .map(drop)
    );
    step!(
        log,
        OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(at("exclusive"))
            .map(drop)
    );
    step!(
        log,
        OpenOptions::new()
            .read(true)
            .create_new(true)
            .open(at("reader"))
            .map(drop)
    );
    step!(
        log,
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .truncate(true)
            .open(at("both"))
            .map(drop)
    );
    step!(log, File::create_new(at("exclusive")).map(drop));
    step!(log, File::create_new(at("exclusive 2")).map(drop));
    step!(log, File::create(at("no/file")).map(drop));
    step!(log, File::create(at("file/file")).map(drop));
    step!(log, File::create(at("new/")).map(drop));
    step!(log, File::create(at("folder")).map(drop));
    step!(log, File::create(at("folder/")).map(drop));
    step!(log, File::create("").map(drop));
    step!(log, File::open("").map(drop));
    step!(log, File::open(at("missing")).map(drop));
    step!(log, File::open(at("no/missing")).map(drop));
    step!(log, File::open(at("file/")).map(drop));
    step!(log, File::open(at("file/.")).map(drop));
    step!(log, File::open(at("file/..")).map(drop));
    step!(log, File::open(at("folder/.")).map(drop));
    step!(log, File::open(at("folder/../file")).map(drop));
    step!(log, File::open(at("missing/../file")).map(drop));
    step!(log, File::open(at("./folder//.././//file")).map(drop));

    // What a way to open forbids later.
    let mut reader = File::open(at("file"))?;
    step!(log, reader.write(b"x"));
    step!(log, reader.set_len(3));
    step!(log, reader.flush());
    let mut writer = OpenOptions::new().write(true).open(at("file"))?;
    step!(log, writer.read(&mut [0; 4]));
    step!(log, writer.read_to_end(&mut Vec::new()));
    step!(log, writer.write(b"abc"));
    let mut both = OpenOptions::new().read(true).write(true).open(at("file"))?;
    let mut text = String::new();
    step!(log, both.read_to_string(&mut text));
    log.note("text", &text);
    step!(log, both.seek(SeekFrom::Start(1)));
    step!(log, both.write(b"--"));
    step!(log, fs::read_to_string(at("file")));

    // A folder opens as a file, and cannot be read as one.
    let mut folder = File::open(at("folder"))?;
    step!(log, folder.metadata().map(|data| data.is_dir()));
    step!(log, folder.read(&mut [0; 4]));
    step!(log, folder.write(b"x"));
    step!(log, folder.sync_all());
    step!(log, fs::read(at("folder")));
    step!(log, fs::write(at("folder"), "x"));

    // Appending.
    let mut one = OpenOptions::new().append(true).open(at("file"))?;
    let mut other = OpenOptions::new()
        .read(true)
        .append(true)
        .open(at("file"))?;
    fs::write(at("file"), "")?;
    for round in 0..3 {
        write!(one, "one {round};")?;
        write!(other, "other {round};")?;
    }
    step!(log, fs::read_to_string(at("file")));
    // Of the last who wrote: where one is whom others overtook is not in the protocol.
    step!(log, other.stream_position());
    step!(log, other.seek(SeekFrom::Start(4)));
    let mut piece = [0; 3];
    step!(log, other.read(&mut piece));
    log.note("piece", piece);
    step!(log, other.write(b"end"));
    step!(log, other.stream_position());
    step!(log, one.set_len(2));
    step!(log, one.write(b"!"));
    step!(log, fs::read_to_string(at("file")));
    Ok(())
}
