//! Programs the user's machine must have, and how it gets them.
//!
//! Only an emulator, compilers and headers are ever installed, through the package manager,
//! as root or after asking. Without the right to do so the exact command is in the error.

use super::apt;
use crate::{cmd, ui};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program or file and the Debian package it comes with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// A program's name, or the path of a file.
    pub(crate) name: &'static str,
    /// The Debian package.
    pub(crate) package: &'static str,
    /// What it is for.
    pub(crate) purpose: &'static str,
}

/// What running the rig takes.
pub(crate) const EMULATOR: [Tool; 2] = [
    Tool {
        name: "qemu-system-x86_64",
        package: "qemu-system-x86",
        purpose: "runs the Xen host",
    },
    Tool {
        name: "setpriv",
        package: "util-linux",
        purpose: "ends the emulator with its starter",
    },
];

/// What making the rig's cache takes.
pub(crate) const MAKING: [Tool; 5] = [
    Tool {
        name: "dpkg-deb",
        package: "dpkg",
        purpose: "unpacks Debian packages",
    },
    Tool {
        name: "x86_64-linux-gnu-gcc-12",
        package: "gcc-12",
        purpose: "compiles the PV Calls backend",
    },
    Tool {
        name: "make",
        package: "make",
        purpose: "compiles the PV Calls backend",
    },
    Tool {
        name: "xz",
        package: "xz-utils",
        purpose: "unpacks kernel modules and source",
    },
    Tool {
        name: "tar",
        package: "tar",
        purpose: "unpacks kernel source",
    },
];

impl Tool {
    /// Where it is, if it is there.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        if self.name.starts_with('/') {
            let path = PathBuf::from(self.name);
            return path.exists().then_some(path);
        }
        find_program(self.name)
    }
}

/// Where the program `name` is: on the user's path, or where administrators' programs are.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Whether this machine can make and run the rig at all.
pub(crate) fn require_debian() -> Result<()> {
    if find_program("apt-get").is_none() || find_program("dpkg-deb").is_none() {
        bail!(
            "the rig is made from Debian 12's packages, and this machine has no apt-get and dpkg-deb.\n\
             Use a Debian 12 machine or container; or, in the dom0 of a Xen host, `cargo boot run --host xl`."
        );
    }
    Ok(())
}

/// Sees to it that all of `tools` are there, installing what is missing if that is allowed.
pub(crate) fn require(tools: &[Tool]) -> Result<()> {
    let mut packages: Vec<&str> = tools
        .iter()
        .filter(|tool| tool.find().is_none())
        .map(|tool| tool.package)
        .collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    require_debian()?;
    install(&packages)?;
    if let Some(tool) = tools.iter().find(|tool| tool.find().is_none()) {
        bail!(
            "`{}` is still missing after the package {} was installed",
            tool.name,
            tool.package
        );
    }
    Ok(())
}

/// Lets apt read its sources if it never did.
pub(crate) fn require_lists() -> Result<()> {
    require_debian()?;
    if apt::has_lists() {
        return Ok(());
    }
    ui::step("apt has no package lists yet: updating them");
    update_lists()
}

/// Has apt read its sources again.
pub(crate) fn update_lists() -> Result<()> {
    as_root(&["apt-get", "update"])
}

/// The command that installs `packages`.
pub(crate) fn install_command(packages: &[&str]) -> String {
    format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    )
}

fn install(packages: &[&str]) -> Result<()> {
    require_lists()?;
    ui::step(format!("installing {}", packages.join(" ")));
    let mut words = vec!["apt-get", "install", "--yes", "--no-install-recommends"];
    words.extend(packages);
    as_root(&words).or_else(|_| {
        ui::step("that failed; trying again with fresh package lists");
        update_lists()?;
        as_root(&words)
    })
}

fn as_root(words: &[&str]) -> Result<()> {
    let typed = words.join(" ");
    let mut command = if is_root()? {
        Command::new(words[0])
    } else if find_program("sudo").is_some() && agreed(&format!("Run `sudo {typed}`?"))? {
        let mut sudo = Command::new("sudo");
        sudo.args(["DEBIAN_FRONTEND=noninteractive", words[0]]);
        sudo
    } else {
        bail!("packages are missing. As root, run:\n    {typed}");
    };
    command
        .args(&words[1..])
        .env("DEBIAN_FRONTEND", "noninteractive");
    if ui::verbose() {
        cmd::run_visibly(&mut command)
    } else {
        cmd::run(&mut command)
    }
}

/// Whether this process may install packages by itself.
pub(crate) fn is_root() -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::metadata("/proc/self").context("cannot look at /proc/self")?;
    Ok(own.uid() == 0)
}

fn agreed(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("boot: {question} [Y/n] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "" | "y" | "Y" | "yes"))
}

/// Whether `path` can be part of a Makefile's target, which knows no quoting.
pub(crate) fn usable_by_make(path: &Path) -> bool {
    let text = path.to_string_lossy();
    !text.contains(|c: char| c.is_whitespace() || c == ':' || c == '#' || c == '$' || c == '\'')
}
