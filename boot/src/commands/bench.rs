//! `cargo boot bench`: both backends for sockets with the same guest, and two guests with the same
//! backend for files, measured in turns in one dom0.

use super::{exec, image};
use crate::bench::figures::{Comparison, FILES, Figures, SOCKETS};
use crate::cli::{BenchArgs, Compared, FilesGuest};
use crate::host::tools;
use crate::rig::backend::{self, Backend};
use crate::rig::cache::Cache;
use crate::rig::payload::{Added, FOLDER, Payload};
use crate::rig::qemu;
use crate::rig::session::Session;
use crate::suite::runner;
use crate::ui;
use anyhow::{Context, Result};
use std::time::Duration;

const SOCKETS_SCRIPT: &str = include_str!("../../rig/bench.sh");
const FILES_SCRIPT: &str = include_str!("../../rig/bench-files.sh");
const LINUX_INIT: &str = include_str!("../../rig/bench-linux-init.sh");

/// The guest that measures sockets, and the servers it measures with.
const GUEST: &str = "net-bench";
const PEER: &str = "bench-peer";
const PORT: u16 = 9100;

/// The guest that measures files, and the program that does in a Linux guest.
const FILE_GUEST: &str = "file-bench";

/// What a guest may take in a round, its boot included; an unloaded machine needs 10 s for sockets
/// and a minute for files.
const SOCKETS_ROUND: Duration = Duration::from_secs(360);
const FILES_ROUND: Duration = Duration::from_secs(960);

/// Compares; returns 0 if every round gave all figures.
pub(crate) fn bench(args: &BenchArgs) -> Result<u8> {
    tools::require(&tools::EMULATOR)?;
    let measured = measured(args);
    let sides = |wanted: &Comparison| {
        let mut compared = measured.iter();
        let found = compared.find(|(comparison, _)| comparison.sides == wanted.sides);
        found.map(|(_, sides)| sides.join(" "))
    };
    let (sockets, files) = (sides(&SOCKETS), sides(&FILES));
    let mut payload = Payload::new(
        &script(args, sockets.as_deref(), files.as_deref()),
        Backend::Linux,
    )?;
    runner::add_helpers(&mut payload, 1)?;
    let cache = Cache::ensure()?;
    if let Some(sides) = &sockets {
        // The dom0 is booted for one, and the script starts the other as well.
        if sides.contains(Backend::Pvcallsd.name()) {
            backend::add_daemon(&mut payload)?;
        }
        add_image(&mut payload, GUEST)?;
        payload.file("callisto/bench.sh", 0o644, SOCKETS_SCRIPT.as_bytes())?;
        payload.add_program(PEER)?;
    }
    if let Some(sides) = &files {
        if sides.contains(FilesGuest::Callisto.name()) {
            add_image(&mut payload, FILE_GUEST)?;
        }
        qemu::add(&mut payload)?;
        payload.file("callisto/bench-files.sh", 0o644, FILES_SCRIPT.as_bytes())?;
        payload.file("callisto/bench-linux-init.sh", 0o755, LINUX_INIT.as_bytes())?;
        payload.add_program(FILE_GUEST)?;
        payload.copy(&cache.kernel(), &format!("{FOLDER}/vmlinuz"))?;
    }
    let mut session = Session::start(&cache, payload, args.machine())?;
    session.wait_until_ready()?;
    let mut figures = Figures::of(measured);
    let mut malformed = None;
    let limit = (SOCKETS_ROUND + FILES_ROUND) * 2 * args.rounds;
    exec::stream(&mut session, Some(limit), |record| {
        if let Some(remark) = record.strip_prefix("note ") {
            ui::step(remark);
        } else if !figures.take(record) {
            malformed = Some(record.to_owned());
        }
    })
    .context("the comparison was not finished")?;
    if let Some(record) = malformed {
        ui::warn(format!("dom0 sent a malformed record: {record}"));
    }
    if args.json {
        print!("{}", figures.json());
    } else {
        print!("{}", figures.table());
    }
    Ok(if figures.complete() { 0 } else { 1 })
}

fn add_image(payload: &mut Payload, name: &str) -> Result<()> {
    payload.add(&Added {
        from: image::make(name, None)?,
        to: format!("{FOLDER}/{name}"),
    })
}

/// What is to be compared, and what of it is measured.
fn measured(args: &BenchArgs) -> Vec<(&'static Comparison, Vec<&'static str>)> {
    let mut measured = Vec::new();
    if args.only != Some(Compared::Files) {
        let one = args.backend.map(Backend::name);
        measured.push((
            &SOCKETS,
            one.map_or(SOCKETS.sides.to_vec(), |one| vec![one]),
        ));
    }
    if args.only != Some(Compared::Sockets) {
        let one = args.guest.map(FilesGuest::name);
        measured.push((&FILES, one.map_or(FILES.sides.to_vec(), |one| vec![one])));
    }
    measured
}

/// What dom0 runs: the sides of each comparison that is made, by their names.
fn script(args: &BenchArgs, sockets: Option<&str>, files: Option<&str>) -> String {
    let mut script = "#!/bin/sh\nstatus=0\n".to_owned();
    let rounds = args.rounds;
    if let Some(sides) = sockets {
        let bulk = u64::from(args.bulk) << 20;
        script.push_str(&format!(
            "sh /callisto/bench.sh '{sides}' {PORT} {rounds} {bulk} {} {} || status=1\n",
            args.round_trips, args.connections
        ));
    }
    if let Some(sides) = files {
        let bytes = u64::from(args.file) << 20;
        script.push_str(&format!(
            "sh /callisto/bench-files.sh '{sides}' {rounds} {bytes} {} {} || status=1\n",
            args.reads, args.appends
        ));
    }
    script + "exit $status\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn args(line: &[&str]) -> BenchArgs {
        let line = [&["boot", "bench"], line].concat();
        match Cli::try_parse_from(line).unwrap().command {
            Command::Bench(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_is_measured_or_what_is_named() {
        let sides = |line: &[&str]| -> Vec<Vec<&str>> {
            let measured = measured(&args(line));
            measured.into_iter().map(|(_, sides)| sides).collect()
        };
        let (backends, guests) = (vec!["pvcallsd", "linux"], vec!["callisto", "linux-guest"]);
        assert_eq!(sides(&[]), [backends.clone(), guests.clone()]);
        assert_eq!(sides(&["--only", "sockets"]), [backends]);
        assert_eq!(sides(&["--only", "files"]), [guests]);
        assert_eq!(
            sides(&["--backend", "linux", "--guest", "callisto"]),
            [vec!["linux"], vec!["callisto"]]
        );
    }

    #[test]
    fn the_script_has_a_line_per_comparison() {
        let args = args(&[
            "--rounds",
            "2",
            "--file",
            "1",
            "--reads",
            "10",
            "--appends",
            "5",
        ]);
        let script = script(&args, None, Some("a b"));
        assert_eq!(
            script,
            "#!/bin/sh\nstatus=0\nsh /callisto/bench-files.sh 'a b' 2 1048576 10 5 || status=1\nexit $status\n"
        );
    }
}
