//! Which volume a path leads to: the mounts, and what lies between them.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::io::{Error, ErrorKind, Result};
use crate::path::{Component, Path, PathBuf};

/// A volume of the host in the guest's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    tag: String,
    path: PathBuf,
    read_only: bool,
    /// From 1, in the order of mounting.
    number: u64,
}

impl Mount {
    /// The tag of the volume, as the host's configuration gives it.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the guest changes nothing there.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Its number, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

/// As on the command line.
impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read_only = if self.read_only { ":ro" } else { "" };
        write!(f, "{}:{}{read_only}", self.tag, self.path.display())
    }
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into a volume, and on from its root; without a slash at the beginning.
    Volume(Arc<Mount>, Vec<u8>),
    /// To a directory above mount points, which is on no volume.
    Above(PathBuf),
    /// Nowhere.
    Nothing,
}

/// All mounts.
#[derive(Debug, Default)]
pub(super) struct Namespace {
    mounts: Vec<Arc<Mount>>,
}

impl Namespace {
    pub(super) const fn new() -> Namespace {
        Namespace { mounts: Vec::new() }
    }

    /// What a command line says: `TAG:/path[:ro]`, several with commas between them.
    pub(super) fn parse(&mut self, text: &str) -> Result<()> {
        for mount in text.split(',') {
            let bad = |what: &str| {
                let whole = format!(
                    "mount={text}: {what} in \"{mount}\"; it is TAG:/path or TAG:/path:ro, with commas between several"
                );
                Error::new(ErrorKind::InvalidInput, whole)
            };
            let mut parts = mount.split(':');
            let (tag, path) = (parts.next().unwrap_or_default(), parts.next());
            let path = path.ok_or_else(|| bad("there is no path"))?;
            let read_only = match (parts.next(), parts.next()) {
                (None, _) => false,
                (Some("ro"), None) => true,
                _ => return Err(bad("what stands behind the path is not \"ro\"")),
            };
            self.add(tag, Path::new(path), read_only)
                .map_err(|error| bad(&format!("{error}")))?;
        }
        Ok(())
    }

    /// Adds a mount.
    pub(super) fn add(&mut self, tag: &str, path: &Path, read_only: bool) -> Result<Arc<Mount>> {
        let invalid = |text| Err(Error::text(ErrorKind::InvalidInput, text));
        if tag.is_empty() {
            return invalid("the tag is empty");
        }
        if !path.is_absolute() {
            return invalid("the path does not begin with a slash");
        }
        let up = |part| part == Component::ParentDir;
        if path.components().any(up) || path.bytes().contains(&0) {
            return invalid("the path has .. or a NUL in it");
        }
        let path: PathBuf = path.components().collect();
        if self.mounts.iter().any(|mount| mount.path == path) {
            return Err(Error::text(
                ErrorKind::AlreadyExists,
                "something is mounted there already",
            ));
        }
        let number = self.mounts.len() as u64 + 1;
        let mount = Arc::new(Mount {
            tag: tag.into(),
            path,
            read_only,
            number,
        });
        self.mounts.push(mount.clone());
        Ok(mount)
    }

    /// All of them, in the order in which they came.
    pub(super) fn mounts(&self) -> &[Arc<Mount>] {
        &self.mounts
    }

    /// Where `path` leads. Relative ones begin at `/`. `..` above a volume's root is left to the
    /// volume, which knows what lies on the way; [`resume`] goes on from there.
    pub(super) fn locate(&self, path: &Path) -> Place {
        let mut left: Vec<Component<'_>> = path
            .components()
            .filter(|part| !matches!(part, Component::RootDir | Component::CurDir))
            .collect();
        left.reverse();
        let end = end(path.bytes());
        let mut here = PathBuf::from("/");
        loop {
            // The names up to the next `..`, taken one by one, with the last mount on the way.
            let mut there = here.clone();
            let mut found = self.at(&there).map(|mount| (mount, left.len()));
            let mut names = 0;
            for part in left.iter().rev() {
                let Component::Normal(name) = part else { break };
                names += 1;
                there.push(name);
                if let Some(mount) = self.at(&there) {
                    found = Some((mount, left.len() - names));
                }
            }
            if let Some((mount, left_over)) = found {
                let mut rest: PathBuf = left[..left_over].iter().rev().collect();
                if let Some(end) = end
                    && left_over > 0
                {
                    rest.push(end);
                }
                let rest = rest.into_os_string().into_encoded_bytes();
                return Place::Volume(mount.clone(), rest);
            }
            if !self.is_above(&there) {
                return Place::Nothing;
            }
            left.truncate(left.len() - names);
            here = there;
            if left.pop().is_none() {
                return Place::Above(here);
            }
            here.pop();
        }
    }

    /// The mount at exactly this path.
    fn at(&self, path: &Path) -> Option<&Arc<Mount>> {
        self.mounts.iter().find(|mount| mount.path == *path)
    }

    /// Whether it is the root, or mounts are below it.
    fn is_above(&self, path: &Path) -> bool {
        path.parent().is_none() || self.mounts.iter().any(|mount| mount.path.starts_with(path))
    }

