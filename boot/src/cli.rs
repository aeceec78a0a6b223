//! The command line.

use crate::rig::payload::Added;
use crate::rig::session::DEFAULT_MEMORY_MIB;
use clap::{Args, Parser, Subcommand};

/// Builds guests and runs them on a real Xen host, made in an emulator from Debian's packages.
#[derive(Debug, Parser)]
#[command(name = "cargo boot", bin_name = "cargo boot", version)]
pub(crate) struct Cli {
    /// Show every command that is run.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a shell script in a fresh dom0 and give back its output and exit status.
    Exec(ExecArgs),
}

/// Options of every command that boots a host.
#[derive(Args, Clone, Debug)]
pub(crate) struct HostArgs {
    /// Memory of the emulated machine in MiB; dom0 has 1024 of them.
    #[arg(long = "host-memory", value_name = "MIB", default_value_t = DEFAULT_MEMORY_MIB)]
    pub(crate) memory: u32,
}

/// Options of `exec`.
#[derive(Args, Debug)]
pub(crate) struct ExecArgs {
    /// A file or folder to put into dom0, by default below /guest. May be repeated.
    #[arg(long, value_name = "FILE[:DEST]")]
    pub(crate) add: Vec<Added>,
    /// A program of this machine to put into dom0 with the libraries it needs. May be repeated.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) add_bin: Vec<String>,
    /// Give up after so many seconds, with exit status 124.
    #[arg(long, value_name = "S")]
    pub(crate) timeout: Option<u64>,
    /// The emulated machine.
    #[command(flatten)]
    pub(crate) host: HostArgs,
    /// The script, for dom0's /bin/sh.
    #[arg(last = true, required = true, value_name = "SCRIPT")]
    pub(crate) script: Vec<String>,
}
