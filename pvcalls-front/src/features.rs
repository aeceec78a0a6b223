//! The extensions of docs/extensions.md.

use bitflags::bitflags;

bitflags! {
    /// What both sides agreed on in the handshake.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Features: u16 {
        /// The backend shows in the command ring's page that it lives.
        const ALIVE = 1;
        /// RELEASE ends a CONNECT, and CONNECTs do not wait for one another.
        const CANCEL = 2;
        /// Words in the indexes page say at which index their writer wants to be told.
        const EVENT_IDX = 4;
        /// Answers tell the local and the peer's address.
        const NAMES = 8;
        /// One direction of a stream can be ended.
        const SHUTDOWN = 0x10;
        /// Socket options can be set and asked for.
        const OPTIONS = 0x20;
        /// IPv6 addresses.
        const IPV6 = 0x40;
        /// Datagram sockets.
        const UDP = 0x80;
        /// The host resolves names.
        const RESOLVE = 0x100;
        /// Any number of ACCEPTs may wait on one listener.
        const MULTI_ACCEPT = 0x200;
    }
}

impl Features {
    /// Each with its key, the same in both directories.
    pub(crate) const KEYS: [(Self, &str); 10] = [
        (Self::ALIVE, "feature-alive"),
        (Self::CANCEL, "feature-cancel"),
        (Self::EVENT_IDX, "feature-event-idx"),
        (Self::NAMES, "feature-names"),
        (Self::SHUTDOWN, "feature-shutdown"),
        (Self::OPTIONS, "feature-options"),
        (Self::IPV6, "feature-ipv6"),
        (Self::MULTI_ACCEPT, "feature-multi-accept"),
        (Self::RESOLVE, "feature-resolve"),
        (Self::UDP, "feature-udp"),
    ];
}