    /// The names in a directory that is on no volume.
    pub(super) fn names(&self, directory: &Path) -> Vec<PathBuf> {
        let mut names: Vec<PathBuf> = self
            .mounts
            .iter()
            .filter_map(|mount| {
                let below = mount.path.strip_prefix(directory).ok()?;
                Some(below.components().next()?.as_os_str().into())
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What stands at the end of a path that can only mean a directory, and is no part of it: nothing
/// after a slash, or a dot.
fn end(path: &[u8]) -> Option<&'static str> {
    match path {
        [.., b'/'] => Some(""),
        [.., b'/', b'.'] => Some("."),
        _ => None,
    }
}

/// Where a path goes on that left the volume `mount` as `path`: absolute, or with `..` in front,
/// from the volume's root.
pub(super) fn resume(mount: &Mount, path: &[u8]) -> PathBuf {
    let path = Path::of_bytes(path);
    if path.is_absolute() {
        return path.to_path_buf();
    }
    let mut whole = mount.path.clone();
    let mut parts = path.components();
    loop {
        let rest = parts.as_path();
        match parts.next() {
            // Only those in front: what they lead away from is the way to the mount point, where
            // no symbolic links are.
            Some(Component::ParentDir) => {
                whole.pop();
            }
            Some(_) => {
                whole.push(rest);
                break;
            }
            None => break,
        }
    }
    if let Some(end) = end(path.bytes()) {
        whole.push(end);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace() -> Namespace {
        let mut namespace = Namespace::new();
        namespace
            .parse("A:/data,B:/data/deep/b:ro,C:/other/./x//")
            .unwrap();
        namespace
    }

    #[track_caller]
    fn leads(path: &str, tag: &str, rest: &str) {
        match namespace().locate(Path::new(path)) {
            Place::Volume(mount, found) => {
                let found = String::from_utf8(found).unwrap();
                assert_eq!((mount.tag(), found.as_str()), (tag, rest), "{path}");
            }
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        leads("/data", "A", "");
        leads("/data/", "A", "");
        leads("data/x", "A", "x");
        leads("/data/x/y/", "A", "x/y/");
        leads("/data/./x//.", "A", "x/.");
        leads("/data/deep", "A", "deep");
        leads("/data/deep/b", "B", "");
        leads("//data/./deep/b/z/../q", "B", "z/../q");
        leads("/other/x/y", "C", "y");
        leads("/data/deepb", "A", "deepb");
    }

    #[test]
    fn dots_stay_below_the_root_and_go_through_what_is_there() {
        leads("/../../data/x", "A", "x");
        leads("/other/../data/x", "A", "x");
        leads("other/../other/x/../y", "C", "../y");
        leads("/data/../other/x", "A", "../other/x");
        let namespace = namespace();
        let locate = |path| namespace.locate(Path::new(path));
        assert_eq!(locate("/"), Place::Above("/".into()));
        assert_eq!(locate(""), Place::Above("/".into()));
        assert_eq!(locate("/.."), Place::Above("/".into()));
        assert_eq!(locate("/other/../other"), Place::Above("/other".into()));
        assert_eq!(locate("/nothing"), Place::Nothing);
        assert_eq!(locate("/nothing/../data"), Place::Nothing);
        assert_eq!(locate("/other/nothing"), Place::Nothing);
        assert_eq!(Namespace::new().locate(Path::new("/x")), Place::Nothing);
    }

    #[test]
    fn what_is_between_the_mounts() {
        let names = |path| {
            let names = namespace().names(Path::new(path));
            names
                .iter()
                .map(|name| format!("{}", name.display()))
                .collect::<Vec<_>>()
        };
        assert_eq!(names("/"), ["data", "other"]);
        assert_eq!(names("/other"), ["x"]);
    }

    #[test]
    fn a_path_that_left_a_volume_goes_on() {
        let mut namespace = Namespace::new();
        let mount = namespace.add("A", Path::new("/a/b"), false).unwrap();
        let text = |path: &[u8]| format!("{}", resume(&mount, path).display());
        assert_eq!(text(b"/etc/x/"), "/etc/x/");
        assert_eq!(text(b"../c/d"), "/a/c/d");
        assert_eq!(text(b"../../../c/"), "/c/");
        assert_eq!(text(b".."), "/a");
        assert_eq!(text(b"../c/../../d"), "/a/c/../../d");
    }

    #[test]
    fn a_mount_at_the_root() {
        let mut namespace = Namespace::new();
        namespace.parse("R:/,A:/a").unwrap();
        let place = namespace.locate(Path::new("/../x/../a"));
        assert!(
            matches!(place, Place::Volume(mount, rest) if mount.tag() == "R" && rest == b"../x/../a")
        );
        let place = namespace.locate(Path::new("a/b"));
        assert!(matches!(place, Place::Volume(mount, rest) if mount.tag() == "A" && rest == b"b"));
        let root = namespace.mounts()[0].clone();
        assert_eq!(resume(&root, b"../../x"), PathBuf::from("/x"));
    }

    #[test]
    fn bad_texts_are_named() {
        for (text, what) in [
            ("", "no path"),
            ("A", "no path"),
            (":/a", "tag is empty"),
            ("A:a", "begin with a slash"),
            ("A:/a/../b", "has .."),
            ("A:/a:rw", "not \"ro\""),
            ("A:/a:ro:ro", "not \"ro\""),
            ("A:/a,B:/a/.", "mounted there already"),
            ("A:/a,", "no path"),
        ] {
            let error = Namespace::new().parse(text).unwrap_err();
            let shown = format!("{error}");
            assert!(
                shown.contains(what) && shown.contains(&format!("mount={text}")),
                "{shown}"
            );
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        let mounts = namespace();
        assert_eq!(format!("{}", mounts.mounts()[1]), "B:/data/deep/b:ro");
        assert_eq!(format!("{}", mounts.mounts()[2]), "C:/other/x");
    }
}
