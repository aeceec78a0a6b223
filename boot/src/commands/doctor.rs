//! `cargo boot doctor`: what is missing on this machine, and the command that mends it.

use crate::host::tools::{self, Tool};
use crate::rig::cache::Cache;
use crate::rig::session::DEFAULT_MEMORY_MIB;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// Only for whoever changes the bindings to Xen's headers.
const BINDINGS: [Tool; 2] = [
    Tool {
        name: "/usr/include/xen/xen.h",
        package: "libxen-dev",
        purpose: "regenerates the bindings in xen-sys",
    },
    Tool {
        name: "/usr/lib/llvm-14/lib/libclang-14.so.1",
        package: "libclang1-14",
        purpose: "regenerates the bindings in xen-sys",
    },
];

/// Prints what it found; returns 0 if everything needed is there.
pub(crate) fn doctor() -> Result<u8> {
    let mut missing = Vec::new();
    println!("To build guests:");
    let linker = rust_lld();
    line(
        linker.is_some(),
        "rust-lld",
        "links guests; part of the Rust toolchain",
    );
    if linker.is_none() {
        println!("           mend: rustup toolchain install stable");
    }
    println!("To run the rig:");
    let debian = tools::require_debian();
    line(
        debian.is_ok(),
        "apt-get and dpkg-deb",
        "fetch and unpack the parts of the Xen host",
    );
    for tool in tools::EMULATOR.iter().chain(&tools::MAKING) {
        check(tool, &mut missing);
    }
    let memory = available_memory_mib().unwrap_or(u64::MAX);
    let enough = memory >= u64::from(DEFAULT_MEMORY_MIB);
    line(
        enough,
        &format!("{DEFAULT_MEMORY_MIB} MiB of free memory"),
        "for the emulated machine; less with --host-memory",
    );
    match Cache::newest() {
        Some(cache) => println!("  made     {}", cache.display()),
        None => println!(
            "  not yet  the cache in target/rig; the first start makes it and fetches about 290 MB"
        ),
    }
    println!("To regenerate bindings (optional):");
    let mut optional = Vec::new();
    BINDINGS.iter().for_each(|tool| check(tool, &mut optional));
    if !optional.is_empty() {
        println!("           mend: {}", mend(&optional)?);
    }
    if let Err(err) = &debian {
        println!("\n{err:#}");
    } else if !missing.is_empty() {
        println!(
            "\nMissing packages are installed by the command that needs them, if it may. To do it now:"
        );
        println!("    {}", mend(&missing)?);
    }
    let healthy = missing.is_empty() && debian.is_ok() && linker.is_some() && enough;
    println!(
        "\n{}",
        if healthy {
            "Everything needed is there."
        } else {
            "Something is missing; see above."
        }
    );
    Ok(if healthy { 0 } else { 1 })
}

fn check(tool: &Tool, missing: &mut Vec<&'static str>) {
    let there = tool.find().is_some();
    line(there, tool.name, tool.purpose);
    if !there && !missing.contains(&tool.package) {
        missing.push(tool.package);
    }
}

fn line(there: bool, name: &str, purpose: &str) {
    println!(
        "  {}  {name}: {purpose}",
        if there { "ok     " } else { "MISSING" }
    );
}

fn mend(packages: &[&str]) -> Result<String> {
    let sudo = if tools::is_root()? { "" } else { "sudo " };
    Ok(format!("{sudo}{}", tools::install_command(packages)))
}

fn rust_lld() -> Option<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let out = Command::new(rustc)
        .args(["--print", "sysroot"])
        .output()
        .ok()?;
    let sysroot = PathBuf::from(String::from_utf8(out.stdout).ok()?.trim());
    let linker = sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    linker.is_file().then_some(linker)
}

fn available_memory_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kib| kib / 1024)
}
