//! `cargo boot run`: one guest, its console on standard output, its exit code as ours.

use super::{exec, image};
use crate::cli::{Host, RunArgs};
use crate::guest::config::Config;
use crate::guest::crash::Crash;
use crate::guest::elf::Elf;
use crate::guest::volume::{self, Volume};
use crate::host::tools;
use crate::rig::cache::Cache;
use crate::rig::children::TemporaryFolder;
use crate::rig::payload::{FOLDER, Payload};
use crate::rig::qemu;
use crate::rig::session::Session;
use crate::{cmd, paths, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const RUN_GUEST: &str = include_str!("../../rig/run-guest.sh");
const DOMAIN: &str = include_str!("../../rig/domain.sh");
const SERVERS: &str = include_str!("../../rig/servers.sh");
const PAGE: &str = include_str!("../../rig/page.html");

/// Where `xl` looks for QEMU: Debian's, and as Xen's own build installs it.
const QEMU: [&str; 4] = [
    "/usr/libexec/xen-qemu-system-i386",
    "/usr/libexec/xen/bin/qemu-system-i386",
    "/usr/lib/xen/bin/qemu-system-i386",
    "/usr/local/lib/xen/bin/qemu-system-i386",
];

/// Where the client's script lies in dom0.
const CLIENT: &str = "/callisto/client.sh";

/// What runs when no example is named: the guest fetches [`PAGE`] from a server in dom0.
const DEMO: (&str, &str) = ("http-get", "http://192.0.2.1/");

/// Runs the guest and returns its exit code.
pub(crate) fn run(args: &RunArgs) -> Result<u8> {
    let (example, guest_args) = match &args.example {
        Some(example) => (example.as_str(), args.args.clone()),
        None if args.args.is_empty() => (DEMO.0, vec![DEMO.1.to_owned()]),
        None => (DEMO.0, args.args.clone()),
    };
    let volumes = &args.volumes.volume;
    let guest_args = volume::arguments(volumes, &guest_args)?;
    let volumes = volumes.iter().map(Volume::found);
    let volumes = volumes.collect::<Result<Vec<Volume>>>()?;
    let image = find_or_make(example, args)?;
    let name = image
        .file_name()
        .and_then(|name| name.to_str())
        .context("the image's name is not UTF-8")?;
    let config = |image: &Path, volumes: &[Volume]| {
        let config = Config {
            name,
            image,
            memory_mib: args.guest.memory,
            args: &guest_args,
            volumes,
        };
        config.text()
    };
    match args.host {
        Host::Rig => {
            let there = PathBuf::from(format!("{FOLDER}/{name}"));
            let shared: Vec<Volume> = volumes.iter().map(qemu::in_dom0).collect();
            in_rig(args, &image, name, &config(&there, &shared)?)
        }
        Host::Xl => here(args, name, &config(&image, &volumes)?),
    }
}

fn find_or_make(example: &str, args: &RunArgs) -> Result<PathBuf> {
    if !example.contains('/') {
        return image::make(example, args.guest.manifest_path.as_deref());
    }
    Path::new(example)
        .canonicalize()
        .with_context(|| format!("there is no image {example}"))
}

fn in_rig(args: &RunArgs, image: &Path, name: &str, config: &str) -> Result<u8> {
    tools::require(&tools::EMULATOR)?;
    let cache = Cache::ensure()?;
    let client = match args.client {
        Some(_) => CLIENT,
        None => "",
    };
    let script = format!(
        "#!/bin/sh\n. /callisto/servers.sh\nstart_servers /callisto/www\n\
         exec sh /callisto/run-guest.sh {name} {FOLDER}/{name}.cfg {client}\n"
    );
    let mut payload = Payload::new(&script, args.machine.backend)?;
    payload.add_all(&args.files)?;
    qemu::share(&mut payload, &args.volumes.volume)?;
    if let Some(script) = &args.client {
        payload.file(CLIENT.trim_start_matches('/'), 0o755, script.as_bytes())?;
    }
    payload.file("callisto/run-guest.sh", 0o755, RUN_GUEST.as_bytes())?;
    payload.file("callisto/domain.sh", 0o644, DOMAIN.as_bytes())?;
    payload.file("callisto/servers.sh", 0o755, SERVERS.as_bytes())?;
    payload.file("callisto/www/index.html", 0o644, PAGE.as_bytes())?;
    payload.file(&format!("{FOLDER}/{name}"), 0o644, &std::fs::read(image)?)?;
    payload.file(&format!("{FOLDER}/{name}.cfg"), 0o644, config.as_bytes())?;
    let mut session = Session::start(&cache, payload, args.machine.machine())?;
    session.wait_until_ready()?;
    let mut crash = Crash::default();
    let code = exec::stream(
        &mut session,
        args.timeout.map(Duration::from_secs),
        |record| {
            if let Some(remark) = record.strip_prefix("note ") {
                crash.read(remark);
            }
            exec::show_remark(record);
        },
    )?;
    if let Some(verdict) = crash.verdict(&Elf::read(image)?) {
        ui::step(&verdict);
    }
    Ok(code)
}

/// The same scripts, on the Xen host that this machine is.
fn here(args: &RunArgs, name: &str, config: &str) -> Result<u8> {
    let capabilities = std::fs::read_to_string("/proc/xen/capabilities").unwrap_or_default();
    if !capabilities.contains("control_d") {
        bail!(
            "--host xl runs the guest under this machine's own Xen, and this machine is no dom0 (see /proc/xen/capabilities)"
        );
    }
    if tools::find_program("xl").is_none() {
        bail!(
            "there is no `xl` on this machine's PATH; on Debian it comes with the package xen-utils-common"
        );
    }
    if args.client.is_some() || !args.files.is_empty() {
        bail!("--client and what is put into dom0 are for the emulated host; this one is yours");
    }
    if !args.volumes.volume.is_empty() {
        require_qemu()?;
    }
    let folder = TemporaryFolder::for_this_process()?;
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    put("run-guest.sh", RUN_GUEST)?;
    put("domain.sh", DOMAIN)?;
    put("servers.sh", SERVERS)?;
    put("guest.cfg", config)?;
    paths::dir(folder.path().join("www"))?;
    put("www/index.html", PAGE)?;
    let servers = if args.example.is_none() {
        "start_servers www"
    } else {
        ":"
    };
    let script = format!(
        ". ./servers.sh; trap stop_servers EXIT; {servers}; sh run-guest.sh {name} guest.cfg; exit $?"
    );
    // The scripts end with this process, and destroy the domain then.
    let mut run = Command::new("setpriv");
    run.args(["--pdeathsig", "TERM", "sh", "-c", &script]);
    run.current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null());
    cmd::show(&run);
    let status = run.status().context("cannot start the guest's script")?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}

/// An error if there is no QEMU where one or the other build of `xl` looks for it.
fn require_qemu() -> Result<()> {
    let usual = QEMU.iter().any(|path| Path::new(path).is_file());
    if !usual && tools::find_program("qemu-system-i386").is_none() {
        bail!(
            "--volume needs QEMU on this host, which serves the files; `xl` starts it with the guest, and it is \
             in none of {}. On Debian: apt-get install qemu-system-xen",
            QEMU.join(", ")
        );
    }
    Ok(())
}
