//! The cache: a hypervisor, a kernel and a base initramfs, made once per set of packages.
//!
//! The folder's name carries a hash of all package versions. A finished cache is renamed into
//! place, so a half-made one is never used, and a lock lets only one process make it.

use super::archive::Archive;
use super::{libs, pvcalls, recipe};
use crate::host::apt::{self, Deb};
use crate::host::tools;
use crate::{cmd, paths, ui};
use anyhow::{Context, Result, anyhow};
use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names in the cache.
const HEADERS: &str = "headers";
const DRIVERS: &str = "drivers";
const RELEASE: &str = "kernel-release";

/// Everything a host is booted from.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// The cache for the packages on offer now, made if it is not there.
    pub(crate) fn ensure() -> Result<Self> {
        let rig = paths::rig()?;
        let _lock = paths::lock(&rig)?;
        let stamp = format!("{} {}", recipe::VERSION, apt::lists_stamp());
        let remembered = Remembered::read(&rig);
        if let Some(known) = remembered.as_ref().filter(|known| known.stamp == stamp)
            && let Some(cache) = Self::at(&rig, &known.key)
        {
            return Ok(cache);
        }
        let made = Self::find_or_make(&rig, &stamp);
        // Without a network the cache that worked last time is better than none.
        made.or_else(
            |err| match remembered.and_then(|known| Self::at(&rig, &known.key)) {
                Some(cache) => {
                    ui::warn(format!(
                        "using the rig made earlier, because a new one cannot be made: {err:#}"
                    ));
                    Ok(cache)
                }
                None => Err(err),
            },
        )
    }

    /// The folder of the cache that was used last, if it is there.
    pub(crate) fn newest() -> Option<PathBuf> {
        let rig = paths::rig().ok()?;
        Some(Self::at(&rig, &Remembered::read(&rig)?.key)?.dir)
    }

    /// The hypervisor, as the ELF file that the emulator loads.
    pub(crate) fn hypervisor(&self) -> PathBuf {
        self.dir.join("xen.elf")
    }

    /// The kernel of dom0.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    /// The part of the initramfs that all runs share.
    pub(crate) fn base(&self) -> PathBuf {
        self.dir.join("base.cpio")
    }

    /// A statically linked busybox.
    pub(crate) fn busybox(&self) -> PathBuf {
        self.dir.join("busybox")
    }

    /// The kernel's headers, unpacked.
    pub(crate) fn headers(&self) -> PathBuf {
        self.dir.join(HEADERS)
    }

    /// The sources of Linux's PV Calls drivers.
    pub(crate) fn driver_sources(&self) -> PathBuf {
        self.dir.join(DRIVERS)
    }

    /// A folder for modules that are made for single tests.
    pub(crate) fn modules(&self) -> Result<PathBuf> {
        paths::dir(self.dir.join("modules"))
    }

    /// The kernel's full version, as in the names of its folders.
    pub(crate) fn kernel_release(&self) -> Result<String> {
        let path = self.dir.join(RELEASE);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn at(rig: &Path, key: &str) -> Option<Self> {
        let dir = rig.join(key);
        dir.join("base.cpio").is_file().then_some(Self { dir })
    }

    fn find_or_make(rig: &Path, stamp: &str) -> Result<Self> {
        tools::require_lists()?;
        let key = make(rig).or_else(|err| {
            if !err.is::<apt::Unavailable>() {
                return Err(err);
            }
            ui::step("a package on apt's lists cannot be had; updating the lists");
            tools::update_lists().context(err)?;
            make(rig)
        })?;
        std::fs::write(rig.join("newest"), format!("{stamp}\n{key}\n"))?;
        Self::at(rig, &key).ok_or_else(|| anyhow!("the cache {key} was made but is not there"))
    }
}

/// Makes the cache for the packages on offer, if it is not there; returns its name.
fn make(rig: &Path) -> Result<String> {
    let release = kernel_release()?;
    let host = apt::resolve(&recipe::host_packages(&release))?;
    let module = apt::resolve(&recipe::module_packages(&release))?;
    let key = key(&release, host.iter().chain(&module));
    if Cache::at(rig, &key).is_none() {
        let making = rig.join(format!("making-{key}"));
        remove(&making)?;
        Maker {
            dir: paths::dir(making.clone())?,
            release,
            host,
            module,
        }
        .make()?;
        std::fs::rename(&making, rig.join(&key))
            .context("cannot put the finished cache in its place")?;
    }
    Ok(key)
}

/// Which cache belonged to the package lists as they were at the last start.
struct Remembered {
    stamp: String,
    key: String,
}

impl Remembered {
    fn read(rig: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(rig.join("newest")).ok()?;
        let mut lines = text.lines().map(str::to_owned);
        Some(Self {
            stamp: lines.next()?,
            key: lines.next()?,
        })
    }
}

struct Maker {
    dir: PathBuf,
    release: String,
    host: Vec<Deb>,
    module: Vec<Deb>,
}

impl Maker {
    fn make(&self) -> Result<()> {
        ui::step("making the Xen host in target/rig; this happens once");
        tools::require(&tools::MAKING)?;
        let debs = paths::dir(self.dir.join("debs"))?;
        let mut all = self.host.clone();
        all.extend(
            self.module
                .iter()
                .filter(|deb| !self.host.contains(deb))
                .cloned(),
        );
        apt::download(&all, &debs)?;
        ui::step("unpacking");
        let root = paths::dir(self.dir.join("root"))?;
        apt::unpack_all(&self.host, &debs, &root)?;
        let module = self.backend_module(&debs)?;
        ui::step("writing the initramfs");
        self.hypervisor(&root)?;
        let kernel = root.join("boot").join(format!("vmlinuz-{}", self.release));
        std::fs::copy(&kernel, self.dir.join("vmlinuz"))
            .with_context(|| format!("cannot copy {}", kernel.display()))?;
        self.base(&root, &module)?;
        std::fs::copy(root.join("bin/busybox"), self.dir.join("busybox"))
            .context("cannot copy busybox")?;
        std::fs::write(self.dir.join(RELEASE), &self.release)?;
        [root, debs, self.dir.join("module")]
            .iter()
            .try_for_each(|used| remove(used))
    }

