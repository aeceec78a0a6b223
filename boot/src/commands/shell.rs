//! `cargo boot shell`: a prompt in a fresh dom0.

use super::exec;
use crate::cli::ShellArgs;
use crate::guest::volume;
use crate::host::tools;
use crate::rig::cache::Cache;
use crate::rig::children;
use crate::rig::payload::Payload;
use crate::rig::qemu;
use crate::rig::session::Session;
use crate::ui;
use anyhow::{Context, Result};
use std::io::{IsTerminal, Read, Write};
use std::process::{Command, Stdio};

/// What a terminal sends for the end of input.
const END_OF_INPUT: [u8; 1] = [4];

/// Connects the user's terminal with dom0 until the shell there ends.
pub(crate) fn shell(args: &ShellArgs) -> Result<u8> {
    tools::require(&tools::EMULATOR)?;
    let cache = Cache::ensure()?;
    let mut payload = Payload::new(&script(), args.host.backend)?;
    payload.add_all(&args.files)?;
    volume::check(&args.volumes.volume)?;
    qemu::share(&mut payload, &args.volumes.volume)?;
    let mut session = Session::start(&cache, payload, args.host.machine())?;
    session.wait_until_ready()?;
    session.wait_for("prompt")?;
    ui::step("this is dom0; leave it with `exit`");
    let mut input = session.take_input().context("the emulator has no input")?;
    if std::io::stdin().is_terminal() {
        children::raw_terminal()?;
    }
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        let mut stdin = std::io::stdin();
        while let Ok(length @ 1..) = stdin.read(&mut buffer) {
            if input
                .write_all(&buffer[..length])
                .and_then(|()| input.flush())
                .is_err()
            {
                return;
            }
        }
        let _ = input.write_all(&END_OF_INPUT).and_then(|()| input.flush());
        // Closing the input would end the emulator's side of the line.
        loop {
            std::thread::park();
        }
    });
    let status = exec::stream(&mut session, None, exec::show_remark);
    children::restore_terminal();
    status
}

/// What dom0 runs: a prompt for a person, a plain shell for a pipe.
fn script() -> String {
    // What is typed before the line's modes are set would be lost.
    const PROMPT: &str = "/callisto/record prompt";
    let line = "/dev/ttyS1";
    let shell = if std::io::stdin().is_terminal() {
        let (rows, columns) = terminal_size().unwrap_or((24, 80));
        format!(
            "stty -F {line} sane rows {rows} cols {columns}\n{PROMPT}\nPS1='dom0:\\w# ' setsid -c sh -i <{line} >{line} 2>&1"
        )
    } else {
        format!("stty -F {line} sane -echo -opost\n{PROMPT}\ncat <{line} | sh")
    };
    format!("#!/bin/sh\n{shell}\nstatus=$?\nstty -F {line} raw -echo\nexit $status\n")
}

fn terminal_size() -> Option<(u32, u32)> {
    let out = Command::new("stty")
        .arg("size")
        .stdin(Stdio::inherit())
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let (rows, columns) = text.trim().split_once(' ')?;
    Some((
        rows.parse().ok().filter(|rows| *rows > 0)?,
        columns.parse().ok().filter(|columns| *columns > 0)?,
    ))
}
