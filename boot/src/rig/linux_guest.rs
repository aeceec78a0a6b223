//! Linux guests for tests: Debian's kernel, an initramfs with busybox, and a module of Linux's
//! own PV Calls frontend together with the code of a test that drives it.
//!
//! A folder `tests/GROUP/NAME` has the guest's `init`, a script, and the C files of the test.
//! The module is compiled in the cache, where the frontend's source is; nothing of Linux's comes
//! into this repository. Without C files there is no module.

use super::archive::Archive;
use super::cache::Cache;
use super::pvcalls;
use crate::{paths, ui};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

const MODULE: &str = "pvcalls-test";
const FRONTEND: &str = "pvcalls-front";

/// The initramfs of the guest that `folder` describes.
pub(crate) fn initramfs(cache: &Cache, folder: &Path) -> Result<Vec<u8>> {
    let sources = sources(folder)?;
    let mut archive = Archive::new(Vec::new());
    archive.copy(&folder.join("init"), "init")?;
    archive.copy(&cache.busybox(), "bin/busybox")?;
    archive.symlink("bin/sh", "busybox")?;
    for name in ["proc", "sys", "dev"] {
        archive.folder(name)?;
    }
    if !sources.is_empty() {
        let module = module(cache, folder, &sources)?;
        archive.copy(&module, &format!("{MODULE}.ko"))?;
    }
    archive.finish()
}

/// The module, compiled if there is none of these sources.
fn module(cache: &Cache, folder: &Path, sources: &[(String, Vec<u8>)]) -> Result<PathBuf> {
    let modules = cache.modules()?;
    let _lock = paths::lock(&modules)?;
    let build = modules.join(format!("{MODULE}-{:016x}", hash(sources)));
    let finished = build.join(format!("{MODULE}.ko"));
    if finished.is_file() {
        return Ok(finished);
    }
    ui::step(format!(
        "compiling Linux's PV Calls frontend with {}",
        folder.display()
    ));
    // What an earlier attempt left does no harm.
    let build = paths::dir(build)?;
    for name in [format!("{FRONTEND}.c"), format!("{FRONTEND}.h")] {
        std::fs::copy(cache.driver_sources().join(&name), build.join(&name))
            .with_context(|| format!("cannot copy Linux's {name}"))?;
    }
    let mut objects = vec![format!("{FRONTEND}.o")];
    for (stem, text) in sources {
        std::fs::write(build.join(format!("{stem}.c")), text)?;
        objects.push(format!("{stem}.o"));
    }
    pvcalls::compile(
        MODULE,
        &objects,
        &build,
        &cache.headers(),
        &cache.kernel_release()?,
    )
}

/// The C files in `folder`, by their names without the ending.
fn sources(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut sources = Vec::new();
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(stem) = stem.filter(|_| path.extension().is_some_and(|kind| kind == "c")) {
            sources.push((stem.to_owned(), std::fs::read(&path)?));
        }
    }
    sources.sort();
    Ok(sources)
}

fn hash(sources: &[(String, Vec<u8>)]) -> u64 {
    let bytes = sources
        .iter()
        .flat_map(|(stem, text)| stem.bytes().chain([0]).chain(text.iter().copied()));
    super::cache::fnv1a(0, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sources_are_another_module() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put("init", "");
        put("b.c", "b");
        put("a.c", "a");
        let first = sources(folder.path()).unwrap();
        let names: Vec<&str> = first.iter().map(|(stem, _)| stem.as_str()).collect();
        assert_eq!(names, ["a", "b"], "sorted, and C files only");
        put("a.c", "another");
        assert_ne!(hash(&first), hash(&sources(folder.path()).unwrap()));
    }
}
