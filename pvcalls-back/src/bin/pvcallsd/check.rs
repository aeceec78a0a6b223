//! `--check-config`: what a configuration means, and what of it this host cannot do.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use pvcalls_back::config::Config;
use pvcalls_back::sandbox::Identity;

/// Checks a file. Mistakes go to standard error, one per line; the exit code is 1 then.
pub(crate) fn check(file: &Path) -> Result<ExitCode> {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let daemon = &config.daemon;
    println!("{}: no mistakes", file.display());
    match Identity::find(daemon.user.as_deref(), daemon.group.as_deref()) {
        Ok(identity) => println!("runs as {identity}"),
        Err(error) if daemon.user.is_some() || daemon.group.is_some() => {
            println!("WARNING: does not start on this host: {error:#}");
        }
        Err(error) => println!("WARNING: stays root: {error:#}"),
    }
    match &daemon.metrics {
        Some(address) => println!("metrics at {address}"),
        None => println!("no metrics"),
    }
    if !daemon.sandbox {
        println!("WARNING: the sandbox is off");
    }
    if config.privileged_ports() {
        println!("guests may listen below port 1024: CAP_NET_BIND_SERVICE is kept");
    }
    for (section, settings) in config.sections() {
        match settings.limits.worst_case() {
            Some(worst) => {
                let mib = worst.total().div_ceil(1 << 20);
                println!("{section}: a domain costs the host {mib} MiB of memory at worst");
            }
            None => println!("{section}: no bound for a domain's socket buffers but the kernel's"),
        }
    }
    for namespace in config.namespaces() {
        if namespace.exists() {
            println!("network namespace {}", namespace.display());
        } else {
            println!(
                "WARNING: does not start on this host: no network namespace {}",
                namespace.display()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
