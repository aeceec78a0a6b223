//! The seam between the control side and the data side.
//!
//! The control side ([`crate::device`]) follows xenstore and says which frontends to serve. The
//! data side maps a frontend's command ring and serves it. Both run in threads of their own and
//! meet only here, by messages: nothing below waits.

use std::sync::Arc;

use crate::config::DomainSettings;
use crate::features::Features;

/// One frontend: a domain and the number of its pvcalls device, as in
/// `backend/pvcalls/<domain>/<device>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId {
    /// The frontend's domain.
    pub domain: u16,
    /// The number of the device in it.
    pub device: u32,
}

impl std::fmt::Display for DeviceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.domain, self.device)
    }
}

/// What a frontend published, and what it may do.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The grant of the command ring's page (`ring-ref`).
    pub ring_ref: u32,
    /// The frontend's port for the command ring (`port`).
    pub port: u32,
    /// The extensions that both sides announced.
    pub features: Features,
    /// The domain's policy and limits.
    pub settings: Arc<DomainSettings>,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What the frontend wrote before is sent first, for at most the linger time.
    Linger,
    /// At once: the domain is gone.
    Now,
}

/// The data side, as the control side sees it.
pub trait Sessions {
    /// Starts to serve a frontend. Answered by [`SessionEvent::Opened`] or
    /// [`SessionEvent::Failed`]. A device has at most one session at a time.
    fn open(&mut self, device: DeviceId, connection: Connection);

    /// Ends a session. Answered by [`SessionEvent::Closed`], also when there is none, once
    /// nothing of the frontend's is mapped or bound any more.
    fn close(&mut self, device: DeviceId, ending: Ending);

    /// What happened since, oldest first.
    fn next_event(&mut self) -> Option<SessionEvent>;
}

/// What the data side has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The command ring is mapped and served.
    Opened(DeviceId),
    /// The session could not be opened; nothing is left of it.
    Failed(DeviceId, String),
    /// The frontend broke the protocol: its sockets are closed and nothing is served any more.
    /// The session still wants to be closed.
    Broken(DeviceId, String),
    /// The session has ended and nothing is left of it.
    Closed(DeviceId),
}