    fn backend_module(&self, debs: &Path) -> Result<PathBuf> {
        ui::step("compiling Linux's PV Calls backend for dom0");
        let headers = paths::dir(self.dir.join(HEADERS))?;
        let drivers = paths::dir(self.dir.join(DRIVERS))?;
        for deb in &self.module {
            let file = debs.join(&deb.file);
            if deb.package().starts_with("linux-source") {
                pvcalls::extract_source(&file, &drivers)?;
            } else {
                apt::unpack(&file, &headers)?;
            }
        }
        let name = "pvcalls-back";
        let build = paths::dir(self.dir.join("module"))?;
        let source = format!("{name}.c");
        std::fs::copy(drivers.join(&source), build.join(&source))
            .context("cannot copy the backend's source")?;
        pvcalls::compile(name, &[], &build, &headers, &self.release)
    }

    fn hypervisor(&self, root: &Path) -> Result<()> {
        let packed = root.join(format!("boot/xen-{}-amd64.gz", recipe::XEN));
        let file =
            File::open(&packed).with_context(|| format!("cannot read {}", packed.display()))?;
        let mut elf = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut elf)?;
        std::fs::write(self.dir.join("xen.elf"), elf).context("cannot write the hypervisor")
    }

    fn base(&self, root: &Path, backend: &Path) -> Result<()> {
        let out = File::create(self.dir.join("base.cpio")).context("cannot write the initramfs")?;
        let mut archive = Archive::new(BufWriter::new(out));
        busybox(root, &mut archive)?;
        self.toolstack(root, &mut archive)?;
        for name in recipe::MODULES {
            let module = self.module_bytes(root, name)?;
            archive.file(&format!("lib/modules/{name}.ko"), 0o644, &module)?;
        }
        archive.copy(backend, "lib/modules/pvcalls-back.ko")?;
        archive.finish()?;
        Ok(())
    }

    fn toolstack<W: std::io::Write>(&self, root: &Path, archive: &mut Archive<W>) -> Result<()> {
        let bin = format!("usr/lib/xen-{}/bin", recipe::XEN);
        let tools = recipe::TOOLSTACK.map(|name| format!("{bin}/{name}"));
        let mut needed = libs::Placed::new();
        for path in tools.iter().map(String::as_str).chain(["usr/bin/xenstore"]) {
            archive.copy(&root.join(path), path)?;
            needed.extend(libs::closure(root, Path::new(path))?);
        }
        for name in recipe::LOADED_BY_NAME {
            let found = libs::find(root, name, &[])
                .with_context(|| format!("{name} is in none of the packages"))?;
            needed.insert(found.0, found.1);
        }
        needed
            .iter()
            .try_for_each(|(path, file)| archive.copy(file, path))?;
        // The packaged names are hard links; the program looks at the name it was called by.
        let names = recipe::XENSTORE.iter();
        names
            .into_iter()
            .try_for_each(|name| archive.symlink(&format!("usr/bin/xenstore-{name}"), "xenstore"))
    }

    fn module_bytes(&self, root: &Path, name: &str) -> Result<Vec<u8>> {
        let modules = root.join("lib/modules").join(&self.release);
        let packed = find_file(&modules, &format!("{name}.ko.xz"));
        let packed = packed
            .with_context(|| format!("Debian's kernel {} has no module {name}", self.release))?;
        cmd::output_bytes(
            Command::new("xz")
                .args(["--decompress", "--stdout"])
                .arg(packed),
        )
    }
}

fn busybox<W: std::io::Write>(root: &Path, archive: &mut Archive<W>) -> Result<()> {
    let program = root.join("bin/busybox");
    archive.copy(&program, "bin/busybox")?;
    for path in cmd::output(Command::new(&program).arg("--list-full"))?.lines() {
        if path != "bin/busybox" {
            archive.symlink(path, "/bin/busybox")?;
        }
    }
    Ok(())
}

fn kernel_release() -> Result<String> {
    let meta = recipe::linux_meta_package();
    let needed = apt::dependencies(&meta)?;
    let release = needed
        .iter()
        .find_map(|name| name.strip_prefix("linux-image-"));
    release
        .map(str::to_owned)
        .with_context(|| format!("the package {meta} names no kernel"))
}

fn key<'a>(release: &str, packages: impl Iterator<Item = &'a Deb>) -> String {
    let bytes = packages.flat_map(|deb| deb.file.bytes().chain([0]));
    let hash = fnv1a(u64::from(recipe::VERSION), bytes);
    format!("xen-{}-linux-{release}-{hash:016x}", recipe::XEN)
}

/// A hash that is stable over compilers, unlike the standard library's.
pub(crate) fn fnv1a(seed: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn remove(dir: &Path) -> Result<()> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}

fn find_file(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|own| own == name) {
            return Some(path);
        }
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if let Some(found) = is_folder.then(|| find_file(&path, name)).flatten() {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_another_key() {
        let deb = |version: &str| Deb {
            file: format!("a_{version}_amd64.deb"),
            bytes: 1,
        };
        let (one, two) = (deb("1"), deb("2"));
        assert_ne!(
            key("6.12", [&one].into_iter()),
            key("6.12", [&two].into_iter())
        );
        assert_ne!(
            key("6.12", [&one, &two].into_iter()),
            key("6.12", [&two].into_iter())
        );
    }
}
