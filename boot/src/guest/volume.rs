//! Folders that a guest may mount: `--volume DIR:TAG[:/MOUNT/POINT]`.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A folder of this machine, or of a Xen host, for a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// By what name the guest asks for it.
    pub(crate) tag: String,
    /// Where the guest mounts it, if its command line is to say so.
    pub(crate) mount: Option<String>,
}

impl FromStr for Volume {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        // The folder's name may have colons.
        let (rest, mount) = match text.rsplit_once(':') {
            Some((rest, mount)) if mount.starts_with('/') => (rest, Some(mount)),
            _ => (text, None),
        };
        let Some((folder, tag)) = rest.rsplit_once(':').filter(|(dir, _)| !dir.is_empty()) else {
            bail!("`{text}` is no volume: write DIR:TAG or DIR:TAG:/MOUNT/POINT");
        };
        if !is_tag(tag) {
            bail!(
                "`{tag}` cannot be the tag of a volume: at most 31 letters, digits, `-`, `_` and `.`, \
                 the first a letter or digit"
            );
        }
        if let Some(mount) = mount {
            check_mount(mount)?;
        }
        Ok(Self {
            folder: folder.into(),
            tag: tag.to_owned(),
            mount: mount.map(str::to_owned),
        })
    }
}

impl Volume {
    /// The same volume with its folder at `folder`.
    pub(crate) fn at(&self, folder: PathBuf) -> Self {
        Self {
            folder,
            ..self.clone()
        }
    }

    /// The same volume with its folder's absolute path, if there is such a folder here.
    pub(crate) fn found(&self) -> Result<Self> {
        let shown = self.folder.display();
        let folder = self.folder.canonicalize();
        let folder = folder.with_context(|| format!("there is no folder {shown}"))?;
        if !folder.is_dir() {
            bail!("{shown} is no folder, and only folders can be volumes");
        }
        Ok(self.at(folder))
    }

    /// Its entry in the list `p9` of an `xl` configuration.
    pub(crate) fn entry(&self) -> Result<String> {
        let folder = folder_text(&self.folder)?;
        let tag = &self.tag;
        Ok(format!("tag={tag},path={folder},security_model=none"))
    }
}

/// Whether `tag` can name a volume: it becomes part of an `xl` configuration, of a guest's command
/// line and of a path in dom0.
pub(crate) fn is_tag(tag: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    tag.len() <= 31
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric())
        && tag.chars().all(plain)
}

/// An error if two of `volumes` have the same tag or mount point.
pub(crate) fn check(volumes: &[Volume]) -> Result<()> {
    for (place, volume) in volumes.iter().enumerate() {
        let before = &volumes[..place];
        if before.iter().any(|other| other.tag == volume.tag) {
            bail!("two volumes have the tag `{}`", volume.tag);
        }
        if let Some(mount) = &volume.mount
            && before
                .iter()
                .any(|other| other.mount.as_ref() == Some(mount))
        {
            bail!("two volumes are to be mounted at {mount}");
        }
    }
    Ok(())
}

/// `args` after the one that makes a guest mount those `volumes` that have a mount point.
pub(crate) fn arguments(volumes: &[Volume], args: &[String]) -> Result<Vec<String>> {
    check(volumes)?;
    let mounts = volumes.iter().filter_map(|volume| {
        let mount = volume.mount.as_ref()?;
        Some(format!("{}:{mount}", volume.tag))
    });
    let mounts: Vec<String> = mounts.collect();
    if mounts.is_empty() {
        return Ok(args.to_vec());
    }
    if args.iter().any(|arg| arg.starts_with("mount=")) {
        bail!(
            "the guest's arguments have a `mount=` already: name the mount points there, or in --volume"
        );
    }
    let mut all = vec![format!("mount={}", mounts.join(","))];
    all.extend_from_slice(args);
    Ok(all)
}

/// An error if the guest cannot be told to mount at `mount`: its list of mounts has commas and colons.
fn check_mount(mount: &str) -> Result<()> {
    if mount.chars().any(|c| c.is_control() || c == ',') {
        bail!("`{mount}` cannot be a mount point: it has a comma or a control character in it");
    }
    if mount.split('/').any(|part| part == "." || part == "..") {
        bail!("`{mount}` cannot be a mount point: `.` and `..` cannot be part of it");
    }
    Ok(())
}

