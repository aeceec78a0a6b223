//! Finding cases, and reading what the comments at their start say they need.

use crate::guest::volume;
use crate::rig::backend::Backend;
use crate::rig::session::DEFAULT_MEMORY_MIB;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

const DEFAULT_TIMEOUT_S: u64 = 60;

/// With which backends a case is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backends {
    /// With each of them.
    All,
    /// With the first of those that are tried: the case is not about the backend.
    Any,
    /// With this one only.
    Only(Backend),
}

impl Backends {
    /// From a header's value: a name and why, or `any`.
    fn parse(value: &str) -> Result<Self> {
        let value = value.trim();
        let (name, reason) = value.split_once(' ').unwrap_or((value, ""));
        if name == "any" {
            return Ok(Self::Any);
        }
        let backend =
            Backend::from_name(name).with_context(|| format!("there is no backend `{name}`"))?;
        if reason.trim().is_empty() {
            bail!("`backend: {name}` must say why in parentheses, and where that is documented");
        }
        Ok(Self::Only(backend))
    }

    /// Whether a case is run with `backend`, when `tried` are.
    fn have(self, backend: Backend, tried: &[Backend]) -> bool {
        match self {
            Self::All => true,
            Self::Any => tried.first() == Some(&backend),
            Self::Only(own) => own == backend,
        }
    }
}

/// A folder in dom0 that a case's guests may mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaseVolume {
    /// Its tag, and the folder's name.
    pub(crate) tag: String,
    /// How much fits, as `mount` is told; the default if there is none.
    pub(crate) size: Option<String>,
}

impl FromStr for CaseVolume {
    type Err = anyhow::Error;

    /// From `TAG` or `TAG:SIZE`, the size in bytes or with a unit: `64k`, `1m`.
    fn from_str(text: &str) -> Result<Self> {
        let (tag, size) = match text.split_once(':') {
            Some((tag, size)) => (tag, Some(size)),
            None => (text, None),
        };
        if !volume::is_tag(tag) {
            bail!("`{tag}` cannot be the tag of a volume");
        }
        if let Some(size) = size {
            let digits = size.strip_suffix(['k', 'm', 'g']).unwrap_or(size);
            if digits.parse::<u32>().is_err() {
                bail!("`{size}` is not the size of a volume: write 65536, 64k, 1m or 1g");
            }
        }
        Ok(Self {
            tag: tag.to_owned(),
            size: size.map(str::to_owned),
        })
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// `GROUP/NAME`, from tests/GROUP/cases/NAME.sh.
    pub(crate) name: String,
    /// The script.
    pub(crate) path: PathBuf,
    /// Guest packages.
    pub(crate) images: Vec<String>,
    /// Programs dom0 must have.
    pub(crate) programs: Vec<String>,
    /// Linux guests, folders in tests/GROUP.
    pub(crate) linux: Vec<String>,
    /// Folders in dom0 for its guests.
    pub(crate) volumes: Vec<CaseVolume>,
    /// When it is killed.
    pub(crate) timeout_s: u64,
    /// What the emulated machine must have.
    pub(crate) host_memory_mib: u32,
    /// What serves its guests.
    pub(crate) backends: Backends,
}

/// Cases that can share a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// What the emulated machine has.
    pub(crate) host_memory_mib: u32,
    /// What serves the guests.
    pub(crate) backend: Backend,
    /// The cases.
    pub(crate) cases: Vec<Case>,
}

impl Group {
    /// What reports call the case `name` in this group.
    pub(crate) fn label(&self, case: &Case) -> String {
        format!("{} [{}]", case.name, self.backend.name())
    }
}

/// `cases` as often as they are to be run when `tried` are: one backend after the other, and
/// for each the smallest machine first.
pub(crate) fn groups(cases: &[Case], tried: &[Backend]) -> Vec<Group> {
    let mut groups: BTreeMap<(usize, u32), Group> = BTreeMap::new();
    for (place, backend) in tried.iter().copied().enumerate() {
        for case in cases {
            if !case.backends.have(backend, tried) {
                continue;
            }
            let host_memory_mib = case.host_memory_mib;
            let group = groups.entry((place, host_memory_mib)).or_insert(Group {
                host_memory_mib,
                backend,
                cases: Vec::new(),
            });
            group.cases.push(case.clone());
        }
    }
    groups.into_values().collect()
}

impl Case {
    /// The folder with files of its group, if there is one.
    pub(crate) fn data(&self) -> Option<PathBuf> {
        self.folder("data").filter(|data| data.is_dir())
    }

    /// The folder `name` of its group.
    pub(crate) fn folder(&self, name: &str) -> Option<PathBuf> {
        Some(self.path.parent()?.with_file_name(name))
    }

