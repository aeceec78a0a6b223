//! `cargo boot exec`: any script in a fresh dom0.

use crate::cli::ExecArgs;
use crate::guest::volume;
use crate::host::tools;
use crate::rig::cache::Cache;
use crate::rig::payload::Payload;
use crate::rig::qemu;
use crate::rig::session::{Message, Session};
use crate::ui;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::time::{Duration, Instant};

/// What the shell's `timeout` gives back, so that scripts around ours can tell.
const TIMED_OUT: u8 = 124;

/// Runs the script and returns its exit status.
pub(crate) fn exec(args: &ExecArgs) -> Result<u8> {
    tools::require(&tools::EMULATOR)?;
    let cache = Cache::ensure()?;
    let mut payload = Payload::new(
        &format!("#!/bin/sh\n{}\n", args.script.join(" ")),
        args.host.backend,
    )?;
    payload.add_all(&args.files)?;
    volume::check(&args.volumes.volume)?;
    qemu::share(&mut payload, &args.volumes.volume)?;
    let mut session = Session::start(&cache, payload, args.host.machine())?;
    session.wait_until_ready()?;
    stream(
        &mut session,
        args.timeout.map(Duration::from_secs),
        show_remark,
    )
}

/// Shows a record that is for the user.
pub(crate) fn show_remark(record: &str) {
    if let Some(remark) = record.strip_prefix("note ") {
        ui::step(remark);
    }
}

/// Passes on what the host prints until its script has ended; its records go to `seen`.
pub(crate) fn stream(
    session: &mut Session,
    limit: Option<Duration>,
    mut seen: impl FnMut(&str),
) -> Result<u8> {
    // Without a limit, a year.
    let deadline = Instant::now() + limit.unwrap_or(Duration::from_secs(365 * 86400));
    let mut out = std::io::stdout();
    loop {
        match session.next(deadline) {
            Message::Output(bytes) => out
                .write_all(&bytes)
                .and_then(|()| out.flush())
                .context("cannot write the output")?,
            Message::Record(record) => {
                seen(&record);
                if let Some(status) = record.strip_prefix("exit ") {
                    return status
                        .parse()
                        .with_context(|| format!("dom0 sent a malformed exit status: {status}"));
                }
            }
            Message::Silence => {
                eprintln!("boot: the script did not end in time");
                return Ok(TIMED_OUT);
            }
            Message::Ended => bail!(session.failure("the host went down")),
        }
    }
}
