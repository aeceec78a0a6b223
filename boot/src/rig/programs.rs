//! Programs for dom0: this machine's own, else from the Debian package of the same name.
//!
//! A package is fetched and unpacked with everything it depends on, once, into the rig's
//! folder; nothing is installed. `PROGRAM@PACKAGE` names a package of another name.

use crate::host::{apt, tools};
use crate::{paths, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 6] = [
    "usr/bin",
    "usr/sbin",
    "bin",
    "sbin",
    "usr/games",
    "usr/libexec",
];

/// A program that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// What it is called.
    pub(crate) name: String,
    /// The tree in which it and its libraries lie.
    pub(crate) root: PathBuf,
    /// Where it is in that tree.
    pub(crate) path: PathBuf,
}

/// Finds `wanted`: a path, a name, or a name and a package.
pub(crate) fn find(wanted: &str) -> Result<Program> {
    if wanted.contains('/') {
        let path = Path::new(wanted)
            .canonicalize()
            .with_context(|| format!("cannot find the program {wanted}"))?;
        let name = Path::new(wanted).file_name().and_then(|name| name.to_str());
        let name = name
            .with_context(|| format!("`{wanted}` names no program"))?
            .to_owned();
        return Ok(Program {
            name,
            root: "/".into(),
            path,
        });
    }
    let (name, package) = split(wanted);
    if let Some(path) = tools::find_program(name) {
        return Ok(Program {
            name: name.to_owned(),
            root: "/".into(),
            path,
        });
    }
    from_package(name, package)
        .with_context(|| format!("this machine has no program `{name}`, and it cannot be taken from the package {package}"))
}

fn split(wanted: &str) -> (&str, &str) {
    wanted.split_once('@').unwrap_or((wanted, wanted))
}

/// Finds `name` in a Debian package, fetched with all it needs if it is not here.
pub(crate) fn from_package(name: &str, package: &str) -> Result<Program> {
    let programs = paths::dir(paths::rig()?.join("programs"))?;
    let _lock = paths::lock(&programs)?;
    let root = programs.join(package);
    if !root.is_dir() {
        tools::require_lists()?;
        ui::step(format!("fetching {name} for dom0"));
        let making = programs.join(format!("making-{package}"));
        if making.exists() {
            std::fs::remove_dir_all(&making)?;
        }
        let debs = paths::dir(making.join("debs"))?;
        let packages = apt::resolve(&apt::closure(package)?)?;
        apt::download(&packages, &debs)?;
        apt::unpack_all(&packages, &debs, &making.join("root"))?;
        std::fs::rename(making.join("root"), &root)
            .context("cannot put the unpacked package in its place")?;
        std::fs::remove_dir_all(&making)?;
    }
    let Some(folder) = FOLDERS
        .iter()
        .find(|folder| root.join(folder).join(name).symlink_metadata().is_ok())
    else {
        bail!(
            "the package {package} has no program `{name}`; name its package as `{name}@PACKAGE`"
        );
    };
    Ok(Program {
        name: name.to_owned(),
        path: Path::new("/").join(folder).join(name),
        root,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_here_or_named_with_its_package() {
        let shell = find("sh").unwrap();
        assert_eq!(
            (shell.name.as_str(), shell.root),
            ("sh", PathBuf::from("/"))
        );
        assert_eq!(find("/bin/sh").unwrap().name, "sh");
        assert!(
            find("/no/such/program")
                .unwrap_err()
                .to_string()
                .contains("/no/such/program")
        );
        assert_eq!(split("redis-cli@redis-tools"), ("redis-cli", "redis-tools"));
    }
}
