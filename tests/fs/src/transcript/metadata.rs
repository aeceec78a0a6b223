//! What is known of a file, and what of it can be set.

use crate::log::{Log, step};
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, Permissions};
use std::io::{Result, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;
use std::prelude::v1::*;
use std::time::{Duration, SystemTime};

/// The permissions of a file.
fn mode(path: &Path) -> Result<String> {
    fs::symlink_metadata(path).map(|meta| format!("{:o}", meta.permissions().mode()))
}

/// The times of a file, since 1970.
fn times(path: &Path) -> Result<(Duration, Duration)> {
    let meta = fs::metadata(path)?;
    let since = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
    };
    Ok((since(meta.accessed()?), since(meta.modified()?)))
}

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);
    fs::write(at("file"), "0123456789")?;
    fs::create_dir(at("folder"))?;
    symlink("file", at("link"))?;
    symlink("nowhere", at("dangling"))?;

    let own = fs::metadata(dir)?;
    let owner = (own.uid(), own.gid());
    for name in ["file", "folder", "link"] {
        for meta in [fs::metadata(at(name))?, fs::symlink_metadata(at(name))?] {
            let kind = meta.file_type();
            log.note(name, (meta.is_file(), meta.is_dir(), meta.is_symlink()));
            log.note(name, (kind.is_file(), kind.is_dir(), kind.is_symlink()));
            log.note("kind of mode", format!("{:o}", meta.mode() >> 12));
            log.note("owner", (meta.uid(), meta.gid()) == owner);
            log.note("read-only", meta.permissions().readonly());
            if meta.is_file() {
                log.note("size, links", (meta.len(), meta.size(), meta.nlink()));
            }
        }
    }
    step!(log, fs::metadata(at("missing")).map(drop));
    step!(log, fs::metadata(at("file/missing")).map(drop));
    step!(log, fs::metadata("").map(drop));
    step!(log, fs::exists(at("file")));
    step!(log, fs::exists(at("missing")));
    step!(log, fs::exists(at("missing/missing")));
    step!(log, fs::exists(at("file/missing")));
    step!(
        log,
        File::open(at("file"))
            .and_then(|file| file.metadata())
            .map(|meta| meta.len())
    );

    // Permissions, as they are made and set.
    step!(
        log,
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o640)
            .open(at("640"))
            .map(drop)
    );
    step!(log, mode(&at("640")));
    step!(
        log,
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o400)
            .open(at("640"))
            .map(drop)
    );
    step!(log, mode(&at("640")));
    step!(
        log,
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(at("400"))
            .and_then(|mut file| file.write(b"x"))
    );
    step!(log, mode(&at("400")));
    step!(log, DirBuilder::new().mode(0o750).create(at("750")));
    step!(log, mode(&at("750")));
    step!(log, mode(&at("file")));
    step!(log, mode(&at("folder")));
    step!(log, mode(&at("link")));
    for bits in [0o644, 0o000, 0o777, 0o600, 0o4755, 0o1777, 0o100_640] {
        let what = format!("set {bits:o}");
        log.step(
            &what,
            fs::set_permissions(at("file"), Permissions::from_mode(bits)),
        );
        log.step(&what, mode(&at("file")));
    }
    step!(
        log,
        fs::set_permissions(at("link"), Permissions::from_mode(0o600))
    );
    step!(log, mode(&at("file")));
    step!(log, mode(&at("link")));
    step!(
        log,
        fs::set_permissions(at("folder"), Permissions::from_mode(0o700))
    );
    step!(log, mode(&at("folder")));
    step!(
        log,
        fs::set_permissions(at("dangling"), Permissions::from_mode(0o700))
    );
    step!(
        log,
        fs::set_permissions(at("missing"), Permissions::from_mode(0o700))
    );
    let file = File::open(at("file"))?;
    step!(log, file.set_permissions(Permissions::from_mode(0o444)));
    step!(log, mode(&at("file")));
    let mut permissions = fs::metadata(at("file"))?.permissions();
    log.note("read-only", permissions.readonly());
    #[allow(clippy::permissions_set_readonly_false, reason = "as the word says")]
    permissions.set_readonly(false);
    step!(log, fs::set_permissions(at("file"), permissions.clone()));
    step!(log, mode(&at("file")));
    permissions.set_readonly(true);
    step!(log, file.set_permissions(permissions));
    step!(log, mode(&at("file")));
    step!(
        log,
        fs::set_permissions(at("file"), Permissions::from_mode(0o644))
    );

    // Times.
    let file = OpenOptions::new().write(true).open(at("file"))?;
    let moment =
        |seconds, nanoseconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    let long_ago = FileTimes::new()
        .set_accessed(moment(1_000_000_000, 123_456_789))
        .set_modified(moment(1_234_567_890, 987_654_321));
    step!(log, file.set_times(long_ago));
    step!(log, times(&at("file")));
    step!(log, file.set_modified(moment(2_000_000_000, 1)));
    step!(log, times(&at("file")));
    step!(
        log,
        file.set_times(FileTimes::new().set_accessed(moment(0, 0)))
    );
    step!(log, times(&at("file")));
    step!(log, file.set_times(FileTimes::new()));
    step!(log, times(&at("file")));
    step!(log, file.set_modified(moment(5_000_000_000, 0)));
    step!(log, times(&at("file")));
    // What is written is later than that.
    step!(log, file.set_modified(moment(1_000_000_000, 0)));
    step!(log, fs::write(at("file"), "later"));
    let later = fs::metadata(at("file")).and_then(|meta| meta.modified());
    log.step("written", later.map(|time| time > moment(1_000_000_000, 0)));
    let made = fs::metadata(at("file"))?;
    log.note(
        "times as numbers",
        made.modified()?
            == moment(
                u64::try_from(made.mtime()).unwrap_or(0),
                u32::try_from(made.mtime_nsec()).unwrap_or(0),
            ),
    );
    log.note("changed", made.ctime() > 1_000_000_000);
    Ok(())
}
