//! Compiling Linux's own PV Calls drivers, which Debian's kernel leaves out.
//!
//! The drivers' sources come unmodified from Debian's package of the kernel source and are
//! compiled against Debian's headers of the very kernel the host runs: the backend for dom0,
//! and the frontend, together with a driver of it from this workspace, for Linux guests.

use super::recipe;
use crate::host::tools;
use crate::{cmd, paths};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The drivers' files in `drivers/xen` of Linux's source.
const SOURCES: [&str; 3] = ["pvcalls-back.c", "pvcalls-front.c", "pvcalls-front.h"];

/// Takes the drivers' sources out of the package file `deb` and puts them into `dir`.
pub(crate) fn extract_source(deb: &Path, dir: &Path) -> Result<()> {
    let series = recipe::LINUX;
    let members = SOURCES.map(|name| format!("linux-source-{series}/drivers/xen/{name}"));
    // Both tars stop early, so the programs before them end with a broken pipe.
    let script = format!(
        "dpkg-deb --fsys-tarfile \"$1\" 2>/dev/null \
         | tar -xO ./usr/src/linux-source-{series}.tar.xz 2>/dev/null \
         | tar -xJ --occurrence=1 --strip-components=3 {}",
        members.join(" ")
    );
    let mut extract = Command::new("sh");
    extract
        .args(["-c", &script, "sh"])
        .arg(deb)
        .current_dir(dir);
    cmd::run(&mut extract).context("cannot take Linux's PV Calls drivers out of its source")
}

/// Compiles the module `name` in `dir` from `objects` there, with the headers unpacked below
/// `root`; returns the module. Without objects, it is one file of the same name.
pub(crate) fn compile(
    name: &str,
    objects: &[String],
    dir: &Path,
    root: &Path,
    kernel_release: &str,
) -> Result<PathBuf> {
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
    std::fs::write(dir.join("Makefile"), own_makefile(name, objects))?;
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
    cmd::run(&mut make).with_context(|| format!("cannot compile the kernel module {name}"))?;
    Ok(dir.join(format!("{name}.ko")))
}

fn own_makefile(name: &str, objects: &[String]) -> String {
    let module = format!("obj-m := {name}.o\n");
    if objects.is_empty() {
        return module;
    }
    format!("{module}{name}-objs := {}\n", objects.join(" "))
}

#[cfg(test)]
mod tests {
    use super::own_makefile;

    #[test]
    fn a_module_is_one_file_or_several() {
        assert_eq!(own_makefile("a", &[]), "obj-m := a.o\n");
        let objects = ["b.o", "c.o"].map(str::to_owned);
        assert_eq!(
            own_makefile("a", &objects),
            "obj-m := a.o\na-objs := b.o c.o\n"
        );
    }
}
