//! The backend that gives guests their files: QEMU, as Debian builds it for Xen's toolstack.
//!
//! libxl starts it for every guest with a `p9=` entry in its configuration, one process per
//! guest, and it ends with the guest. dom0 gets it only when a run has volumes.

use super::libs;
use super::payload::Payload;
use super::programs::{self, Program};
use crate::guest::volume::Volume;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// The Debian package, and its program.
const PACKAGE: &str = "qemu-system-xen";
const PROGRAM: &str = "xen-qemu-system-i386";

/// Where Debian's libxl looks for it. QEMU finds its own files from there, so a link does not do.
const PLACE: &str = "usr/libexec";

/// It ends at once without this, although it shows no screen and has no keyboard.
const KEYMAP: &str = "usr/share/qemu/keymaps/en-us";

/// Where volumes lie in dom0, each in a folder of its tag's name.
pub(crate) const VOLUMES: &str = "/volumes";

const SCRIPT: &str = include_str!("../../rig/volumes.sh");

/// Puts QEMU into dom0.
pub(crate) fn add(payload: &mut Payload) -> Result<()> {
    let Program { root, path, .. } =
        programs::from_package(PROGRAM, PACKAGE).with_context(|| {
            format!("files for guests need QEMU in dom0, from the package {PACKAGE}")
        })?;
    payload.copy(&libs::resolve(&root, &path)?, &format!("{PLACE}/{PROGRAM}"))?;
    for (path, file) in libs::closure(&root, &path)? {
        payload.copy(&file, &path)?;
    }
    payload.copy(&root.join(KEYMAP), KEYMAP)
}

/// Makes folders of this machine volumes in dom0: not copies, what is changed there is changed here.
pub(crate) fn share(payload: &mut Payload, volumes: &[Volume]) -> Result<()> {
    if volumes.is_empty() {
        return Ok(());
    }
    add(payload)?;
    let mut list = String::new();
    for volume in volumes {
        let device = payload.share(volume.found()?.folder);
        list.push_str(&format!("{device} {}\n", volume.tag));
    }
    payload.file("callisto/volumes.sh", 0o644, SCRIPT.as_bytes())?;
    payload.file("callisto/shares", 0o644, list.as_bytes())
}

/// Where such a volume lies in dom0.
pub(crate) fn in_dom0(volume: &Volume) -> Volume {
    volume.at(PathBuf::from(VOLUMES).join(&volume.tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_lies_in_a_folder_of_its_tags_name() {
        let volume: Volume = "some/where:data:/x".parse().unwrap();
        assert_eq!(
            in_dom0(&volume).entry().unwrap(),
            "tag=data,path=/volumes/data,security_model=none"
        );
    }
}
