//! `cargo boot bench`: both backends in one dom0, measured in turns by the same guest.

use super::{exec, image};
use crate::bench::figures::{COMPARED, Figures};
use crate::cli::BenchArgs;
use crate::host::tools;
use crate::rig::backend::{self, Backend};
use crate::rig::cache::Cache;
use crate::rig::payload::{Added, FOLDER, Payload};
use crate::rig::session::Session;
use crate::suite::runner;
use crate::ui;
use anyhow::{Context, Result};
use std::time::Duration;

const SCRIPT: &str = include_str!("../../rig/bench.sh");

/// The guest, and the servers it measures with.
const GUEST: &str = "net-bench";
const PEER: &str = "bench-peer";
const PORT: u16 = 9100;

/// What a guest may take in a round, its boot included; an unloaded machine needs 10 s.
const ROUND: Duration = Duration::from_secs(360);

/// Compares the backends; returns 0 if every round gave all figures.
pub(crate) fn bench(args: &BenchArgs) -> Result<u8> {
    tools::require(&tools::EMULATOR)?;
    let image = image::make(GUEST, None)?;
    let cache = Cache::ensure()?;
    let bulk = u64::from(args.bulk) << 20;
    let measured = args
        .backend
        .map_or_else(|| COMPARED.to_vec(), |one| vec![one]);
    let names: Vec<&str> = measured.iter().map(|backend| backend.name()).collect();
    let script = format!(
        "#!/bin/sh\nexec sh /callisto/bench.sh '{}' {PORT} {} {bulk} {} {}\n",
        names.join(" "),
        args.rounds,
        args.round_trips,
        args.connections
    );
    let mut payload = Payload::new(&script, Backend::Linux)?;
    // The dom0 is booted for one, and the script starts the other as well.
    if measured.contains(&Backend::Pvcallsd) {
        backend::add_daemon(&mut payload)?;
    }
    runner::add_helpers(&mut payload, 1)?;
    payload.file("callisto/bench.sh", 0o644, SCRIPT.as_bytes())?;
    payload.add_program(PEER)?;
    payload.add(&Added {
        from: image,
        to: format!("{FOLDER}/{GUEST}"),
    })?;
    let mut session = Session::start(&cache, payload, args.machine())?;
    session.wait_until_ready()?;
    let mut figures = Figures::of(&measured);
    let mut malformed = None;
    let limit = ROUND * 2 * args.rounds;
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
