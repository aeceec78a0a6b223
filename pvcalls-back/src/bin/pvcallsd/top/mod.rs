//! `pvcallsd top`: what every domain does, from the metrics endpoint.

mod rates;
mod table;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pvcalls_back::metrics::{Address, client};
use rates::{Snapshot, rows};

use crate::cli::{Cli, TopOptions};

/// How long the endpoint may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shows tables, until it is interrupted or nobody reads them.
pub(crate) fn top(cli: &Cli, options: &TopOptions) -> Result<ExitCode> {
    let address = address(cli, options)?;
    let interval = Duration::from_secs_f64(options.interval);
    let screen = !options.once && !options.batch && std::io::stdout().is_terminal();
    let mut before = sample(&address)?;
    let mut next = Instant::now();
    loop {
        next = (next + interval).max(Instant::now());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let now = match sample(&address) {
            Ok(now) => now,
            // It may be back in a moment.
            Err(error) if screen => {
                show(&format!("{CLEAR}pvcallsd top: {error:#}\n"))?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let table = table::format(&rows(&before, &now), &now, &address);
        let shown = if screen {
            fit(&table)
        } else {
            format!("{table}\n")
        };
        if !show(&shown)? || options.once {
            return Ok(ExitCode::SUCCESS);
        }
        before = now;
    }
}

/// To the first column of the first line, and nothing below.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// A table for the screen: cut to its height and width, without flicker.
fn fit(table: &str) -> String {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let of = |number: u16| {
        if number == 0 {
            usize::MAX
        } else {
            usize::from(number)
        }
    };
    let (height, width) = size.map_or((24, 80), |size| (of(size.ws_row), of(size.ws_col)));
    let mut screen = "\x1b[H".to_owned();
    for line in table.lines().take(height.saturating_sub(1)) {
        // Not the last column: erasing the rest of the line would erase what stands there.
        screen.extend(line.chars().take(width.saturating_sub(1)));
        screen.push_str("\x1b[K\n");
    }
    screen.push_str("\x1b[J");
    screen
}

/// Where the metrics are.
fn address(cli: &Cli, options: &TopOptions) -> Result<Address> {
    if let Some(address) = &options.metrics {
        return Ok(address.clone());
    }
    match cli.load_config()?.daemon.metrics {
        Some(address) => Ok(address),
        None => bail!("the configuration says that there are no metrics; --metrics names others"),
    }
}

/// Asks the endpoint.
fn sample(address: &Address) -> Result<Snapshot> {
    let samples = client::fetch(address, PATIENCE)
        .with_context(|| format!("no metrics from {address}: does pvcallsd run?"))?;
    Ok(Snapshot::new(&samples, Instant::now()))
}

/// Writes to standard output; whether somebody reads it.
fn show(text: &str) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("standard output"),
    }
}
