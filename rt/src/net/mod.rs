//! TCP and UDP through the host's sockets.
//!
//! There is no network stack in the guest: a PV Calls backend in the host owns the real
//! sockets, and bytes cross in shared rings. Addresses are therefore the host's, but for
//! 127.0.0.0/8 and ::1: with these, sockets of the guest talk to each other, and nothing leaves it.
//! (`loopback=host` on the command line makes them the host's loopback addresses, as far as its
//! backend lets guests reach those.) docs/networking.md says more.
//!
//! When that backend goes away (its daemon is restarted, say), every stream fails with
//! [`ErrorKind::ConnectionReset`] once the bytes that had arrived are read, and new connections work
//! again as soon as it is back.
//!
//! What version 1 of the protocol cannot express returns [`ErrorKind::Unsupported`]
//! (the method's documentation says what), never a silent success.
//!
//! | file | what |
//! |---|---|
//! | `addr.rs` | from what a user writes to addresses |
//! | `resolve.rs` | from names of hosts to addresses |
//! | `tcp/`, `udp.rs` | the blocking types, as in std |
//! | `aio/` | the same for async code |
//! | `socket/` | one socket, polled: what blocking and async types share |
//! | `local.rs` | sockets of this guest that talk to each other |
//! | `options.rs` | what std cannot ask for |
//! | `smoltcp/` | sockets with smoltcp's face |
//! | `stack/` | the traits by which portable crates ask for sockets |
//! | `error.rs` | the driver's errors as std's |
//! | `driver/` | the PV Calls driver on the kernel |
//!
//! [`ErrorKind::ConnectionReset`]: crate::io::ErrorKind::ConnectionReset
//! [`ErrorKind::Unsupported`]: crate::io::ErrorKind::Unsupported

mod addr;
pub mod aio;
mod driver;
mod error;
mod local;
mod options;
mod resolve;
#[cfg(feature = "smoltcp")]
pub mod smoltcp;
mod socket;
pub mod stack;
mod tcp;
mod udp;

pub use addr::ToSocketAddrs;
pub use core::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6,
};
pub use driver::{set_default_ring_order, stats};
pub use local::loopback_stats;
pub use loopback::Stats as LoopbackStats;
pub use options::Options;
pub use pvcalls_front::{RingOrder, Stats};
pub use stack::Stack;
pub use tcp::{Incoming, IntoIncoming, Shutdown, TcpListener, TcpStream};
pub use udp::UdpSocket;

pub(crate) use driver::shut_down;
