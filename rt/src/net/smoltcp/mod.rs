//! TCP sockets with smoltcp's face: its method names, states, errors and address types (0.14).
//!
//! Code written for smoltcp's sockets runs with its imports changed:
//!
//! ```ignore
//! use rt::net::smoltcp::iface::{Config, Interface, SocketSet};    // was smoltcp::iface
//! use rt::net::smoltcp::phy::{self, Host};                        // was a device of one's own
//! use rt::net::smoltcp::socket::tcp;                              // was smoltcp::socket::tcp
//! use rt::net::smoltcp::time::Instant;
//! use rt::net::smoltcp::wire::{HardwareAddress, IpAddress};
//!
//! let mut device = Host::new();
//! let mut iface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, Instant::now());
//! let mut sockets = SocketSet::new(vec![]);
//! let socket = tcp::Socket::new(tcp::SocketBuffer::new(vec![0; 1024]), tcp::SocketBuffer::new(vec![0; 1024]));
//! let handle = sockets.add(socket);
//! loop {
//!     let timestamp = Instant::now();
//!     iface.poll(timestamp, &mut device, &mut sockets);
//!     let socket = sockets.get_mut::<tcp::Socket>(handle);
//!     if !socket.is_open() {
//!         socket.listen(7).unwrap();
//!     }
//!     // …
//!     phy::wait(&device, iface.poll_delay(timestamp, &sockets));
//! }
//! ```
//!
//! There is no stack below: the sockets are the host's, and `poll` moves bytes between them and the
//! sockets' buffers. What has no meaning here is missing (addresses of the interface, routes, phy
//! devices) or kept and not looked at; each method says so. What differs:
//!
//! - The host chooses local addresses and ports of connections.
//! - Several sockets that listen at one endpoint share a listener of the host's, which stays while
//!   one of them exists; connections that come meanwhile wait there.
//! - Where one direction cannot be ended alone (version 1 of PV Calls), `close` ends both, after
//!   what was sent has left.
//! - TIME-WAIT is the host's: a socket is closed at once.

pub mod iface;
pub mod phy;

mod listeners;
mod tcp_socket;

/// Sockets by protocol, as in smoltcp.
pub mod socket {
    pub use super::iface::AnySocket;

    /// TCP.
    pub mod tcp {
        pub use crate::net::smoltcp::tcp_socket::Socket;
        pub use smoltcp::socket::tcp::{
            ConnectError, ListenError, RecvError, SendError, SocketBuffer, State,
        };
    }
}

/// Points of time, smoltcp's.
pub mod time {
    pub use smoltcp::time::{Duration, Instant};

    /// Now, for those who call `Instant::now()`, which smoltcp has with std only.
    #[must_use]
    pub fn now() -> Instant {
        let us = kernel::time::monotonic_ns() / 1000;
        Instant::from_micros(i64::try_from(us).unwrap_or(i64::MAX))
    }
}

/// Addresses, smoltcp's.
pub mod wire {
    pub use smoltcp::wire::{
        HardwareAddress, IpAddress, IpEndpoint, IpListenEndpoint, Ipv4Address, Ipv6Address,
    };
}
