//! `cargo boot image`: the files that a Xen host needs.

use crate::cli::ImageArgs;
use crate::guest::config::Config;
use crate::guest::{build, image, volume};
use crate::paths;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Writes image and configuration, and says where they are.
pub(crate) fn image(args: &ImageArgs) -> Result<u8> {
    let name = &args.example;
    let path = make(name, args.guest.manifest_path.as_deref())?;
    let guest_args = volume::arguments(&args.volume, &args.args)?;
    let config = Config {
        name,
        image: &path,
        memory_mib: args.guest.memory,
        args: &guest_args,
        volumes: &args.volume,
    };
    let config_path = path.with_file_name(format!("{name}.cfg"));
    std::fs::write(&config_path, config.text()?)
        .with_context(|| format!("cannot write {}", config_path.display()))?;
    println!(
        "{} ({} KiB)",
        path.display(),
        std::fs::metadata(&path)?.len().div_ceil(1024)
    );
    println!("{}", config_path.display());
    Ok(0)
}

/// Builds the package `name` and writes its image.
pub(crate) fn make(name: &str, manifest: Option<&Path>) -> Result<PathBuf> {
    let programs = build::build(&[name.to_owned()], manifest)?;
    let linked = programs
        .get(name)
        .with_context(|| format!("cargo built no program called {name}"))?;
    image::write(linked, &paths::images()?.join(name))
}