    /// The first part of its name.
    pub(crate) fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }

    fn read(name: String, path: PathBuf) -> Result<Self> {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(name, path.clone(), &text)
            .with_context(|| format!("in the header of {}", path.display()))
    }

    fn parse(name: String, path: PathBuf, text: &str) -> Result<Self> {
        let mut case = Self {
            name,
            path,
            images: Vec::new(),
            programs: Vec::new(),
            linux: Vec::new(),
            volumes: Vec::new(),
            timeout_s: DEFAULT_TIMEOUT_S,
            host_memory_mib: DEFAULT_MEMORY_MIB,
            backends: Backends::All,
        };
        let comments = text.lines().map_while(|line| line.strip_prefix('#'));
        for (key, value) in comments.filter_map(|line| line.split_once(':')) {
            let words = || value.split_whitespace().map(str::to_owned).collect();
            let number = || {
                value
                    .trim()
                    .parse::<u32>()
                    .with_context(|| format!("`{key}` is not a number: {value}"))
            };
            match key.trim() {
                "images" => case.images = words(),
                "programs" => case.programs = words(),
                "linux" => case.linux = words(),
                "volume" => case.add_volumes(value)?,
                "timeout" => case.timeout_s = number()?.into(),
                "host-memory" => case.host_memory_mib = number()?,
                "backend" => case.backends = Backends::parse(value)?,
                // Other comments may have colons, but a misspelt key must not pass for one.
                key @ ("image" | "program" | "host_memory" | "memory" | "time-out" | "backends"
                | "volumes") => {
                    bail!("there is no key `{key}`")
                }
                _ => {}
            }
        }
        Ok(case)
    }

    fn add_volumes(&mut self, value: &str) -> Result<()> {
        for word in value.split_whitespace() {
            let volume: CaseVolume = word.parse()?;
            if self.volumes.iter().any(|own| own.tag == volume.tag) {
                bail!("the volume {} is there twice", volume.tag);
            }
            self.volumes.push(volume);
        }
        Ok(())
    }
}

/// All cases below `tests` with `filter` in their name, sorted by name.
pub(crate) fn find(tests: &Path, filter: &str) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for group in folder(tests)? {
        for path in folder(&group.join("cases")).unwrap_or_default() {
            let (Some(group), Some(stem)) = (group.file_name(), path.file_stem()) else {
                continue;
            };
            let name = format!("{}/{}", group.to_string_lossy(), stem.to_string_lossy());
            if path.extension().is_some_and(|kind| kind == "sh") && name.contains(filter) {
                cases.push(Case::read(name, path)?);
            }
        }
    }
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(cases)
}

fn folder(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(path)
        .with_context(|| format!("cannot read the folder {}", path.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Case> {
        Case::parse("g/n".into(), "g/cases/n.sh".into(), text)
    }

    #[test]
    fn the_header_says_what_a_case_needs() {
        let case = parse("# A greeting: short.\n# images: a b\n# timeout: 5\n# host-memory: 6144\n# linux: l\n\n# programs: no\n").unwrap();
        assert_eq!(case.images, ["a", "b"]);
        assert_eq!(case.linux, ["l"]);
        assert_eq!(case.folder("l"), Some("g/l".into()));
        assert_eq!((case.timeout_s, case.host_memory_mib), (5, 6144));
        assert!(
            case.programs.is_empty(),
            "the header ends at the first line that is no comment"
        );
        assert_eq!(case.group(), "g");
    }

    #[test]
    fn the_header_says_which_backends() {
        assert_eq!(parse("# images: a\n").unwrap().backends, Backends::All);
        assert_eq!(parse("# backend: any\n").unwrap().backends, Backends::Any);
        assert_eq!(
            parse("# backend: pvcallsd (docs/protocol.md, \"End lost with data\")\n")
                .unwrap()
                .backends,
            Backends::Only(Backend::Pvcallsd)
        );
        assert!(parse("# backend: qemu (why not)\n").is_err());
        assert!(parse("# backend: linux\n").is_err(), "no reason");
        assert!(parse("# backends: linux (why)\n").is_err());
    }

    #[test]
    fn cases_are_grouped_by_backend_and_machine() {
        let case = |name: &str, header: &str| {
            Case::parse(name.into(), "g/cases/n.sh".into(), header).unwrap()
        };
        let cases = [
            case("both", ""),
            case("big", "# host-memory: 6144\n# backend: any\n"),
            case("linux", "# backend: linux (its quirk)\n"),
            case("any", "# backend: any\n"),
        ];
        let labels = |tried: &[Backend]| -> Vec<Vec<String>> {
            groups(&cases, tried)
                .iter()
                .map(|group| group.cases.iter().map(|case| group.label(case)).collect())
                .collect()
        };
        assert_eq!(
            labels(&[Backend::Pvcallsd, Backend::Linux]),
            [
                vec!["both [pvcallsd]", "any [pvcallsd]"],
                vec!["big [pvcallsd]"],
                vec!["both [linux]", "linux [linux]"],
            ]
        );
        assert_eq!(
            labels(&[Backend::Linux]),
            [
                vec!["both [linux]", "linux [linux]", "any [linux]"],
                vec!["big [linux]"],
            ]
        );
    }

    #[test]
    fn the_header_says_which_volumes() {
        let case = parse("# volume: a b:64k\n# volume: c:1048576\n").unwrap();
        let volumes: Vec<(&str, Option<&str>)> = case
            .volumes
            .iter()
            .map(|volume| (volume.tag.as_str(), volume.size.as_deref()))
            .collect();
        assert_eq!(
            volumes,
            [("a", None), ("b", Some("64k")), ("c", Some("1048576"))]
        );
        for wrong in [
            "volume: a a",
            "volume: a/b",
            "volume: a:",
            "volume: a:big",
            "volumes: a",
        ] {
            assert!(parse(&format!("# {wrong}\n")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mistakes_in_a_header_are_errors() {
        assert!(parse("# timeout: soon\n").is_err());
        assert!(parse("# image: a\n").is_err());
    }

    #[test]
    fn cases_are_found_and_filtered() {
        let tests = tempfile::tempdir().unwrap();
        for path in [
            "b/cases/two.sh",
            "a/cases/one.sh",
            "a/cases/readme.md",
            "a/src/main.rs",
        ] {
            let path = tests.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let names = |filter| {
            find(tests.path(), filter)
                .unwrap()
                .into_iter()
                .map(|case| case.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["a/one", "b/two"]);
        assert_eq!(names("b/"), ["b/two"]);
    }
}
