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
//! What a socket can do depends on the backend. What plain version 1 of the protocol cannot express
//! returns [`ErrorKind::Unsupported`] with a text that names the extension that is missing, never a
//! silent success. docs/std-api.md holds each method against std's.
//!
//! | needs | |
//! |---|---|
//! | version 1 | TCP over IPv4: connect, listen, accept, read, write, time-outs |
//! | `feature-names` | `local_addr` of streams, `peer_addr` of those that were accepted |
//! | `feature-shutdown` | shutdown of the way out alone |
//! | `feature-options` | `nodelay`, `ttl`, `linger`, [`Options::only_v6`] |
//! | `feature-ipv6` | IPv6 |
//! | `feature-udp` | [`UdpSocket`] |
//! | `feature-resolve` | names of hosts, looked up by the host; else [`ToSocketAddrs`] asks DNS servers itself |
//!
//! How large the rings are that bytes cross in is the driver's choice, by what backend and memory
//! permit; [`Options::ring_order`] sets it for a socket, [`set_default_ring_order`] for all others.
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
