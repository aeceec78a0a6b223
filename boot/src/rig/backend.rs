//! The two backends that can give guests their sockets: Linux's is a kernel module in the
//! cache, ours a program of this workspace.

use super::own;
use super::payload::Payload;
use anyhow::Result;
use clap::ValueEnum;

/// What serves the guests' sockets in dom0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Backend {
    /// Our own daemon.
    Pvcallsd,
    /// Linux's kernel module.
    Linux,
}

/// The one that serves when nobody says which.
pub(crate) const DEFAULT: Backend = Backend::Pvcallsd;

/// Both, the usual one first.
pub(crate) const ALL: [Backend; 2] = [DEFAULT, Backend::Linux];

const CONFIG: &str = include_str!("../../rig/pvcallsd.toml");

impl Backend {
    /// What scripts and reports call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pvcallsd => "pvcallsd",
            Self::Linux => "linux",
        }
    }

    /// The one of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|backend| backend.name() == name)
    }
}

/// Puts our daemon into dom0, built if it is not up to date.
pub(crate) fn add_daemon(payload: &mut Payload) -> Result<()> {
    payload.file("etc/pvcallsd.toml", 0o644, CONFIG.as_bytes())?;
    let daemon = own::build("pvcalls-back", "pvcallsd")?;
    own::add(payload, &daemon, "usr/local/sbin/pvcallsd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_backends() {
        for backend in ALL {
            assert_eq!(Backend::from_name(backend.name()), Some(backend));
            let value = backend.to_possible_value().unwrap();
            assert_eq!(value.get_name(), backend.name(), "the option says the same");
        }
        assert_eq!(ALL[0], DEFAULT);
        assert_ne!(ALL[0], ALL[1]);
        assert_eq!(Backend::from_name("qemu"), None);
    }
}
