//! The command line.

use crate::guest::volume::Volume;
use crate::rig::backend::{self, Backend};
use crate::rig::payload::Added;
use crate::rig::session::{DEFAULT_MEMORY_MIB, Machine};
use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

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
    /// Run an example and show its console; without a name, fetch a page from a server in dom0.
    Run(RunArgs),
    /// Run every test: on this machine, then the cases on real Xen, with as few boots as possible.
    Test(TestArgs),
    /// Compare on one Xen host: the two backends for sockets, and our guest's files with a Linux guest's.
    Bench(BenchArgs),
    /// Write an example's image and its xl configuration to target/images.
    Image(ImageArgs),
    /// Run a shell script in a fresh dom0 and give back its output and exit status.
    Exec(ExecArgs),
    /// Open a prompt in a fresh dom0.
    Shell(ShellArgs),
    /// Say what is missing on this machine, and the command that mends it.
    Doctor,
}

/// Options of every command that boots a host.
#[derive(Args, Clone, Debug)]
pub(crate) struct HostArgs {
    /// Memory of the emulated machine in MiB; dom0 has 1024 of them.
    #[arg(long, value_name = "MIB", default_value_t = DEFAULT_MEMORY_MIB)]
    pub(crate) host_memory: u32,
    /// What serves the guests' sockets in the emulated dom0.
    #[arg(long, value_enum, default_value_t = backend::DEFAULT)]
    pub(crate) backend: Backend,
    /// Processors.
    #[command(flatten)]
    pub(crate) processors: ProcessorArgs,
}

/// What a guest is made of.
#[derive(Args, Clone, Debug)]
pub(crate) struct GuestArgs {
    /// The guest's memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    pub(crate) memory: u32,
    /// The Cargo.toml of a guest outside this workspace.
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}

impl HostArgs {
    /// The machine to emulate.
    pub(crate) fn machine(&self) -> Machine {
        Machine {
            memory_mib: self.host_memory,
            cpus: self.processors.host_cpus,
        }
    }
}

/// Folders for a guest.
#[derive(Args, Clone, Debug)]
pub(crate) struct VolumeArgs {
    /// A folder of this machine that the guest may mount by the name TAG; with a mount point, the
    /// guest is told to. It is shared, not copied: what the guest writes is in the folder at once,
    /// and stays when the guest or the host is killed. In the emulated dom0 it is /volumes/TAG. On
    /// a real Xen host, QEMU must be there to serve it (Debian's package qemu-system-xen). May be
    /// repeated.
    #[arg(long, value_name = "DIR:TAG[:/MOUNT/POINT]")]
    pub(crate) volume: Vec<Volume>,
}

/// Folders for dom0 and the guests that are started there.
#[derive(Args, Clone, Debug)]
pub(crate) struct SharedArgs {
    /// A folder of this machine that is /volumes/TAG in dom0: shared, not copied. QEMU is put into
    /// dom0, so that a guest there can have
    /// `p9=["tag=TAG,path=/volumes/TAG,security_model=none"]` in its configuration. May be repeated.
    #[arg(long, value_name = "DIR:TAG", value_parser = shared)]
    pub(crate) volume: Vec<Volume>,
}

/// Where a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Host {
    /// A Xen host in an emulator.
    Rig,
    /// This machine, which is the dom0 of a Xen host.
    Xl,
}

