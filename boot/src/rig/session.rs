//! One running host: boots it, and gives what it sends.

use super::cache::Cache;
use super::children::{Guarded, TemporaryFolder};
use super::payload::{Payload, share_name};
use super::wire::{Decoder, Item};
use crate::{cmd, paths, ui};
use anyhow::{Context, Result, anyhow};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Memory of the emulated machine unless told otherwise; dom0 has 1 GiB of it.
pub(crate) const DEFAULT_MEMORY_MIB: u32 = 3072;

/// The emulated machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// Its memory, dom0's included.
    pub(crate) memory_mib: u32,
    /// Its processors.
    pub(crate) cpus: u32,
}

/// How long a host may take until its script starts. An unloaded machine needs 5 to 10 s.
pub(crate) const BOOT_TIMEOUT: Duration = Duration::from_secs(180);

/// How often a host is booted before it is given up. With two emulated processors, about one dom0 in some
/// hundred dies before its first script: its kernel patches its own code while it boots, and under
/// this emulator a processor may still execute what was there before (an `int3` that nobody
/// expects any more). No guest has run by then, so nothing is hidden by another attempt.
const BOOT_ATTEMPTS: u32 = 3;

/// `eager-fpu`: by default Xen switches floating-point and SSE registers only when a domain
/// comes to use them. Under this emulator domains then now and then get each other's: programs
/// in dom0 died with addresses of the guest in their registers.
const XEN_ARGS: &str = "console=com1 dom0_mem=1024M,max:1024M loglvl=all guest_loglvl=all \
     spec-ctrl=eager-fpu";
const LINUX_ARGS: &str = "console=hvc0 quiet panic=1 pmtmr=0 apparmor=0 mitigations=off";

/// What a host sent, or that it sent nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Bytes of output.
    Output(Vec<u8>),
    /// A record of our scripts.
    Record(String),
    /// Nothing within the time given.
    Silence,
    /// The emulator has ended.
    Ended,
}

/// A running host. It ends when this value is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    running: Running,
    decoder: Decoder,
    items: VecDeque<Item>,
    log: PathBuf,
    machine: Machine,
    shares: usize,
    folder: TemporaryFolder,
}

/// The emulator's process.
#[derive(Debug)]
struct Running {
    emulator: Guarded,
    input: Option<ChildStdin>,
    bytes: Receiver<Vec<u8>>,
}

impl Running {
    /// Boots what lies in `folder`, with so many folders shared.
    fn start(folder: &Path, machine: Machine, shares: usize) -> Result<Self> {
        let mut qemu = command(folder, machine, shares);
        cmd::show(&qemu);
        let mut child = qemu.spawn().context("cannot start the emulator")?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let emulator = Guarded::new(child);
        let mut output = output.context("the emulator has no output")?;
        let (sender, bytes) = channel();
        // A thread of its own, so that a slow reader of ours never makes the emulator drop bytes.
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(length) = output.read(&mut buffer) {
                if length == 0 || sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            emulator,
            input,
            bytes,
        })
    }
}

impl Session {
    /// Boots a host with the files of `payload` on such a machine.
    pub(crate) fn start(cache: &Cache, payload: Payload, machine: Machine) -> Result<Self> {
        let folder = TemporaryFolder::for_this_process()?;
        let decoder = Decoder::new(payload.nonce());
        // Relative names below, so that no blank or comma of a path reaches the emulator.
        std::os::unix::fs::symlink(cache.hypervisor(), folder.path().join("xen.elf"))?;
        std::os::unix::fs::symlink(cache.kernel(), folder.path().join("vmlinuz"))?;
        let shares = payload.shares().len();
        for (number, shared) in payload.shares().iter().enumerate() {
            std::os::unix::fs::symlink(shared, folder.path().join(share_name(number)))?;
        }
        write_initramfs(
            &folder.path().join("initramfs.cpio"),
            &cache.base(),
            &payload.finish()?,
        )?;
        ui::step("booting Xen and dom0");
        let running = Running::start(folder.path(), machine, shares)?;
        let log = folder.path().join("xen.log");
        Ok(Self {
            running,
            decoder,
            items: VecDeque::new(),
            log,
            machine,
            shares,
            folder,
        })
    }

    /// Waits until the script starts; boots again if the host dies before.
    pub(crate) fn wait_until_ready(&mut self) -> Result<()> {
        for attempt in 2..=BOOT_ATTEMPTS {
            match self.wait_for("ready") {
                Ok(()) => return Ok(()),
                Err(error) => ui::detail(error.to_string()),
            }
            ui::warn(format!(
                "the host died while booting; attempt {attempt} of {BOOT_ATTEMPTS}"
            ));
            self.running.emulator.end();
            self.decoder.reset();
            self.items.clear();
            self.running = Running::start(self.folder.path(), self.machine, self.shares)?;
        }
        self.wait_for("ready")
    }

