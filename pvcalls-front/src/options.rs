//! What can be asked of a socket that is there: half-close, options, a default peer.
//!
//! The table of options is that of docs/extensions.md. What it forbids is refused here, before
//! anything is sent: an error of this side comes at once, and says what is wrong.

use core::net::SocketAddr;
use core::ops::RangeInclusive;

use crate::error::SocketError;
use crate::features::Features;
use crate::socket::Kind;
use crate::wire::AF_INET6;

/// A command in the life of a socket, whose answer somebody waits for: see
/// [`Frontend::call`](crate::Frontend::call).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Ends one direction of a stream, or both. The answer is 0.
    Shutdown(How),
    /// Sets an option to a value. The answer is 0.
    SetOption(SocketOption, i64),
    /// Asks for an option. The answer is its value.
    GetOption(SocketOption),
    /// Sets the default peer of a datagram socket. The answer is 0.
    SetPeer(SocketAddr),
}

impl Call {
    /// The extension without which it cannot even be sent.
    pub(crate) fn needs(&self) -> Features {
        match self {
            Self::Shutdown(_) => Features::SHUTDOWN,
            Self::SetOption(..) | Self::GetOption(_) => Features::OPTIONS,
            Self::SetPeer(_) => Features::UDP,
        }
    }
}

/// Which direction of a stream to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing more is wanted. Bytes that are there can still be read; then comes the end.
    Read,
    /// Nothing more will be written. What was written is sent, and then the end.
    Write,
    /// Both.
    Both,
}

impl How {
    /// The number on the wire.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Read => 0,
            Self::Write => 1,
            Self::Both => 2,
        }
    }

    /// Whether it ends the way in.
    pub(crate) const fn reading(self) -> bool {
        matches!(self, Self::Read | Self::Both)
    }

    /// Whether it ends the way out.
    pub(crate) const fn writing(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }
}

/// An option of a socket, kept by the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketOption {
    /// Small segments are sent at once: 0, 1. 0 at first. Streams and listeners.
    NoDelay,
    /// Seconds of silence before the first probe, 1 to 32767; 0: no probes. Streams and listeners.
    KeepAlive,
    /// Hops that a packet may make: 1 to 255.
    Ttl,
    /// Milliseconds that a close goes on sending after it has come to the backend, up to 2^32 - 1;
    /// -1: as long as the backend allows (at first); 0: it resets the connection. Streams and listeners.
    Linger,
    /// Bytes of the host's buffer, 1 to 2^31 - 1. The host takes what its limits allow, and tells
    /// when asked. `EPERM` where its owner fixed it.
    SendBuffer,
    /// Likewise.
    ReceiveBuffer,
    /// Can only be asked for: the number of the last error of the socket, positive, or 0. Asking
    /// forgets it.
    Error,
    /// Datagrams to everybody: 0, 1. Datagram sockets.
    Broadcast,
    /// No IPv4 over this IPv6 socket: 0, 1. To be set before it is bound.
    OnlyV6,
}

impl SocketOption {
    /// The number on the wire.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::NoDelay => 1,
            Self::KeepAlive => 2,
            Self::Ttl => 3,
            Self::Linger => 4,
            Self::SendBuffer => 5,
            Self::ReceiveBuffer => 6,
            Self::Error => 7,
            Self::Broadcast => 8,
            Self::OnlyV6 => 9,
        }
    }

    /// Values that can be set; `None` if none can.
    fn settable(self) -> Option<RangeInclusive<i64>> {
        Some(match self {
            Self::NoDelay | Self::Broadcast | Self::OnlyV6 => 0..=1,
            Self::KeepAlive => 0..=32767,
            Self::Ttl => 1..=255,
            Self::Linger => -1..=i64::from(u32::MAX),
            Self::SendBuffer | Self::ReceiveBuffer => 1..=i64::from(i32::MAX),
            Self::Error => return None,
        })
    }

    /// Whether a backend can have meant this as the value of the option.
    pub(crate) fn may_be(self, value: i64) -> bool {
        match self {
            Self::Error => (0..=4095).contains(&value),
            // A host's buffers may be larger than anybody asked for.
            Self::SendBuffer | Self::ReceiveBuffer => value >= 0,
            _ => { self.settable() }.is_some_and(|range| range.contains(&value)),
        }
    }

    /// Whether sockets of that kind and family have it.
    fn is_for(self, kind: Kind, family: u16) -> bool {
        match self {
            Self::NoDelay | Self::KeepAlive | Self::Linger => kind != Kind::Datagram,
            Self::Broadcast => kind == Kind::Datagram,
            Self::OnlyV6 => family == AF_INET6,
            Self::Ttl | Self::SendBuffer | Self::ReceiveBuffer | Self::Error => true,
        }
    }

    /// Refuses what the table forbids; `value` is `None` to ask.
    pub(crate) fn check(
        self,
        kind: Kind,
        family: u16,
        value: Option<i64>,
    ) -> Result<(), SocketError> {
        let settable = self.settable();
        match value {
            _ if !self.is_for(kind, family) => Err(SocketError::NoSuchOption),
            None => Ok(()),
            Some(value) => match settable {
                None => Err(SocketError::NoSuchOption),
                Some(range) if range.contains(&value) => Ok(()),
                Some(_) => Err(SocketError::BadValue),
            },
        }
    }
}
