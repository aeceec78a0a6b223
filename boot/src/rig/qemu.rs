//! The backend that gives guests their files: QEMU, as Debian builds it for Xen's toolstack.
//!
//! libxl starts it for every guest with a `p9=` entry in its configuration, one process per
//! guest, and it ends with the guest. dom0 gets it only when a run has volumes.

use super::libs;
use super::payload::Payload;
use super::programs::{self, Program};
use anyhow::{Context, Result};

/// The Debian package, and its program.
const PACKAGE: &str = "qemu-system-xen";
const PROGRAM: &str = "xen-qemu-system-i386";

/// Where Debian's libxl looks for it. QEMU finds its own files from there, so a link does not do.
const PLACE: &str = "usr/libexec";

/// It ends at once without this, although it shows no screen and has no keyboard.
const KEYMAP: &str = "usr/share/qemu/keymaps/en-us";

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

/// Whether `tag` can name a volume: it becomes part of an `xl` configuration, of a guest's command
/// line and of a path in dom0.
pub(crate) fn is_tag(tag: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    tag.len() <= 31
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric())
        && tag.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::is_tag;

    #[test]
    fn tags_are_plain_words() {
        for tag in ["data", "a", "0", "my-data_2.0", &"x".repeat(31)] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in [
            "",
            ".",
            "..",
            "-a",
            "a b",
            "a/b",
            "a,b",
            "a=b",
            "a:b",
            "ä",
            &"x".repeat(32),
        ] {
            assert!(!is_tag(tag), "{tag}");
        }
    }
}