    /// Waits for a record that says how far dom0 has got.
    pub(crate) fn wait_for(&mut self, milestone: &str) -> Result<()> {
        let deadline = Instant::now() + BOOT_TIMEOUT;
        loop {
            match self.next(deadline) {
                Message::Record(record) if record == milestone => return Ok(()),
                Message::Record(record) => match record.strip_prefix("note ") {
                    Some(remark) => ui::warn(remark),
                    None => ui::detail(format!("dom0: {record}")),
                },
                Message::Output(bytes) => ui::detail(String::from_utf8_lossy(&bytes).trim_end()),
                Message::Silence => return Err(self.failure("dom0 was not up in time")),
                Message::Ended => return Err(self.failure("the host went down while booting")),
            }
        }
    }

    /// The next thing the host sends, or that it sends nothing until `deadline`.
    pub(crate) fn next(&mut self, deadline: Instant) -> Message {
        loop {
            match self.items.pop_front() {
                Some(Item::Output(bytes)) => return Message::Output(bytes),
                Some(Item::Record(record)) => return Message::Record(record),
                None => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.running.bytes.recv_timeout(left) {
                Ok(bytes) => self.items.extend(self.decoder.feed(&bytes)),
                Err(RecvTimeoutError::Timeout) => return Message::Silence,
                Err(RecvTimeoutError::Disconnected) => return Message::Ended,
            }
        }
    }

    /// Where to type, for a session with a prompt. It can be taken once.
    pub(crate) fn take_input(&mut self) -> Option<ChildStdin> {
        self.running.input.take()
    }

    /// An error with the end of the log of Xen and dom0's kernel, and where all of it lies.
    pub(crate) fn failure(&self, what: &str) -> anyhow::Error {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).replace('\r', "");
        anyhow!(
            "{what}. The end of the host's log ({}):\n{}",
            kept_log().display(),
            cmd::tail(&text, 60)
        )
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.running.emulator.end();
        let _ = std::fs::rename(&self.log, kept_log());
    }
}

/// Where the log of Xen and dom0's kernel of the last run is kept.
pub(crate) fn kept_log() -> PathBuf {
    paths::workspace().join("target/rig/xen.log")
}

fn write_initramfs(path: &Path, base: &Path, overlay: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut out = File::create(path)?;
        std::io::copy(&mut File::open(base)?, &mut out)?;
        out.write_all(overlay)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn command(folder: &Path, machine: Machine, shares: usize) -> Command {
    let mut qemu = Command::new("setpriv");
    qemu.args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
        .args(["-accel", "tcg,thread=multi"])
        // With SMAP and SMEP this emulator makes dom0 crash in its first seconds.
        .args(["-cpu", "max,-smap,-smep"])
        .args(["-smp", &machine.cpus.to_string()])
        .args(["-m", &machine.memory_mib.to_string()])
        .args([
            "-display",
            "none",
            "-monitor",
            "none",
            "-nic",
            "none",
            "-no-reboot",
        ])
        .args([
            "-chardev",
            "file,id=xen,path=xen.log",
            "-serial",
            "chardev:xen",
        ])
        .args([
            "-chardev",
            "stdio,id=dom0,signal=off",
            "-serial",
            "chardev:dom0",
        ])
        .args(["-kernel", "xen.elf", "-append", XEN_ARGS])
        .args(["-initrd", &format!("vmlinuz {LINUX_ARGS},initramfs.cpio")])
        .args((0..shares).flat_map(share))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    qemu
}

/// The emulated device of folder number `number`. What dom0 writes belongs to this user here.
fn share(number: usize) -> [String; 2] {
    let name = share_name(number);
    let value = format!("local,path={name},mount_tag={name},security_model=none,multidevs=remap");
    ["-virtfs".to_owned(), value]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shared_folder_is_a_device() {
        let machine = Machine {
            memory_mib: 512,
            cpus: 1,
        };
        let shared = |count| -> Vec<String> {
            let qemu = command(Path::new("/"), machine, count);
            let words = qemu
                .get_args()
                .map(|word| word.to_string_lossy().into_owned());
            words.filter(|word| word.starts_with("local,")).collect()
        };
        assert!(shared(0).is_empty());
        let two = shared(2);
        assert_eq!(two.len(), 2);
        for (number, device) in two.iter().enumerate() {
            let name = share_name(number);
            assert!(
                device.contains(&format!("path={name},mount_tag={name},")),
                "{device}"
            );
        }
    }
}
