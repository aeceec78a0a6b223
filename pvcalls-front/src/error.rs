//! What can go wrong, one small type per operation, and whose fault it is.

use core::fmt;

pub use xen_front::ring::ResourceError;

use crate::errno::Errno;
use crate::features::Features;
use crate::host::HostError;
use crate::units::RingOrder;

/// Who has to change something for the error to go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller of this crate: a wrong handle, a ring order out of range.
    Caller,
    /// This guest: memory, grants or ports ran short.
    Guest,
    /// The backend: it broke the protocol, does not answer or is gone.
    Backend,
    /// The network or the other end of the connection, as reported by the backend.
    Remote,
}

/// How a backend broke the rules of a data ring. The socket fails; others go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingFault {
    /// `in_prod` went backwards, or promises more than the array holds.
    InProd,
    /// `out_cons` went backwards, or past what was produced.
    OutCons,
    /// A frame of the in ring is longer than allowed, or reaches beyond `in_prod`.
    Frame,
}

impl fmt::Display for RingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InProd => "the backend moved in_prod out of its window",
            Self::OutCons => "the backend moved out_cons out of its window",
            Self::Frame => "the backend put a broken frame into the ring",
        })
    }
}

/// Why the whole device is out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFault {
    /// `rsp_prod` promises more responses than there are requests.
    ResponseIndex,
    /// Too many responses that answer nothing that was asked.
    Responses,
    /// The backend left the state Connected.
    BackendGone,
    /// The backend's process ended: the byte that says it lives was cleared.
    BackendDied,
    /// Too many slots of the command ring are with ACCEPTs that the backend never answers, because
    /// their listeners were closed: only a new connection to it brings them back.
    SlotsLost,
}

impl DeviceFault {
    /// The error number that a socket call reports for it. Whatever the reason, the connection is
    /// gone, and a new one can be tried.
    #[must_use]
    pub fn errno(&self) -> Errno {
        Errno::ECONNRESET
    }
}

impl fmt::Display for DeviceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResponseIndex => "the backend moved rsp_prod out of its window",
            Self::Responses => "the backend keeps answering what was not asked",
            Self::BackendGone => "the PV Calls backend disconnected",
            Self::BackendDied => "the PV Calls backend died",
            Self::SlotsLost => "the backend owes answers to accepts of closed listeners",
        })
    }
}

/// Why a socket does not work any more. The first reason stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketError {
    /// The handle names no socket: never, or not any more.
    NoSuchSocket,
    /// Nothing is connected yet.
    NotConnected,
    /// The socket is not one that takes connections.
    NotListening,
    /// The caller's own deadline passed.
    TimedOut,
    /// An error number from the backend: mostly what happened to the connection.
    Remote(Errno),
    /// The backend broke the rules of the data ring.
    Ring(RingFault),
    /// The whole device went out of use while the socket was.
    Device(DeviceFault),
    /// The device was out of use and did not come back in time for a connect.
    Away,
    /// This guest ran short of something when the device was back.
    Resources(ResourceError),
    /// The backend does not speak the extension that this needs.
    Unsupported(Features),
    /// A datagram longer than its ring can hold, or than datagrams can be. Nothing was sent.
    MessageSize,
    /// A datagram to the default peer of a socket that has none.
    NoPeer,
    /// A datagram to an IPv6 address through a socket of IPv4.
    AddressFamily,
    /// Why a name of a host was not resolved.
    Host(HostError),
    /// The caller has ended the way out.
    WriteEnded,
    /// The id names no call: never, or not any more.
    NoSuchCall,
    /// As many calls wait for an answer as may: [`Config::calls`](crate::Config::calls).
    TooManyCalls,
    /// Sockets of this kind have no such option, or it can only be asked for.
    NoSuchOption,
    /// The value is out of the option's range.
    BadValue,
    /// The backend answered with something that cannot be.
    BadAnswer,
}

