//! The configuration: one TOML file, with overrides per domain.

use std::path::PathBuf;
use std::time::Duration;

use crate::features::Features;
use crate::policy::Policy;

/// What holds for one domain.
#[derive(Clone, Debug)]
pub struct DomainSettings {
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
            policy: Policy::default(),
            limits: Limits::default(),
            features: Features::all(),
            namespace: None,
        }
    }
}

/// What a domain may use up of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sockets of all kinds, waiting connects included.
    pub sockets: u32,
    /// Connects under way at a time.
    pub pending_connects: u32,
    /// Pages of the domain mapped at a time, command ring and rings kept for reuse included.
    pub mapped_pages: u32,
    /// The largest ring order that is offered and taken: 1 to 9.
    pub max_page_order: u8,
    /// Commands per second, on average; twice as many at once. More wait in the ring.
    pub commands_per_second: u32,
    /// Bytes of the kernel's send and of its receive buffer per socket; the kernel's default
    /// without. Bounds the memory: `sockets` times twice this.
    pub socket_buffer_bytes: Option<u32>,
    /// How long a released socket may go on sending what was written before.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 4096,
            pending_connects: 256,
            mapped_pages: 65536,
            max_page_order: 9,
            commands_per_second: 20_000,
            socket_buffer_bytes: None,
            linger: Duration::from_secs(60),
        }
    }
}
