//! Running cargo for guests: an ordinary target and stable Rust, with the flags of a kernel.

use crate::{cmd, paths, ui};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Guests use the precompiled `core` and `alloc` of the host's own target.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The profile for guests outside this workspace, as the root Cargo.toml has it.
const PROFILE: [&str; 6] = [
    "profile.guest.inherits=\"release\"",
    "profile.guest.panic=\"abort\"",
    "profile.guest.debug=1",
    "profile.guest.lto=\"fat\"",
    "profile.guest.codegen-units=1",
    "profile.guest.overflow-checks=true",
];

/// Builds the packages `names` and returns the ELF file of each program in them, by its name.
///
/// `manifest` names a Cargo.toml outside this workspace.
pub(crate) fn build(
    names: &[String],
    manifest: Option<&Path>,
) -> Result<BTreeMap<String, PathBuf>> {
    let script = paths::workspace().join("linker/guest.ld");
    if !script.is_file() {
        bail!("the linker script {} is missing", script.display());
    }
    ui::step(format!("building {}", names.join(", ")));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut build = Command::new(cargo);
    build
        .arg("build")
        .args(["--profile", "guest", "--target", TARGET]);
    build.args(["--message-format", "json-render-diagnostics"]);
    build
        .arg("--target-dir")
        .arg(paths::workspace().join("target"));
    match manifest {
        Some(path) => {
            build.arg("--manifest-path").arg(path);
            PROFILE.iter().for_each(|setting| {
                build.args(["--config", setting]);
            });
        }
        None => {
            build.current_dir(paths::workspace());
        }
    }
    names.iter().for_each(|name| {
        build.args(["--package", name]);
    });
    build
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&script).join("\u{1f}"))
        .env_remove("RUSTFLAGS");
    // What the outer cargo set for this program is not meant for the inner one.
    build
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_TARGET_DIR");
    let programs = run(&mut build)?;
    for name in names {
        if !programs.contains_key(name) {
            bail!("the package {name} has no program called {name}");
        }
    }
    Ok(programs)
}

fn flags(script: &Path) -> Vec<String> {
    let mut flags: Vec<String> = ["--cfg", "guest"].map(str::to_owned).into();
    let mut codegen = |option: &str| flags.extend(["-C".to_owned(), option.to_owned()]);
    // The image is linked in the top 2 GiB and never moved.
    codegen("relocation-model=static");
    codegen("code-model=kernel");
    // Xen pushes frames on the stack of the code it interrupts.
    codegen("no-redzone=yes");
    // Backtraces walk frame pointers.
    codegen("force-frame-pointers=yes");
    // Rust's own linker: no C compiler, no start files, no C library.
    codegen("linker-flavor=ld.lld");
    codegen("linker=rust-lld");
    codegen(&format!("link-arg=-T{}", script.display()));
    codegen("link-arg=-static");
    codegen("link-arg=-zmax-page-size=4096");
    codegen("link-arg=--build-id=none");
    codegen("link-arg=--gc-sections");
    flags
}

fn run(build: &mut Command) -> Result<BTreeMap<String, PathBuf>> {
    cmd::show(build);
    let mut child = build
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let out = child.stdout.take().context("cargo has no output")?;
    let mut programs = BTreeMap::new();
    for line in BufReader::new(out).lines() {
        if let Some(path) = executable(&line?) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            programs.insert(name, path);
        }
    }
    if !child.wait()?.success() {
        bail!("the guest does not build; cargo's messages are above");
    }
    Ok(programs)
}

/// The path of the program in one of cargo's messages, which are JSON objects, one per line.
fn executable(message: &str) -> Option<PathBuf> {
    let (_, rest) = message.split_once(r#""executable":""#)?;
    let mut path = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(PathBuf::from(path)),
            '\\' => path.push(chars.next()?),
            other => path.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_program_in_a_message() {
        let message =
            r#"{"reason":"compiler-artifact","executable":"/t/a \"b\"/hello","fresh":true}"#;
        assert_eq!(executable(message), Some(PathBuf::from("/t/a \"b\"/hello")));
        assert_eq!(
            executable(r#"{"reason":"compiler-artifact","executable":null}"#),
            None
        );
    }
}
