//! The log: lines on standard error, for a journal or a person.

use std::fmt;
use std::io::IsTerminal;

use anyhow::{Context, Result, anyhow};
use pvcalls_back::config::LogFormat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

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
        LogFormat::Text if journal => {
            let lines = lines.with_ansi(false);
            lines
                .event_format(Journal(Format::default().without_time().with_level(false)))
                .try_init()
        }
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    started.map_err(|error| anyhow!("starting the log: {error}"))
}

/// Lines for the journal: it has times of its own, and takes the priority from `<N>` in front, as
/// `sd-daemon(3)` specifies.
struct Journal(Format<Full, ()>);

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(context, writer, event)
    }
}
