//! The log: lines on standard error, for a journal or a person.

use std::io::IsTerminal;

use anyhow::{Context, Result, anyhow};
use pvcalls_back::config::LogFormat;
use tracing_subscriber::EnvFilter;

/// Starts the log. The filter is, in this order: the command line's, `RUST_LOG`, `from_config`.
///
/// # Errors
/// The filter makes no sense.
pub(crate) fn start(
    format: LogFormat,
    command_line: Option<&str>,
    from_config: &str,
) -> Result<()> {
    let from_environment = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty());
    let filter = command_line
        .or(from_environment.as_deref())
        .unwrap_or(from_config);
    let filter =
        EnvFilter::try_new(filter).with_context(|| format!("the log filter {filter:?}"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // systemd sets it where standard error is the journal, which has times of its own.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let started = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text if journal => lines.with_ansi(false).without_time().try_init(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    started.map_err(|error| anyhow!("starting the log: {error}"))
}