/// Options of `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The example (a package), or the path of a finished image.
    pub(crate) example: Option<String>,
    /// The guest.
    #[command(flatten)]
    pub(crate) guest: GuestArgs,
    /// Where to run it.
    #[arg(long, value_enum, default_value_t = Host::Rig)]
    pub(crate) host: Host,
    /// The emulated machine.
    #[command(flatten)]
    pub(crate) machine: HostArgs,
    /// Once the guest says that it listens, run this in dom0's shell: a client of the guest's
    /// server, at 192.0.2.1. When it ends the guest is ended, too, and its exit status is the
    /// result.
    #[arg(long, value_name = "SCRIPT")]
    pub(crate) client: Option<String>,
    /// What is put into dom0.
    #[command(flatten)]
    pub(crate) files: AddArgs,
    /// Folders for the guest.
    #[command(flatten)]
    pub(crate) volumes: VolumeArgs,
    /// Give up after so many seconds, with exit status 124.
    #[arg(long, value_name = "S")]
    pub(crate) timeout: Option<u64>,
    /// The guest's arguments.
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// Options of `image`.
#[derive(Args, Debug)]
pub(crate) struct ImageArgs {
    /// The example (a package).
    pub(crate) example: String,
    /// The guest.
    #[command(flatten)]
    pub(crate) guest: GuestArgs,
    /// A folder of the Xen host, by its absolute path there, that the guest may mount by the name
    /// TAG; with a mount point, the guest is told to. May be repeated.
    #[arg(long, value_name = "DIR:TAG[:/MOUNT/POINT]")]
    pub(crate) volume: Vec<Volume>,
    /// The guest's arguments, for the configuration.
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// Options of `test`.
#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// Run only the cases on Xen with this in their name.
    pub(crate) filter: Option<String>,
    /// Print the cases' names and run none.
    #[arg(long)]
    pub(crate) list: bool,
    /// Run the cases with this backend only, not with both.
    #[arg(long, value_enum)]
    pub(crate) backend: Option<Backend>,
    /// Boot so many hosts at a time, one for each backend; each takes 3 GiB of memory.
    #[arg(long, value_name = "N", default_value = "1", value_parser = jobs)]
    pub(crate) jobs: usize,
    /// Processors.
    #[command(flatten)]
    pub(crate) processors: ProcessorArgs,
    /// Multiply every time limit of the cases, for a computer that is busy with other things.
    #[arg(long, value_name = "FACTOR", default_value_t = 1)]
    pub(crate) patience: u32,
    /// The folder with the cases, if not this workspace's tests.
    #[arg(long, value_name = "PATH")]
    pub(crate) dir: Option<PathBuf>,
    /// The Cargo.toml of the cases' images, if not this workspace's.
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}

/// Options of `bench`.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Make this comparison only.
    #[arg(long, value_enum)]
    pub(crate) only: Option<Compared>,
    /// Measure the sockets of this backend only.
    #[arg(long, value_enum)]
    pub(crate) backend: Option<Backend>,
    /// Measure the files of this guest only.
    #[arg(long, value_enum)]
    pub(crate) guest: Option<FilesGuest>,
    /// How often each is measured; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// MiB that are moved in each direction.
    #[arg(long, value_name = "MIB", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) bulk: u32,
    /// Round trips of one byte.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(crate) round_trips: u32,
    /// Connections, once in turn and once in 8 threads.
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(8..=10_000))]
    pub(crate) connections: u32,
    /// MiB of the file that is written and read.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=512))]
    pub(crate) file: u32,
    /// Reads of 4 KiB anywhere in it.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) reads: u32,
    /// Appends of a line, each synced.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) appends: u32,
    /// Processors.
    #[command(flatten)]
    pub(crate) processors: ProcessorArgs,
}

/// What `bench` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compared {
    /// Two backends with one guest.
    Sockets,
    /// Two guests with one backend.
    Files,
}

/// The guests whose files `bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FilesGuest {
    /// Ours.
    Callisto,
    /// Debian's kernel, with the volume mounted as its manual says.
    LinuxGuest,
}

impl FilesGuest {
    /// What scripts and reports call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Callisto => "callisto",
            Self::LinuxGuest => "linux-guest",
        }
    }
}

impl BenchArgs {
    /// The machine to emulate.
    pub(crate) fn machine(&self) -> Machine {
        Machine {
            memory_mib: DEFAULT_MEMORY_MIB,
            cpus: self.processors.host_cpus,
        }
    }
}

/// What is put into dom0.
#[derive(Args, Clone, Debug)]
pub(crate) struct AddArgs {
    /// A file or folder to put into dom0, by default below /guest. May be repeated.
    #[arg(long, value_name = "FILE[:DEST]")]
    pub(crate) add: Vec<Added>,
    /// A program to put into dom0 with the libraries it needs: that of a package of this
    /// workspace, else this machine's, else from the Debian package of that name. May be
    /// repeated.
    #[arg(long, value_name = "PROGRAM[@PACKAGE]")]
    pub(crate) add_bin: Vec<String>,
}

