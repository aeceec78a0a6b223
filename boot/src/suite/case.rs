//! Finding cases, and reading what the comments at their start say they need.

use crate::rig::session::DEFAULT_MEMORY_MIB;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const DEFAULT_TIMEOUT_S: u64 = 60;

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
    /// When it is killed.
    pub(crate) timeout_s: u64,
    /// What the emulated machine must have.
    pub(crate) host_memory_mib: u32,
}

impl Case {
    /// The folder with files of its group, if there is one.
    pub(crate) fn data(&self) -> Option<PathBuf> {
        let data = self.path.parent()?.with_file_name("data");
        data.is_dir().then_some(data)
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
            timeout_s: DEFAULT_TIMEOUT_S,
            host_memory_mib: DEFAULT_MEMORY_MIB,
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
                "timeout" => case.timeout_s = number()?.into(),
                "host-memory" => case.host_memory_mib = number()?,
                // Other comments may have colons, but a misspelt key must not pass for one.
                key @ ("image" | "program" | "host_memory" | "memory" | "time-out") => {
                    bail!("there is no key `{key}`")
                }
                _ => {}
            }
        }
        Ok(case)
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
        let case = parse("# A greeting: short.\n# images: a b\n# timeout: 5\n# host-memory: 6144\n\n# programs: no\n").unwrap();
        assert_eq!(case.images, ["a", "b"]);
        assert_eq!((case.timeout_s, case.host_memory_mib), (5, 6144));
        assert!(
            case.programs.is_empty(),
            "the header ends at the first line that is no comment"
        );
        assert_eq!(case.group(), "g");
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
