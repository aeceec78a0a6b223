//! The command line.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::{Args, Parser, Subcommand, ValueEnum};
use pvcalls_back::config::{Config, LogFormat};
use pvcalls_back::metrics::Address;

/// The configuration if none is named.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/pvcallsd.toml";

/// Gives Xen guests sockets: the PV Calls backend in user space.
#[derive(Debug, Parser)]
#[command(name = "pvcallsd", version)]
pub(crate) struct Cli {
    /// The configuration; without it, /etc/pvcallsd.toml if that exists.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// Only check a configuration, and say what it means.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        default_missing_value = DEFAULT_CONFIG,
        conflicts_with = "config"
    )]
    pub(crate) check_config: Option<PathBuf>,

    /// What is logged: a level (error, warn, info, debug, trace) or directives as in RUST_LOG.
    #[arg(long, value_name = "FILTER")]
    pub(crate) log_level: Option<String>,

    /// What log lines look like.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What log lines look like.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve guests, in the foreground. This is also what happens without a command.
    Run,
    /// Show what the guests of a running pvcallsd do, by its metrics.
    Top(TopOptions),
}

/// How `pvcallsd top` shows it.
#[derive(Debug, Args)]
pub(crate) struct TopOptions {
    /// Where the metrics are, as `metrics` in the configuration; without it, what that says.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<Address>,

    /// One table, from two samples, and the end.
    #[arg(long)]
    pub(crate) once: bool,

    /// Tables one below the other, as without a terminal.
    #[arg(long)]
    pub(crate) batch: bool,

    /// Seconds between two samples.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) interval: f64,
}

/// A time that makes sense.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("between 0.1 and 3600".to_owned()),
    }
}

impl Cli {
    /// The file with the configuration, if there is one.
    pub(crate) fn config_file(&self) -> Option<&Path> {
        match &self.config {
            Some(file) => Some(file),
            None => Some(Path::new(DEFAULT_CONFIG)).filter(|file| file.exists()),
        }
    }

    /// The configuration: that of the file, or that of an empty one.
    pub(crate) fn load_config(&self) -> Result<Config> {
        match self.config_file() {
            // Its mistakes have lines of their own.
            Some(file) => {
                Config::load(file).map_err(|error| anyhow!("the configuration:\n{error}"))
            }
            None => Ok(Config::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_holds() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn running_is_what_happens_without_a_command() {
        assert!(parse("pvcallsd").unwrap().command.is_none());
        let cli = parse("pvcallsd run --config /x").unwrap();
        assert!(matches!(cli.command, Some(Command::Run)));
        assert_eq!(cli.config_file(), Some(Path::new("/x")));
    }

    #[test]
    fn checking_takes_the_usual_file_or_another() {
        let file = |line| parse(line).unwrap().check_config;
        assert_eq!(file("pvcallsd --check-config"), Some(DEFAULT_CONFIG.into()));
        assert_eq!(file("pvcallsd --check-config x"), Some("x".into()));
        assert_eq!(file("pvcallsd"), None);
    }

    #[test]
    fn intervals_make_sense() {
        assert!(parse("pvcallsd top --interval 0.5").is_ok());
        for bad in ["0", "-1", "1e9", "NaN", "x"] {
            assert!(
                parse(&format!("pvcallsd top --interval={bad}")).is_err(),
                "{bad}"
            );
        }
    }
}
