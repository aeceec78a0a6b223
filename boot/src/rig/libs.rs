//! Which libraries a program needs, and where they are: like `ldd`, but for programs in an
//! unpacked package as well, and without running anything.

use anyhow::{Context, Result, bail};
use object::Endianness;
use object::elf::{
    DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_STRTAB, DynamicTag, FileHeader64, PT_INTERP,
};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 7] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/local/lib/x86_64-linux-gnu",
    "/usr/local/lib",
    "/lib64",
    "/lib",
    "/usr/lib",
];

/// A file and where it belongs: its path in the host, then the path of its contents here.
pub(crate) type Placed = BTreeMap<String, PathBuf>;

/// Everything `program` (a path inside `root`) needs to run, itself excepted.
pub(crate) fn closure(root: &Path, program: &Path) -> Result<Placed> {
    let mut found = Placed::new();
    let mut names = VecDeque::new();
    let needs = Needs::of(&resolve(root, program)?)?;
    if let Some(interpreter) = needs.interpreter {
        let real = resolve(root, Path::new(&interpreter))?;
        found.insert(interpreter, real);
    }
    names.extend(
        needs
            .libraries
            .into_iter()
            .map(|name| (name, needs.folders.clone())),
    );
    let mut seen = BTreeMap::new();
    while let Some((name, folders)) = names.pop_front() {
        if seen.insert(name.clone(), ()).is_some() {
            continue;
        }
        let (path, real) = find(root, &name, &folders).with_context(|| {
            format!(
                "{} needs the library {name}, which is not there",
                program.display()
            )
        })?;
        let needs = Needs::of(&real)?;
        names.extend(
            needs
                .libraries
                .into_iter()
                .map(|name| (name, needs.folders.clone())),
        );
        found.insert(path, real);
    }
    Ok(found)
}

/// Where the library `name` lies inside `root`: its path there, and its real file.
pub(crate) fn find(root: &Path, name: &str, first: &[String]) -> Option<(String, PathBuf)> {
    let folders = first.iter().map(String::as_str).chain(FOLDERS);
    let paths = folders.map(|folder| format!("{folder}/{name}"));
    paths.into_iter().find_map(|path| {
        let real = resolve(root, Path::new(&path)).ok()?;
        real.is_file().then_some((path, real))
    })
}

/// The real file behind `path` inside `root`, where a link to `/x` means `root/x`.
pub(crate) fn resolve(root: &Path, path: &Path) -> Result<PathBuf> {
    if root == Path::new("/") {
        return path
            .canonicalize()
            .with_context(|| format!("cannot find {}", path.display()));
    }
    let mut real = root.join(path.strip_prefix("/").unwrap_or(path));
    for _ in 0..16 {
        let Ok(target) = std::fs::read_link(&real) else {
            break;
        };
        real = match target.strip_prefix("/") {
            Ok(inside) => root.join(inside),
            Err(_) => real.with_file_name("").join(target),
        };
    }
    if !real.exists() {
        bail!("cannot find {}", real.display());
    }
    Ok(real)
}

#[derive(Debug, Default)]
struct Needs {
    interpreter: Option<String>,
    libraries: Vec<String>,
    folders: Vec<String>,
}

impl Needs {
    fn of(file: &Path) -> Result<Self> {
        let data =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        if !data.starts_with(b"\x7fELF") {
            return Ok(Self::default());
        }
        Self::parse(&data, file)
            .with_context(|| format!("{}: not a well-formed ELF file", file.display()))
    }

    fn parse(data: &[u8], file: &Path) -> Result<Self> {
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let segments = header.program_headers(endian, data)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut needs = Self::default();
        for segment in segments {
            if segment.p_type(endian) == PT_INTERP {
                needs.interpreter = segment.interpreter(endian, data)?.map(text);
            }
            let Some(entries) = segment.dynamic(endian, data)? else {
                continue;
            };
            let entries: Vec<(DynamicTag, u64)> = entries
                .iter()
                .map(|entry| (entry.d_tag(endian), entry.d_val(endian)))
                .take_while(|entry| entry.0 != DT_NULL)
                .collect();
            let values = |tag| {
                entries
                    .iter()
                    .filter(move |entry| entry.0 == tag)
                    .map(|entry| entry.1)
            };
            let Some(table) = values(DT_STRTAB).next() else {
                continue;
            };
            let string = |offset: u64| -> Option<String> {
                let start = segments
                    .iter()
                    .find_map(|s| s.data_range(endian, data, table, 1).ok().flatten())?;
                let at = start.as_ptr().addr().checked_sub(data.as_ptr().addr())?;
                let tail = data.get(at.checked_add(usize::try_from(offset).ok()?)?..)?;
                Some(text(tail.split(|byte| *byte == 0).next()?))
            };
            needs.libraries = values(DT_NEEDED).filter_map(string).collect();
            let origin = file
                .parent()
                .unwrap_or(Path::new("/"))
                .display()
                .to_string();
            let folders = values(DT_RUNPATH)
                .chain(values(DT_RPATH))
                .filter_map(string);
            needs.folders = folders
                .flat_map(|list| list.split(':').map(str::to_owned).collect::<Vec<_>>())
                .map(|folder| {
                    folder
                        .replace("$ORIGIN", &origin)
                        .replace("${ORIGIN}", &origin)
                })
                .collect();
        }
        Ok(needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_c_library_of_a_program_here() {
        let found = closure(Path::new("/"), Path::new("/bin/sh")).unwrap();
        assert!(
            found.keys().any(|path| path.ends_with("/libc.so.6")),
            "{found:?}"
        );
        assert!(
            found.keys().any(|path| path.contains("ld-linux")),
            "{found:?}"
        );
    }

    #[test]
    fn links_stay_inside_the_root() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("real")).unwrap();
        std::fs::write(root.path().join("real/file"), "x").unwrap();
        std::os::unix::fs::symlink("/real/file", root.path().join("link")).unwrap();
        let found = resolve(root.path(), Path::new("/link")).unwrap();
        assert_eq!(found, root.path().join("real/file"));
        assert!(resolve(root.path(), Path::new("/none")).is_err());
    }
}