impl AddArgs {
    /// Whether it is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.add.is_empty() && self.add_bin.is_empty()
    }
}

/// Options of `shell`.
#[derive(Args, Debug)]
pub(crate) struct ShellArgs {
    /// What is put into dom0.
    #[command(flatten)]
    pub(crate) files: AddArgs,
    /// Folders for its guests.
    #[command(flatten)]
    pub(crate) volumes: SharedArgs,
    /// The emulated machine.
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// Processors of the emulated machine.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProcessorArgs {
    /// Processors of the emulated machine. On a computer that is busy with other things, one
    /// is much faster than two, because two wait for each other. Without this option, the
    /// environment variable CALLISTO_HOST_CPUS counts.
    #[arg(long, value_name = "N", default_value_t = usual_cpus(), value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(crate) host_cpus: u32,
}

fn shared(text: &str) -> Result<Volume> {
    let volume: Volume = text.parse()?;
    if let Some(mount) = &volume.mount {
        bail!("what the guest is to mount at {mount} stands in its own command line here");
    }
    Ok(volume)
}

fn jobs(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=8) => Ok(number),
        _ => Err("between 1 and 8".to_owned()),
    }
}

fn usual_cpus() -> u32 {
    let named = std::env::var("CALLISTO_HOST_CPUS")
        .ok()
        .and_then(|text| text.parse().ok());
    // Two, so that guest and backend really run at the same time.
    named.unwrap_or(2)
}

/// Options of `exec`.
#[derive(Args, Debug)]
pub(crate) struct ExecArgs {
    /// What is put into dom0.
    #[command(flatten)]
    pub(crate) files: AddArgs,
    /// Folders for its guests.
    #[command(flatten)]
    pub(crate) volumes: SharedArgs,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_backend_is_named_or_the_usual_one() {
        let backend_of = |line: &[&str]| match Cli::try_parse_from(line).unwrap().command {
            Command::Run(args) => Some(args.machine.backend),
            Command::Exec(args) => Some(args.host.backend),
            Command::Shell(args) => Some(args.host.backend),
            Command::Test(args) => args.backend,
            other => panic!("{other:?}"),
        };
        let usual = Some(backend::DEFAULT);
        assert_eq!(backend_of(&["boot", "run"]), usual);
        assert_eq!(backend_of(&["boot", "shell"]), usual);
        assert_eq!(backend_of(&["boot", "exec", "--", "true"]), usual);
        assert_eq!(backend_of(&["boot", "test"]), None, "both");
        for backend in backend::ALL {
            let option = ["--backend", backend.name()];
            for command in ["run", "shell", "test"] {
                let line = [&["boot", command], option.as_slice()].concat();
                assert_eq!(backend_of(&line), Some(backend), "{command}");
            }
        }
        assert!(Cli::try_parse_from(["boot", "run", "--backend", "qemu"]).is_err());
        assert!(Cli::try_parse_from(["boot", "test", "--jobs", "0"]).is_err());
    }

    #[test]
    fn volumes_are_named_with_the_guest_or_with_dom0() {
        let parse = |line: &[&str]| Cli::try_parse_from(line).map(|cli| cli.command);
        let line = ["boot", "run", "--volume", "/a:a", "--volume", "/b:b:/b"];
        match parse(&line).unwrap() {
            Command::Run(args) => assert_eq!(args.volumes.volume.len(), 2),
            other => panic!("{other:?}"),
        }
        assert!(parse(&["boot", "image", "kv", "--volume", "/a:a:/a"]).is_ok());
        assert!(parse(&["boot", "shell", "--volume", "/a:a"]).is_ok());
        let told = parse(&["boot", "shell", "--volume", "/a:a:/a"]).unwrap_err();
        assert!(told.to_string().contains("mount at /a"), "{told}");
        let told = parse(&["boot", "run", "--volume", "/a"]).unwrap_err();
        assert!(told.to_string().contains("DIR:TAG"), "{told}");
    }
}
