//! Where things lie: everything `cargo boot` writes is below the workspace's target folder.

use crate::ui;
use anyhow::{Context, Result};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The root of this workspace.
pub(crate) fn workspace() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let own = own.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    own.parent().map(Path::to_owned).unwrap_or(own)
}

/// The folder of the rig: its cache and its running hosts.
pub(crate) fn rig() -> Result<PathBuf> {
    dir(workspace().join("target/rig"))
}

/// Where finished images go.
pub(crate) fn images() -> Result<PathBuf> {
    dir(workspace().join("target/images"))
}

/// Keeps other processes from changing what lies in `folder`, as long as the result lives.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        ui::step("waiting for another `cargo boot` that is making the rig");
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

/// `path`, made if it is not there.
pub(crate) fn dir(path: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&path)
        .with_context(|| format!("cannot make the folder {}", path.display()))?;
    Ok(path)
}
