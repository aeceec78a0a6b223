//! Debian packages: which version is on offer, fetching without installing, unpacking.
//!
//! Nothing here installs anything. Fetched packages are unpacked below the target folder, so
//! that no package script runs on the user's machine.

use crate::{cmd, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A package could not be fetched; newer package lists may help.
#[derive(Clone, Debug)]
pub(crate) struct Unavailable(String, String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` failed:\n{}", self.0, self.1)
    }
}

impl std::error::Error for Unavailable {}

/// A package that apt would fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deb {
    /// The name of the file; it contains package name, version and architecture.
    pub(crate) file: String,
    /// Its size.
    pub(crate) bytes: u64,
}

impl Deb {
    /// The name of the package.
    pub(crate) fn package(&self) -> &str {
        self.file.split('_').next().unwrap_or(&self.file)
    }
}

/// What apt would fetch for `packages`, in the order in which apt lists it.
pub(crate) fn resolve<S: AsRef<str>>(packages: &[S]) -> Result<Vec<Deb>> {
    let names = packages.iter().map(AsRef::as_ref);
    let mut query = apt_get();
    query.args(["--print-uris", "download"]).args(names);
    let printed = cmd::output(&mut query).context("apt does not know a package that is needed")?;
    let found = parse_uris(&printed)?;
    for name in packages.iter().map(AsRef::as_ref) {
        if !found.iter().any(|deb| deb.package() == name) {
            bail!("apt offers no package `{name}`; it is in Debian 12. Try `apt-get update`.");
        }
    }
    Ok(found)
}

/// The packages that the newest version of `package` depends on, alternatives left out.
pub(crate) fn dependencies(package: &str) -> Result<Vec<String>> {
    let mut query = Command::new("apt-cache");
    query.args(["show", "--no-all-versions", package]);
    let shown = cmd::output(&mut query).with_context(|| {
        format!("apt does not know the package `{package}`, which is in Debian 12")
    })?;
    Ok(parse_depends(&shown))
}

/// `package` and all it depends on, directly or not.
pub(crate) fn closure(package: &str) -> Result<Vec<String>> {
    let mut query = Command::new("apt-cache");
    query.args(["depends", "--recurse", package]);
    query.args(
        [
            "recommends",
            "suggests",
            "conflicts",
            "breaks",
            "replaces",
            "enhances",
        ]
        .map(|kind| format!("--no-{kind}")),
    );
    let printed = cmd::output(&mut query)
        .with_context(|| format!("apt does not know the package `{package}`"))?;
    Ok(parse_closure(&printed))
}

/// Fetches `packages` into `dir`. Files that are there already are kept by apt.
pub(crate) fn download(packages: &[Deb], dir: &Path) -> Result<()> {
    let total: u64 = packages.iter().map(|deb| deb.bytes).sum();
    let label = format!(
        "fetching {} Debian packages, {} MB:",
        packages.len(),
        total / 1_000_000
    );
    let mut percent = ui::Percent::new(label);
    percent.show(0, total);
    let mut fetch = apt_get();
    fetch
        .args(["-q", "download"])
        .args(packages.iter().map(Deb::package))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    cmd::show(&fetch);
    let mut child = fetch.spawn().context("cannot start apt-get")?;
    while child.try_wait()?.is_none() {
        percent.show(bytes_in(dir), total);
        std::thread::sleep(Duration::from_millis(200));
    }
    let out = child.wait_with_output()?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(Unavailable(cmd::line(&fetch), cmd::tail(&said, 10)).into());
    }
    percent.finish();
    Ok(())
}

/// Unpacks the package file `deb` below `root`.
pub(crate) fn unpack(deb: &Path, root: &Path) -> Result<()> {
    cmd::run(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(root))
}

/// Unpacks every package in `packages` from `dir` below `root`.
pub(crate) fn unpack_all(packages: &[Deb], dir: &Path, root: &Path) -> Result<()> {
    packages
        .iter()
        .try_for_each(|deb| unpack(&dir.join(&deb.file), root))
}

/// Something that changes when apt learns of other packages: its lists and its sources.
pub(crate) fn lists_stamp() -> String {
    let places = [
        "/var/lib/apt/lists",
        "/etc/apt/sources.list",
        "/etc/apt/sources.list.d",
        "/etc/apt/preferences.d",
    ];
    let times = places.map(|place| {
        let time = std::fs::metadata(place).and_then(|data| data.modified());
        let age = time
            .ok()
            .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        age.map_or_else(|| "none".to_owned(), |t| t.as_nanos().to_string())
    });
    times.join(" ")
}

/// Whether apt has ever read its sources.
pub(crate) fn has_lists() -> bool {
    let Ok(mut files) = std::fs::read_dir("/var/lib/apt/lists") else {
        return false;
    };
    files.any(|file| {
        file.is_ok_and(|file| file.file_name().to_string_lossy().ends_with("_Packages"))
    }) || apt_has_compressed_lists()
}

fn apt_has_compressed_lists() -> bool {
    let Ok(files) = std::fs::read_dir("/var/lib/apt/lists") else {
        return false;
    };
    files
        .flatten()
        .any(|file| file.file_name().to_string_lossy().contains("_Packages."))
}

fn apt_get() -> Command {
    let mut cmd = Command::new("apt-get");
    // As root, apt would fetch as the user `_apt`, who may not write to our folder.
    cmd.args(["-o", "APT::Sandbox::User=root"]);
    cmd
}

fn parse_uris(printed: &str) -> Result<Vec<Deb>> {
    let lines = printed.lines().filter(|line| line.starts_with('\''));
    lines.map(parse_uri).collect()
}

fn parse_uri(line: &str) -> Result<Deb> {
    let mut words = line.split_whitespace().skip(1);
    let deb = words
        .next()
        .zip(words.next().and_then(|size| size.parse().ok()));
    let (file, bytes) =
        deb.with_context(|| format!("cannot read this line of `apt-get --print-uris`: {line}"))?;
    Ok(Deb {
        file: file.to_owned(),
        bytes,
    })
}

fn parse_depends(shown: &str) -> Vec<String> {
    let line = shown
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))
        .unwrap_or_default();
    let first_alternative = |one: &str| {
        let name = one.split('|').next()?.split_whitespace().next()?;
        Some(name.split(':').next()?.to_owned())
    };
    line.split(',').filter_map(first_alternative).collect()
}

/// Packages start their line; what they depend on is indented, virtual ones are in brackets.
fn parse_closure(printed: &str) -> Vec<String> {
    let real =
        |line: &&str| line.starts_with(|c: char| c.is_ascii_alphanumeric()) && !line.contains(':');
    printed.lines().filter(real).map(str::to_owned).collect()
}

fn bytes_in(dir: &Path) -> u64 {
    let size = |path: PathBuf| {
        std::fs::metadata(path).map_or(0, |data| if data.is_file() { data.len() } else { 0 })
    };
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.map(|file| size(file.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_apt_would_fetch() {
        let printed = "'http://deb/z_1%3a2.deb' zlib1g_1%3a1.2_amd64.deb 86684 SHA256:00\nnoise\n";
        let debs = parse_uris(printed).unwrap();
        assert_eq!(
            debs,
            [Deb {
                file: "zlib1g_1%3a1.2_amd64.deb".into(),
                bytes: 86684
            }]
        );
        assert_eq!(debs[0].package(), "zlib1g");
    }

    #[test]
    fn a_line_without_a_size_is_an_error() {
        assert!(parse_uris("'http://deb/z.deb' z.deb\n").is_err());
    }

    #[test]
    fn reads_a_closure() {
        let printed = "socat\n  Depends: libc6\n |Depends: x\n<virtual>\nlibc6\nfoo:i386\n";
        assert_eq!(parse_closure(printed), ["socat", "libc6"]);
    }

    #[test]
    fn reads_dependencies() {
        let shown = "Package: p\nDepends: linux-image-6.12.117+deb12-amd64 (= 6.12.117-1), a | b, python3:any\n";
        assert_eq!(
            parse_depends(shown),
            ["linux-image-6.12.117+deb12-amd64", "a", "python3"]
        );
        assert!(parse_depends("Package: p\n").is_empty());
    }
}
