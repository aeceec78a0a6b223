//! The section about the daemon itself: `[daemon]`.

use super::read::{Mistakes, Section};
use crate::metrics::Address;

/// How the daemon runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// The user to become once everything privileged is open; without, `pvcallsd` if there is
    /// such a user, else `nobody`. `root` stays root.
    pub user: Option<String>,
    /// The group to become; without, the user's.
    pub group: Option<String>,
    /// Threads that move data; without, one per CPU.
    pub workers: Option<usize>,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<Address>,
    /// Whether the daemon locks itself in (landlock, seccomp). Off for debugging only.
    pub sandbox: bool,
    /// What log lines look like.
    pub log_format: LogFormat,
    /// What is logged, in the words of `tracing`'s `EnvFilter`.
    pub log_filter: String,
}

/// What log lines look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            user: None,
            group: None,
            workers: None,
            metrics: Some(Address::default()),
            sandbox: true,
            log_format: LogFormat::Text,
            log_filter: "info".into(),
        }
    }
}

impl Daemon {
    /// Reads the section.
    pub(super) fn read(mut section: Section<'_>, mistakes: &mut Mistakes) -> Self {
        let mut daemon = Self::default();
        let name = |text: &str| match text {
            "" => Err("a name is not empty"),
            name => Ok(name.to_owned()),
        };
        if let Some(item) = section.get("user") {
            daemon.user = item.parsed("the name of a user", name, mistakes);
        }
        if let Some(item) = section.get("group") {
            daemon.group = item.parsed("the name of a group", name, mistakes);
        }
        if let Some(item) = section.get("workers") {
            let workers = item.number(1..=256, mistakes);
            daemon.workers = workers.and_then(|number| usize::try_from(number).ok());
        }
        if let Some(item) = section.get("metrics") {
            let address = |text: &str| match text {
                "off" => Ok(None),
                address => address.parse().map(Some),
            };
            let what = "unix:/path, address:port, or \"off\"";
            daemon.metrics = item.parsed(what, address, mistakes).flatten();
        }
        if let Some(item) = section.get("sandbox") {
            daemon.sandbox = item.boolean(mistakes).unwrap_or(true);
        }
        if let Some(item) = section.get("log_format") {
            let format = |text: &str| match text {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                other => Err(format!("{other:?} is not \"text\" or \"json\"")),
            };
            let format = item.parsed("\"text\" or \"json\"", format, mistakes);
            daemon.log_format = format.unwrap_or_default();
        }
        if let Some(item) = section.get("log_filter") {
            let filter = |text: &str| match tracing_subscriber::EnvFilter::try_new(text) {
                Ok(_) => Ok(text.to_owned()),
                Err(error) => Err(format!("{text:?}: {error}")),
            };
            let what = "directives like \"info,pvcallsd::audit=warn\"";
            daemon.log_filter = item.parsed(what, filter, mistakes).unwrap_or_default();
        }
        section.finish(mistakes);
        daemon
    }
}