/// The folder as `xl` can be told of it.
fn folder_text(folder: &Path) -> Result<&str> {
    let shown = folder.display();
    if !folder.is_absolute() {
        bail!(
            "{shown}: the folder of a volume needs an absolute path here, which the Xen host is given"
        );
    }
    let text = folder.to_str();
    let text = text.filter(|text| !text.chars().any(|c| c.is_control() || c == ','));
    text.with_context(|| {
        format!("{shown} cannot be a volume: `xl` knows no paths with a comma, a control character or other text than UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, String, Option<String>)> {
        let volume: Volume = text.parse()?;
        Ok((
            volume.folder.display().to_string(),
            volume.tag,
            volume.mount,
        ))
    }

    #[test]
    fn a_volume_has_a_folder_and_a_tag_and_perhaps_a_mount_point() {
        assert_eq!(parse("a/b:t").unwrap(), ("a/b".into(), "t".into(), None));
        assert_eq!(
            parse("/a:t:/data").unwrap(),
            ("/a".into(), "t".into(), Some("/data".into()))
        );
        assert_eq!(
            parse("/odd:name:t:/").unwrap(),
            ("/odd:name".into(), "t".into(), Some("/".into()))
        );
    }

    #[test]
    fn mistakes_are_told() {
        for (text, part) in [
            ("/srv", "DIR:TAG"),
            (":t", "DIR:TAG"),
            ("/srv:/data", "DIR:TAG"),
            ("/srv:", "cannot be the tag"),
            ("/srv:a b", "cannot be the tag"),
            ("/srv:t:/a,b", "comma"),
            ("/srv:t:/a/../b", "`..`"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn tags_are_plain_words() {
        for tag in ["data", "a", "0", "my-data_2.0", &"x".repeat(31)] {
            assert!(is_tag(tag), "{tag}");
        }
        let long = "x".repeat(32);
        for tag in ["", ".", "..", "-a", "a b", "a/b", "a,b", "a=b", "ä", &long] {
            assert!(!is_tag(tag), "{tag}");
        }
    }

    fn volumes(texts: &[&str]) -> Vec<Volume> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn mount_points_become_one_argument_before_the_others() {
        let args = ["x".to_owned()];
        assert_eq!(
            arguments(&volumes(&["/a:a:/x", "/b:b", "/c:c:/y z"]), &args).unwrap(),
            ["mount=a:/x,c:/y z", "x"]
        );
        assert_eq!(arguments(&volumes(&["/b:b"]), &args).unwrap(), ["x"]);
        let mounting = ["mount=b:/x".to_owned()];
        assert_eq!(arguments(&volumes(&["/b:b"]), &mounting).unwrap(), mounting);
        assert!(arguments(&volumes(&["/b:b:/x"]), &mounting).is_err());
    }

    #[test]
    fn tags_and_mount_points_are_not_shared() {
        for (one, other, part) in [
            ("/a:t", "/b:t", "the tag `t`"),
            ("/a:a:/x", "/b:b:/x", "mounted at /x"),
        ] {
            let error = arguments(&volumes(&[one, other]), &[]).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(arguments(&volumes(&["/a:a", "/a:b"]), &[]).is_ok());
    }

    #[test]
    fn xl_is_told_of_absolute_paths_without_commas() {
        let entry = |text: &str| text.parse::<Volume>().unwrap().entry();
        assert_eq!(
            entry("/srv/my data:t:/x").unwrap(),
            "tag=t,path=/srv/my data,security_model=none"
        );
        for (text, part) in [("data:t", "absolute"), ("/a,b:t", "comma")] {
            let error = entry(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_folder_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| format!("{}:t", path.display());
        let volume: Volume = text(folder.path()).parse().unwrap();
        assert_eq!(
            volume.found().unwrap().folder,
            folder.path().canonicalize().unwrap()
        );
        let file = folder.path().join("file");
        let volume: Volume = text(&file).parse().unwrap();
        assert!(
            volume
                .found()
                .unwrap_err()
                .to_string()
                .contains("there is no folder")
        );
        std::fs::write(&file, "").unwrap();
        assert!(
            volume
                .found()
                .unwrap_err()
                .to_string()
                .contains("is no folder")
        );
    }
}
