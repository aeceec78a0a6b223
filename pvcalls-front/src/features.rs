//! The extensions that this driver speaks, of those in docs/extensions.md.

use bitflags::bitflags;

bitflags! {
    /// What both sides agreed on in the handshake.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Features: u8 {
        /// The backend shows in the command ring's page that it lives.
        const ALIVE = 1;
        /// RELEASE ends a CONNECT, and CONNECTs do not wait for one another.
        const CANCEL = 2;
        /// Words in the indexes page say at which index their writer wants to be told.
        const EVENT_IDX = 4;
    }
}

impl Features {
    /// Each with its key, the same in both directories.
    pub(crate) const KEYS: [(Self, &str); 3] = [
        (Self::ALIVE, "feature-alive"),
        (Self::CANCEL, "feature-cancel"),
        (Self::EVENT_IDX, "feature-event-idx"),
    ];
}
