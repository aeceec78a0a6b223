//! Programs of this workspace that run in dom0: compiled here, against this machine's C
//! library, and run there with Debian 12's.

use super::libs;
use super::payload::Payload;
use crate::{cmd, paths, ui};
use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The C library of Debian 12, which dom0 has.
const DOM0_GLIBC: (u32, u32) = (2, 36);

/// Libraries that dom0 has in Debian 12's version. This machine's must not replace them: all
/// of dom0's programs use them, and they fit only each other.
const DOM0_LIBRARIES: [&str; 4] = [
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
];

/// Whether this workspace has a package `name`.
pub(crate) fn has(name: &str) -> bool {
    // Of a dependency it prints the registry.
    let mut query = cargo();
    query.args(["pkgid", "--offline", "--package", name]);
    cmd::output(&mut query).is_ok_and(|id| id.starts_with("path+file:"))
}

/// Builds a program of this workspace that runs in dom0.
pub(crate) fn build(package: &str, program: &str) -> Result<PathBuf> {
    ui::step(format!("building {program}"));
    let target = paths::workspace().join("target");
    let mut build =
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    build
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            package,
            "--bin",
            program,
        ])
        .arg("--target-dir")
        .arg(&target);
    cmd::run_visibly(&mut build).with_context(|| format!("{program} does not build"))?;
    Ok(target.join("release").join(program))
}

fn cargo() -> Command {
    let mut cargo =
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo
        .current_dir(paths::workspace())
        // What the outer cargo set for this program is not meant for the inner one.
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_TARGET_DIR");
    cargo
}

/// Puts a program of ours with the libraries that dom0 lacks at `to` in dom0.
pub(crate) fn add(payload: &mut Payload, program: &Path, to: &str) -> Result<()> {
    let bytes =
        std::fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let needed = needed_glibc(&bytes)
        .with_context(|| format!("{}: not a well-formed ELF file", program.display()))?;
    fits(needed, program)?;
    payload.file(to, 0o755, &bytes)?;
    for (path, file) in libs::closure(Path::new("/"), program)? {
        let name = path.rsplit('/').next().unwrap_or(&path);
        if !DOM0_LIBRARIES.contains(&name) {
            payload.copy(&file, &path)?;
        }
    }
    Ok(())
}

/// An error that says what to do, if dom0's glibc is older than `needed`.
fn fits(needed: (u32, u32), program: &Path) -> Result<()> {
    if needed > DOM0_GLIBC {
        bail!(
            "{} was built on a machine with a newer C library: it needs glibc {}.{}, and the rig's dom0 \
             is Debian 12, with glibc {}.{}. Build on Debian 12, in a container for example. \
             `--backend linux` needs no program of ours in dom0.",
            program.display(),
            needed.0,
            needed.1,
            DOM0_GLIBC.0,
            DOM0_GLIBC.1
        );
    }
    Ok(())
}

/// The newest version of glibc that a program's symbols name: their versions stand among the
/// strings for the dynamic linker.
fn needed_glibc(elf: &[u8]) -> Result<(u32, u32)> {
    let file = object::File::parse(elf)?;
    let strings = match file.section_by_name(".dynstr") {
        Some(section) => section.data()?,
        None => &[], // a static program
    };
    let versions = strings
        .split(|byte| *byte == 0)
        .filter_map(|string| glibc_version(std::str::from_utf8(string).ok()?));
    Ok(versions.max().unwrap_or((0, 0)))
}

/// From `GLIBC_2.34` or `GLIBC_2.2.5`.
fn glibc_version(symbol_version: &str) -> Option<(u32, u32)> {
    let mut numbers = symbol_version.strip_prefix("GLIBC_")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_packages_are_told_from_others() {
        assert!(has("boot"));
        assert!(!has("clap"), "a dependency");
        assert!(!has("no-such-package"));
    }

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        assert_eq!(glibc_version("GLIBC_2.34"), Some((2, 34)));
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("GCC_3.0"), None);
        assert!(glibc_version("GLIBC_2.4") < glibc_version("GLIBC_2.36"));
    }

    #[test]
    fn a_newer_glibc_is_an_error_that_tells_both() {
        let program = Path::new("/x/pvcallsd");
        assert!(fits((2, 36), program).is_ok());
        let error = fits((2, 39), program).unwrap_err().to_string();
        for part in [
            "/x/pvcallsd",
            "2.39",
            "2.36",
            "Debian 12",
            "--backend linux",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_program_names_the_glibc_it_needs() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needed = needed_glibc(&own).unwrap();
        // Rust's standard library needs 2.17 at least.
        assert!(needed >= (2, 17), "{needed:?}");
        assert!(needed_glibc(b"no program").is_err());
    }
}
