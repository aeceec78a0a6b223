//! Which file a request means: percent signs, dots and slashes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why a path means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is not well formed.
    Bad,
    /// It leads out of the folder.
    Climbs,
    /// No file can be called so.
    NoName,
}

/// A path below the folder that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    names: Vec<Vec<u8>>,
    /// It ends with a slash: only a folder can be meant.
    pub is_folder: bool,
}

impl Target {
    /// Reads the path of a request. `.` and `..` are resolved before anybody looks at a file, written
    /// with percent signs or without.
    pub fn parse(path: &str) -> Result<Target, Wrong> {
        let path = path.strip_prefix('/').ok_or(Wrong::Bad)?;
        let (mut names, mut is_folder) = (Vec::new(), true);
        for part in path.split('/') {
            let name = decode(part).ok_or(Wrong::Bad)?;
            is_folder = false;
            match &name[..] {
                b"" | b"." => is_folder = true,
                b".." => {
                    names.pop().ok_or(Wrong::Climbs)?;
                    is_folder = true;
                }
                // A slash that is not meant as one, or the end of a string in C.
                name if name.contains(&b'/') || name.contains(&0) => return Err(Wrong::NoName),
                _ => names.push(name),
            }
        }
        Ok(Target { names, is_folder })
    }

    /// The path below `root`.
    pub fn below(&self, root: &Path) -> PathBuf {
        let mut path = root.to_path_buf();
        for name in &self.names {
            path.push(OsStr::from_bytes(name));
        }
        path
    }

    /// The path as it stands in a link, with a slash at the end.
    pub fn link(&self) -> String {
        let mut text = String::from("/");
        for name in &self.names {
            encode(name, &mut text);
            text.push('/');
        }
        text
    }

    /// Whether it is the folder that is served.
    pub fn is_root(&self) -> bool {
        self.names.is_empty()
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = char::from(bytes.next()?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        let high = digit()?;
        decoded.push(high << 4 | digit()?);
    }
    Some(decoded)
}

/// Adds `name` to a link: what may mean something there has a percent sign before it.
pub fn encode(name: &[u8], link: &mut String) {
    for byte in name {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                link.push(char::from(*byte));
            }
            // Writing to memory does not fail.
            other => drop(write!(link, "%{other:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[track_caller]
    fn means(path: &str, wanted: &str, is_folder: bool) {
        let target = Target::parse(path).unwrap();
        assert_eq!(
            target.below(Path::new("/r")).to_str(),
            Some(wanted),
            "{path}"
        );
        assert_eq!(target.is_folder, is_folder, "{path}");
    }

    #[test]
    fn paths_are_read() {
        means("/", "/r", true);
        means("/a/b.txt", "/r/a/b.txt", false);
        means("/a//b/", "/r/a/b", true);
        means("/a/./b/.", "/r/a/b", true);
        means("/a/../b", "/r/b", false);
        means("/a/..", "/r", true);
        means("/%61%20b%c3%A4?", "/r/a b\u{e4}?", false);
        means("/...", "/r/...", false);
        means("/a\\b", "/r/a\\b", false);
        assert!(Target::parse("/a/..").unwrap().is_root());
    }

    #[test]
    fn what_climbs_or_is_no_path_is_told() {
        for path in [
            "/..",
            "/../etc/passwd",
            "/a/../../b",
            "/%2e%2E/x",
            "/.%2e",
            "/./../a",
            "//..",
        ] {
            assert_eq!(Target::parse(path), Err(Wrong::Climbs), "{path}");
        }
        for path in ["/a%2fb", "/..%2f..%2fetc", "/a%00"] {
            assert_eq!(Target::parse(path), Err(Wrong::NoName), "{path}");
        }
        for path in ["", "*", "a", "/%", "/%4", "/%4g", "/%+1", "/%%"] {
            assert_eq!(Target::parse(path), Err(Wrong::Bad), "{path}");
        }
    }

    #[test]
    fn links_lead_nowhere_else() {
        let link = |path| Target::parse(path).unwrap().link();
        assert_eq!(link("//example.org/a"), "/example.org/a/");
        assert_eq!(link("/a%20b/%0d%0a%22"), "/a%20b/%0D%0A%22/");
        assert_eq!(link("/"), "/");
    }

    proptest! {
        #[test]
        fn nothing_leads_out(path in "(/|\\.|%2e|%2f|a|%5c|%00|\\\\){0,20}") {
            let path = "/".to_string() + &path;
            if let Ok(target) = Target::parse(&path) {
                let below = target.below(Path::new("/r"));
                prop_assert!(below.starts_with("/r"));
                prop_assert!(!below.components().any(|part| part.as_os_str() == ".."));
            }
        }

        #[test]
        fn what_is_encoded_is_decoded(name: Vec<u8>) {
            let mut link = String::new();
            encode(&name, &mut link);
            prop_assert_eq!(decode(&link), Some(name));
        }
    }
}
