//! Every operation, and what came of it, line by line. Nothing in here knows what is right: the
//! same code is compiled against std and run by a Linux, and both say the same or one is wrong.

mod copies;
mod files;
mod folders;
mod handles;
mod links;
mod locks;
mod metadata;
mod modes;
mod names;
mod offsets;
mod renames;

use crate::log::Log;
use std::fs;
use std::io::Result;
use std::path::Path;

pub(crate) use names::odd as odd_names;

type Part = fn(&mut Log, &Path) -> Result<()>;

const PARTS: [(&str, Part); 11] = [
    ("modes", modes::check),
    ("files", files::check),
    ("offsets", offsets::check),
    ("handles", handles::check),
    ("folders", folders::check),
    ("renames", renames::check),
    ("links", links::check),
    ("locks", locks::check),
    ("metadata", metadata::check),
    ("copies", copies::check),
    ("names", names::check),
];

/// Plays all parts, or those that are named, each in a folder of its own in `folder`.
pub(crate) fn play(folder: &Path, wanted: &[&str]) -> Result<Log> {
    let mut log = Log::default();
    for (name, part) in PARTS {
        if !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        let own = folder.join(name);
        fs::create_dir(&own)?;
        log.title(name);
        let end = part(&mut log, &own);
        log.step("end", end);
    }
    Ok(log)
}

#[cfg(all(test, not(guest)))]
mod tests {
    /// What std does on Linux, as the guest's case has it.
    #[test]
    fn std_says_what_is_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let log = super::play(folder.path(), &[]).unwrap();
        let wanted: Vec<&str> = include_str!("../../data/transcript").lines().collect();
        for (have, want) in log.lines().iter().zip(&wanted) {
            assert_eq!(have, want);
        }
        assert_eq!(log.lines().len(), wanted.len());
    }
}
