//! The configuration: one TOML file, with overrides per domain. See `docs/policy.md`.
//!
//! Reading order: this file, `limits.rs`, `domains.rs` and `daemon.rs` (the sections), `read.rs`
//! (tables key by key, all mistakes at once).

mod daemon;
mod domains;
mod limits;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use daemon::{Daemon, LogFormat};
use domains::Overrides;
pub use limits::{Limits, WorstCase};
pub use read::ConfigError;
use read::{Mistakes, Section};
use toml::de::DeTable;

use crate::features::Features;
use crate::policy::Policy;

/// What holds for one domain.
#[derive(Clone, Debug)]
pub struct DomainSettings {
    /// The domain's name, as the toolstack calls it: for log lines. Empty if it has none.
    pub name: String,
    /// What it may connect to, listen on and send to.
    pub policy: Policy,
    /// What it may use up.
    pub limits: Limits,
    /// The extensions it is offered.
    pub features: Features,
    /// The network namespace its sockets live in; the daemon's own without one.
    pub namespace: Option<PathBuf>,
}

impl Default for DomainSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            policy: Policy::default(),
            limits: Limits::default(),
            features: Features::all(),
            namespace: None,
        }
    }
}

/// The whole configuration. The default is that of an empty file.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// How the daemon runs.
    pub daemon: Daemon,
    default: DomainSettings,
    /// By name or pattern, already laid over the default.
    domains: BTreeMap<String, DomainSettings>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or it has mistakes: all of them.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            mistakes: vec![format!("{file}: {error}")],
        })?;
        Self::parse_as(&file, &text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// It has mistakes: all of them, with the lines they are in.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::parse_as("config", text)
    }

    fn parse_as(file: &str, text: &str) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            mistakes.add(&error.span().unwrap_or_default(), error.message());
        }
        let mut config = Self::default();
        let root = Section::new(String::new(), table.span(), table.get_ref());
        // What is left of a file that is no TOML would only give mistakes that are none.
        if errors.is_empty() {
            config = Self::read(root, &mut mistakes);
        }
        mistakes.into_error(file, text)?;
        Ok(config)
    }

    fn read(mut root: Section<'_>, mistakes: &mut Mistakes) -> Self {
        let mut config = Self::default();
        if let Some(item) = root.get("daemon")
            && let Some(section) = item.section(mistakes)
        {
            config.daemon = Daemon::read(section, mistakes);
        }
        let mut default = Overrides::default();
        if let Some(item) = root.get("default")
            && let Some(section) = item.section(mistakes)
        {
            default = Overrides::read(section, mistakes);
        }
        config.default = default.settings();
        if let Some(item) = root.get("domain")
            && let Some(section) = item.section(mistakes)
        {
            for (name, item) in section.free() {
                let Some(section) = item.section(mistakes) else {
                    continue;
                };
                let overrides = Overrides::read(section, mistakes).over(&default);
                config.domains.insert(name.to_owned(), overrides.settings());
            }
        }
        root.finish(mistakes);
        config
    }

    /// What holds for a domain of this name: its own section, else that with the longest pattern
    /// that fits, else the default.
    #[must_use]
    pub fn for_domain(&self, name: &str) -> Arc<DomainSettings> {
        let by_pattern = || {
            let fitting = self
                .domains
                .iter()
                .filter(|(pattern, _)| fits(pattern, name));
            // Of several of the same length the first in the alphabet.
            fitting
                .rev()
                .max_by_key(|(pattern, _)| pattern.len())
                .map(|(_, settings)| settings)
        };
        let settings = self
            .domains
            .get(name)
            .or_else(by_pattern)
            .unwrap_or(&self.default);
        Arc::new(DomainSettings {
            name: name.to_owned(),
            ..settings.clone()
        })
    }

    /// Every section about domains by its heading, with all that holds there.
    pub fn sections(&self) -> impl Iterator<Item = (String, &DomainSettings)> {
        let heading = |(name, settings)| (format!("[domain.{name:?}]"), settings);
        let default = [("[default]".to_owned(), &self.default)];
        default.into_iter().chain(self.domains.iter().map(heading))
    }

    /// All network namespaces that a domain may have its sockets in.
    #[must_use]
    pub fn namespaces(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> = self.all().filter_map(|one| one.namespace.clone()).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// Whether some domain may listen on a port below 1024, by a rule or a port map.
    #[must_use]
    pub fn privileged_ports(&self) -> bool {
        self.all().any(|one| one.policy.opens_privileged_port())
    }

    fn all(&self) -> impl Iterator<Item = &DomainSettings> {
        self.sections().map(|(_, settings)| settings)
    }
}

/// Whether a name fits a pattern, in which `*` stands for any characters, also none.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(start) else {
        return false;
    };
    let Some((middle, end)) = rest.rsplit_once('*') else {
        return name.ends_with(rest);
    };
    // The parts between stars: the first place of each leaves the most for the others.
    for part in middle.split('*') {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(end)
}
