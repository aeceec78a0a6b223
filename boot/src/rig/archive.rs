//! Writing initramfs archives (cpio, "newc"): folders come by themselves, once each.
//!
//! Linux unpacks several archives that follow one another, later files replacing earlier
//! ones. So what every run needs is written once, and what one run needs is appended.

use anyhow::{Context, Result, bail};
use cpio::newc::{Builder, ModeFileType, trailer};
use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// An archive being written.
#[derive(Debug)]
pub(crate) struct Archive<W> {
    out: W,
    folders: BTreeSet<String>,
    next_inode: u32,
}

impl<W: Write> Archive<W> {
    /// Starts an archive.
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            folders: BTreeSet::new(),
            next_inode: 1,
        }
    }

    /// A folder and those above it.
    pub(crate) fn folder(&mut self, path: &str) -> Result<()> {
        let path = relative(path)?;
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let part = &path[..end];
            if !part.is_empty() && self.folders.insert(part.to_owned()) {
                self.entry(part, 0o755, ModeFileType::Directory, &[])?;
            }
        }
        Ok(())
    }

    /// A file with these bytes.
    pub(crate) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        let path = self.parent(path)?;
        self.entry(&path, mode, ModeFileType::Regular, bytes)
    }

    /// A link by name.
    pub(crate) fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        let path = self.parent(path)?;
        self.entry(&path, 0o777, ModeFileType::Symlink, target.as_bytes())
    }

    /// A copy of what lies at `from`: a file with its permissions, or a folder with all in it.
    pub(crate) fn copy(&mut self, from: &Path, to: &str) -> Result<()> {
        let data =
            std::fs::metadata(from).with_context(|| format!("cannot read {}", from.display()))?;
        if !data.is_dir() {
            let bytes =
                std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
            return self.file(to, data.permissions().mode() & 0o7777, &bytes);
        }
        self.folder(to)?;
        let mut inside = std::fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()?;
        inside.sort_by_key(std::fs::DirEntry::file_name);
        for entry in inside {
            let name = entry.file_name();
            let name = name
                .to_str()
                .with_context(|| format!("{}: not UTF-8", entry.path().display()))?;
            self.copy(&entry.path(), &format!("{to}/{name}"))?;
        }
        Ok(())
    }

    /// Ends the archive, padded so that another may follow.
    pub(crate) fn finish(self) -> Result<W> {
        Ok(trailer(self.out)?)
    }

    fn parent(&mut self, path: &str) -> Result<String> {
        let path = relative(path)?;
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.folder(parent)?;
        }
        Ok(path.to_owned())
    }

    fn entry(&mut self, path: &str, mode: u32, kind: ModeFileType, bytes: &[u8]) -> Result<()> {
        let size = u32::try_from(bytes.len())
            .with_context(|| format!("{path}: 4 GiB and more do not fit in an initramfs"))?;
        let entry = Builder::new(path)
            .ino(self.next_inode)
            .mode(mode)
            .set_mode_file_type(kind);
        let mut writer = entry.write(&mut self.out, size);
        writer.write_all(bytes)?;
        writer.finish()?;
        self.next_inode += 1;
        Ok(())
    }
}

fn relative(path: &str) -> Result<&str> {
    let path = path.trim_matches('/');
    if path.split('/').any(|part| part == ".." || part == ".") {
        bail!("`{path}`: `.` and `..` cannot be part of a path in the host");
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::newc::Reader;

    fn list(mut bytes: &[u8]) -> Vec<(String, u32, u32)> {
        let mut found = Vec::new();
        loop {
            let reader = Reader::new(bytes).unwrap();
            if reader.entry().is_trailer() {
                return found;
            }
            let entry = reader.entry();
            found.push((entry.name().to_owned(), entry.mode(), entry.file_size()));
            bytes = reader.finish().unwrap();
        }
    }

    #[test]
    fn folders_are_made_once_and_before_what_is_in_them() {
        let mut archive = Archive::new(Vec::new());
        archive.file("/a/b/one", 0o755, b"1").unwrap();
        archive.file("a/b/two", 0o644, b"22").unwrap();
        archive.symlink("/a/link", "b/one").unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let expected = [
            ("a", 0o040_755, 0),
            ("a/b", 0o040_755, 0),
            ("a/b/one", 0o100_755, 1),
            ("a/b/two", 0o100_644, 2),
            ("a/link", 0o120_777, 5),
        ];
        assert_eq!(
            list(&bytes),
            expected.map(|(name, mode, size)| (name.to_owned(), mode, size))
        );
    }

    #[test]
    fn a_path_cannot_leave_the_root() {
        assert!(
            Archive::new(Vec::new())
                .file("/guest/../x", 0o644, b"")
                .is_err()
        );
    }
}
