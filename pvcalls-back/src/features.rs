//! The extensions of the protocol, and who speaks which: see `docs/extensions.md`.

use std::fmt;

/// One extension. Both sides announce it by a key in xenstore; only then is it spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Feature {
    /// Half-close.
    Shutdown,
    /// Local and peer addresses.
    Names,
    /// Socket options.
    Options,
    /// IPv6 sockets.
    Ipv6,
    /// Datagram sockets.
    Udp,
    /// Name resolution by the host.
    Resolve,
    /// Several accepts waiting on one listener.
    MultiAccept,
    /// A release cancels a connect.
    Cancel,
    /// Words in the data ring that suppress notifications.
    EventIdx,
    /// A byte in the command ring that tells whether the backend lives.
    Alive,
}

impl Feature {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Shutdown,
        Self::Names,
        Self::Options,
        Self::Ipv6,
        Self::Udp,
        Self::Resolve,
        Self::MultiAccept,
        Self::Cancel,
        Self::EventIdx,
        Self::Alive,
    ];

    /// The xenstore key: in the backend's directory an offer, in the frontend's the acceptance.
    /// Its value is `1`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Shutdown => "feature-shutdown",
            Self::Names => "feature-names",
            Self::Options => "feature-options",
            Self::Ipv6 => "feature-ipv6",
            Self::Udp => "feature-udp",
            Self::Resolve => "feature-resolve",
            Self::MultiAccept => "feature-multi-accept",
            Self::Cancel => "feature-cancel",
            Self::EventIdx => "feature-event-idx",
            Self::Alive => "feature-alive",
        }
    }
}

/// A set of extensions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Features(u16);

impl Features {
    /// None: plain version 1.
    pub const NONE: Self = Self(0);

    /// All there are.
    #[must_use]
    pub fn all() -> Self {
        Feature::ALL.into_iter().collect()
    }

    /// Whether this extension is in the set.
    #[must_use]
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u8) != 0
    }

    /// Those in both.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in the set.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |&one| self.has(one))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        Self(
            features
                .into_iter()
                .fold(0, |set, one| set | 1 << one as u8),
        )
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
