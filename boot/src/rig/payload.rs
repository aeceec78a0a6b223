//! The files of one run: what is appended to the base initramfs.

use super::archive::Archive;
use super::backend::{self, Backend};
use super::programs::{self, Program};
use super::{libs, own, wire};
use crate::cli::AddArgs;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where files land in dom0 when no other place is given, and where scripts start.
pub(crate) const FOLDER: &str = "/guest";

const INIT: &str = include_str!("../../rig/init.sh");
const BACKEND: &str = include_str!("../../rig/backend.sh");
const XL_CONF: &str = include_str!("../../rig/xl.conf");

/// dom0's users. The last is the one that the daemon may become.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                      nobody:x:65534:65534:nobody:/:/bin/false\n\
                      pvcallsd:x:998:998:pvcallsd:/:/bin/false\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\npvcallsd:x:998:\n";

/// A file or folder to be put into dom0: `FILE` or `FILE:DEST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Added {
    /// Where it is here.
    pub(crate) from: PathBuf,
    /// Its absolute path in dom0.
    pub(crate) to: String,
}

impl FromStr for Added {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        // A colon that is not followed by an absolute path belongs to the file's name.
        let (from, to) = match text.rsplit_once(':') {
            Some((from, to)) if to.starts_with('/') && !from.is_empty() => (from, Some(to)),
            _ => (text, None),
        };
        let from = PathBuf::from(from);
        let to = match to {
            Some(to) if !to.ends_with('/') => to.to_owned(),
            folder => {
                let name = from.file_name().and_then(|name| name.to_str());
                let name = name.with_context(|| format!("`{text}` names no file"))?;
                format!("{}/{name}", folder.unwrap_or(FOLDER).trim_end_matches('/'))
            }
        };
        Ok(Self { from, to })
    }
}

/// The files of one run, being collected.
#[derive(Debug)]
pub(crate) struct Payload {
    archive: Archive<Vec<u8>>,
    nonce: String,
    shares: Vec<PathBuf>,
}

impl Payload {
    /// A host that, once it is up and has started `backend`, runs the shell script `main`.
    pub(crate) fn new(main: &str, backend: Backend) -> Result<Self> {
        let nonce = wire::nonce()?;
        let mut archive = Archive::new(Vec::new());
        archive.file("init", 0o755, INIT.as_bytes())?;
        archive.file("callisto/nonce", 0o644, nonce.as_bytes())?;
        archive.file("callisto/main", 0o755, main.as_bytes())?;
        archive.file("etc/xen/xl.conf", 0o644, XL_CONF.as_bytes())?;
        archive.file("callisto/backend.sh", 0o644, BACKEND.as_bytes())?;
        archive.file("callisto/backend", 0o644, backend.name().as_bytes())?;
        archive.file("etc/passwd", 0o644, PASSWD.as_bytes())?;
        archive.file("etc/group", 0o644, GROUP.as_bytes())?;
        archive.file("etc/hosts", 0o644, b"127.0.0.1 localhost\n::1 localhost\n")?;
        archive.folder(FOLDER)?;
        let mut payload = Self {
            archive,
            nonce,
            shares: Vec::new(),
        };
        if backend == Backend::Pvcallsd {
            backend::add_daemon(&mut payload)?;
        }
        Ok(payload)
    }

    /// What marks the control records of this run.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Gives dom0 the folder `folder` of this machine, and returns by what name it finds it.
    pub(crate) fn share(&mut self, folder: PathBuf) -> String {
        self.shares.push(folder);
        share_name(self.shares.len() - 1)
    }

    /// The folders that dom0 is given, in the order of their names.
    pub(crate) fn shares(&self) -> &[PathBuf] {
        &self.shares
    }

    /// Puts these bytes into a file.
    pub(crate) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        self.archive.file(path, mode, bytes)
    }

    /// Puts what the user asked for into dom0.
    pub(crate) fn add_all(&mut self, files: &AddArgs) -> Result<()> {
        files.add.iter().try_for_each(|added| self.add(added))?;
        files
            .add_bin
            .iter()
            .try_for_each(|program| self.add_program(program))
    }

    /// Puts a file or folder of this machine into dom0.
    pub(crate) fn add(&mut self, added: &Added) -> Result<()> {
        self.copy(&added.from, &added.to)
    }

    /// Puts a file or folder of this machine at `to` in dom0.
    pub(crate) fn copy(&mut self, from: &Path, to: &str) -> Result<()> {
        self.archive.copy(from, to)
    }

    /// Puts a program with everything it needs to run into dom0, under `/usr/local/bin`: that
    /// of a package of this workspace, this machine's, or that of a Debian package.
    pub(crate) fn add_program(&mut self, wanted: &str) -> Result<()> {
        if !wanted.contains('/') && own::has(wanted) {
            let program = own::build(wanted, wanted)?;
            return own::add(self, &program, &format!("usr/local/bin/{wanted}"));
        }
        let Program { name, root, path } = programs::find(wanted)?;
        self.archive.copy(
            &libs::resolve(&root, &path)?,
            &format!("usr/local/bin/{name}"),
        )?;
        let needed = libs::closure(&root, &path)?;
        needed
            .iter()
            .try_for_each(|(path, file)| self.archive.copy(file, path))
    }

    /// The finished archive.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        self.archive.finish()
    }
}

/// What the emulated device of folder number `number` is called.
pub(crate) fn share_name(number: usize) -> String {
    format!("volume{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (String, String) {
        let added: Added = text.parse().unwrap();
        (added.from.display().to_string(), added.to)
    }

    #[test]
    fn a_file_lands_in_the_guest_folder_or_where_it_is_told_to() {
        assert_eq!(
            parse("dir/hello.cfg"),
            ("dir/hello.cfg".into(), "/guest/hello.cfg".into())
        );
        assert_eq!(
            parse("hello:/tmp/other"),
            ("hello".into(), "/tmp/other".into())
        );
        assert_eq!(parse("hello:/tmp/"), ("hello".into(), "/tmp/hello".into()));
        assert_eq!(
            parse("odd:name"),
            ("odd:name".into(), "/guest/odd:name".into())
        );
    }

    #[test]
    fn a_path_without_a_name_is_refused() {
        assert!("..".parse::<Added>().is_err());
        assert!("".parse::<Added>().is_err());
    }
}
