//! What users of smoltcp set, and mostly the host decides.

use smoltcp::time::Duration;

use super::Socket;

impl Socket<'_> {
    /// How long connecting may take. A connection that is open is the host's to give up.
    pub fn set_timeout(&mut self, duration: Option<Duration>) {
        self.settings.timeout = duration;
    }

    /// See [`Socket::set_timeout`].
    pub fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    /// Kept; the host does as it likes.
    pub fn set_keep_alive(&mut self, interval: Option<Duration>) {
        self.settings.keep_alive = interval;
    }

    /// See [`Socket::set_keep_alive`].
    pub fn keep_alive(&self) -> Option<Duration> {
        self.settings.keep_alive
    }

    /// Kept; the host does as it likes.
    pub fn set_ack_delay(&mut self, duration: Option<Duration>) {
        self.settings.ack_delay = duration;
    }

    /// See [`Socket::set_ack_delay`].
    pub fn ack_delay(&self) -> Option<Duration> {
        self.settings.ack_delay
    }

    /// Kept; the host does as it likes.
    pub fn set_nagle_enabled(&mut self, enabled: bool) {
        self.settings.no_nagle = !enabled;
    }

    /// See [`Socket::set_nagle_enabled`].
    pub fn nagle_enabled(&self) -> bool {
        !self.settings.no_nagle
    }

    /// Kept; the host does as it likes.
    ///
    /// # Panics
    /// For 0, as in smoltcp.
    pub fn set_hop_limit(&mut self, hop_limit: Option<u8>) {
        assert_ne!(
            hop_limit,
            Some(0),
            "the time-to-live value of a packet must not be zero"
        );
        self.settings.hop_limit = hop_limit;
    }

    /// See [`Socket::set_hop_limit`].
    pub fn hop_limit(&self) -> Option<u8> {
        self.settings.hop_limit
    }
}