impl SocketError {
    /// The error number that a socket call reports for it.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::NoSuchSocket => Errno::EBADF,
            Self::NotConnected => Errno::ENOTCONN,
            Self::NotListening => Errno::EINVAL,
            Self::TimedOut => Errno::ETIMEDOUT,
            Self::Remote(errno) => *errno,
            Self::Ring(_) => Errno::EIO,
            Self::Device(fault) => fault.errno(),
            Self::Away => Errno::ENETDOWN,
            Self::Resources(error) => error.errno(),
            Self::Unsupported(Features::IPV6) => Errno::EAFNOSUPPORT,
            Self::Unsupported(_) => Errno::EOPNOTSUPP,
            Self::MessageSize => Errno::EMSGSIZE,
            Self::NoPeer => Errno::EDESTADDRREQ,
            Self::AddressFamily => Errno::EAFNOSUPPORT,
            Self::Host(error) => error.errno(),
            Self::WriteEnded => Errno::EPIPE,
            Self::NoSuchCall | Self::BadValue => Errno::EINVAL,
            Self::TooManyCalls => Errno::ENOBUFS,
            Self::NoSuchOption => Errno::ENOPROTOOPT,
            Self::BadAnswer => Errno::EPROTO,
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoSuchSocket
            | Self::NotConnected
            | Self::NotListening
            | Self::MessageSize
            | Self::NoPeer
            | Self::AddressFamily
            | Self::WriteEnded
            | Self::NoSuchCall
            | Self::NoSuchOption
            | Self::BadValue => Blame::Caller,
            Self::Host(HostError::Name) => Blame::Caller,
            Self::Host(HostError::Unmapped) => Blame::Backend,
            Self::TimedOut | Self::Remote(_) | Self::Host(_) => Blame::Remote,
            Self::Ring(_)
            | Self::Device(_)
            | Self::Away
            | Self::Unsupported(_)
            | Self::BadAnswer => Blame::Backend,
            Self::Resources(_) | Self::TooManyCalls => Blame::Guest,
        }
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSocket => f.write_str("no such socket"),
            Self::NotConnected => f.write_str("not connected"),
            Self::NotListening => f.write_str("not a listening socket"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Remote(errno) => errno.fmt(f),
            Self::Ring(fault) => fault.fmt(f),
            Self::Device(fault) => fault.fmt(f),
            Self::Away => f.write_str("the PV Calls backend is away"),
            Self::Resources(error) => error.fmt(f),
            Self::Unsupported(features) => missing(f, *features),
            Self::MessageSize => f.write_str("the datagram is too long"),
            Self::NoPeer => f.write_str("the datagram socket has no default peer"),
            Self::AddressFamily => f.write_str("an IPv6 address for a socket of IPv4"),
            Self::Host(error) => error.fmt(f),
            Self::WriteEnded => f.write_str("the way out was ended"),
            Self::NoSuchCall => f.write_str("no such call"),
            Self::TooManyCalls => f.write_str("too many calls wait for an answer"),
            Self::NoSuchOption => f.write_str("sockets of this kind have no such option"),
            Self::BadValue => f.write_str("the option takes no such value"),
            Self::BadAnswer => f.write_str("the PV Calls backend answered what cannot be"),
        }
    }
}

/// Names the extensions that a backend lacks.
fn missing(f: &mut fmt::Formatter<'_>, features: Features) -> fmt::Result {
    f.write_str("the PV Calls backend does not offer")?;
    for (feature, key) in Features::KEYS {
        if features.contains(feature) {
            write!(f, " {key}")?;
        }
    }
    Ok(())
}

/// Why a connection could not even be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// The ring is larger than this backend takes.
    RingOrder {
        /// What was asked for.
        asked: RingOrder,
        /// What the backend takes at most.
        max: RingOrder,
    },
    /// This guest ran short of something.
    Resources(ResourceError),
    /// The backend does not speak the extension that this needs.
    Unsupported(Features),
    /// As many listeners as the command ring has room for are there already.
    TooManyListeners,
}

impl ConnectError {
    /// The error number that a socket call reports for it.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::RingOrder { .. } => Errno::EINVAL,
            Self::Resources(error) => error.errno(),
            Self::Unsupported(Features::IPV6) => Errno::EAFNOSUPPORT,
            Self::Unsupported(_) => Errno::EOPNOTSUPP,
            Self::TooManyListeners => Errno::ENOBUFS,
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::RingOrder { .. } => Blame::Caller,
            Self::Resources(_) | Self::TooManyListeners => Blame::Guest,
            Self::Unsupported(_) => Blame::Backend,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RingOrder { asked, max } => {
                write!(f, "ring order {asked} asked for, the backend takes {max}")
            }
            Self::Resources(error) => error.fmt(f),
            Self::Unsupported(features) => missing(f, *features),
            Self::TooManyListeners => f.write_str("too many listening sockets"),
        }
    }
}

/// Why a `try_` call moved nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryError {
    /// Not now: register a waker and try again when it is woken.
    WouldBlock,
    /// Not ever.
    Failed(SocketError),
}

impl TryError {
    /// The error number that a non-blocking socket call reports for it.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::WouldBlock => Errno::EAGAIN,
            Self::Failed(error) => error.errno(),
        }
    }
}

impl fmt::Display for TryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("would block"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl From<SocketError> for TryError {
    fn from(error: SocketError) -> Self {
        Self::Failed(error)
    }
}

impl core::error::Error for RingFault {}
impl core::error::Error for DeviceFault {}
impl core::error::Error for SocketError {}
impl core::error::Error for ConnectError {}
impl core::error::Error for TryError {}
