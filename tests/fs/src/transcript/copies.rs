//! Copies of whole files.

use crate::log::{Log, step};
use std::fs::{self, File, Permissions};
use std::io::{self, Result};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::prelude::v1::*;

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    let at = |name: &str| dir.join(name);
    let mode =
        |name: &str| fs::metadata(dir.join(name)).map(|meta| meta.permissions().mode() & 0o7777);
    let data: Vec<u8> = (0..700_001_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(at("large"), &data)?;
    fs::write(at("empty"), "")?;
    fs::write(at("small"), "small")?;
    fs::create_dir(at("folder"))?;
    symlink("small", at("link"))?;
    symlink("new", at("dangling"))?;
    fs::set_permissions(at("small"), Permissions::from_mode(0o751))?;

    step!(log, fs::copy(at("large"), at("large copy")));
    log.note("equal", fs::read(at("large copy"))? == data);
    step!(log, fs::copy(at("small"), at("large copy")));
    step!(log, fs::read_to_string(at("large copy")));
    step!(log, mode("large copy"));
    step!(log, fs::copy(at("small"), at("small copy")));
    step!(log, mode("small copy"));
    step!(log, fs::copy(at("empty"), at("empty copy")));
    step!(log, fs::metadata(at("empty copy")).map(|meta| meta.len()));
    step!(log, fs::copy(at("link"), at("link copy")));
    step!(
        log,
        fs::symlink_metadata(at("link copy")).map(|meta| meta.is_file())
    );
    step!(log, fs::copy(at("small"), at("dangling")));
    step!(log, fs::read_to_string(at("new")));
    step!(log, fs::copy(at("missing"), at("x")));
    step!(log, fs::exists(at("x")));
    step!(log, fs::copy(at("folder"), at("x")));
    step!(log, fs::exists(at("x")));
    step!(log, fs::copy(at("small"), at("folder")));
    step!(log, fs::copy(at("small"), at("folder/")));
    step!(log, fs::copy(at("small"), at("no/x")));
    step!(log, fs::copy(at("small"), at("small/x")));
    step!(
        log,
        io::copy(
            &mut File::open(at("large"))?,
            &mut File::create(at("piped"))?
        )
    );
    log.note("equal", fs::read(at("piped"))? == data);
    Ok(())
}
