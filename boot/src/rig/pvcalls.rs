//! Compiling Linux's own PV Calls backend, which Debian's kernel leaves out.
//!
//! The driver's one source file comes unmodified from Debian's package of the kernel source
//! and is compiled against Debian's headers of the very kernel the host runs.

use super::recipe;
use crate::host::tools;
use crate::{cmd, paths};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Takes the driver's source out of the package file `deb` and puts it into `dir`.
pub(crate) fn extract_source(deb: &Path, dir: &Path) -> Result<()> {
    let series = recipe::LINUX;
    // Both tars stop early, so the programs before them end with a broken pipe.
    let script = format!(
        "dpkg-deb --fsys-tarfile \"$1\" 2>/dev/null \
         | tar -xO ./usr/src/linux-source-{series}.tar.xz 2>/dev/null \
         | tar -xJO --occurrence=1 linux-source-{series}/drivers/xen/pvcalls-back.c > pvcalls-back.c"
    );
    let mut extract = Command::new("sh");
    extract
        .args(["-c", &script, "sh"])
        .arg(deb)
        .current_dir(dir);
    cmd::run(&mut extract).context("cannot take pvcalls-back.c out of Debian's kernel source")
}

/// Compiles the source in `dir` with the headers unpacked below `root`; returns the module.
pub(crate) fn compile(dir: &Path, root: &Path, kernel_release: &str) -> Result<PathBuf> {
    if !tools::usable_by_make(dir) {
        bail!(
            "the kernel's Makefiles cannot work in {}: its path has a blank or a special character in it",
            dir.display()
        );
    }
    let headers = root
        .join("usr/src")
        .join(format!("linux-headers-{kernel_release}"));
    let bare = kernel_release.trim_end_matches("-amd64");
    let common = root
        .join("usr/src")
        .join(format!("linux-headers-{bare}-common"));
    // The package's Makefile names its other half by an absolute path.
    let makefile = headers.join("Makefile");
    std::fs::write(
        &makefile,
        format!("include {}/Makefile\n", common.display()),
    )
    .with_context(|| format!("cannot write {}", makefile.display()))?;
    std::fs::write(dir.join("Makefile"), "obj-m := pvcalls-back.o\n")?;
    let libraries = paths::dir(root.join("usr/lib/x86_64-linux-gnu"))?;
    let mut make = Command::new("make");
    make.arg("-C")
        .arg(&headers)
        .arg(format!("M={}", dir.display()))
        // Type information for tracing takes another tool and is of no use here.
        .arg("CONFIG_DEBUG_INFO_BTF_MODULES=")
        .arg("modules")
        // The package's own helper programs need libelf.
        .env(
            "LD_LIBRARY_PATH",
            format!(
                "{}:{}",
                libraries.display(),
                root.join("lib/x86_64-linux-gnu").display()
            ),
        );
    // Variables of an outer `make` would reach this one.
    make.env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .env_remove("ARCH")
        .env_remove("CROSS_COMPILE");
    cmd::run(&mut make).context("cannot compile the PV Calls backend")?;
    Ok(dir.join("pvcalls-back.ko"))
}
