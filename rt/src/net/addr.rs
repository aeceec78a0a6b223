//! From what a user writes to addresses.

use alloc::string::String;
use alloc::vec::{self, Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::resolve;
use crate::io;

/// What can be turned into socket addresses, as in std.
///
/// `localhost` is this guest. Other names are looked up in the list `hosts=NAME=ADDRESS,…` of the
/// command line, then by the host, if its backend does that, then by DNS over TCP at the servers of
/// `dns=ADDRESS[:PORT],…`, each for at most five seconds. IPv6 addresses are only there if the
/// backend speaks IPv6. docs/networking.md says more.
///
/// What is no address and cannot be a name is [`io::ErrorKind::InvalidInput`], a name that does not
/// exist or has no address [`io::ErrorKind::NotFound`], one for which there is nobody to ask
/// [`io::ErrorKind::Unsupported`]. When no server answers, the error is that of the last one.
pub trait ToSocketAddrs {
    /// The addresses, in the order in which they should be tried.
    type Iter: Iterator<Item = SocketAddr>;

    /// Turns it into addresses.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;

    /// The name that has to be looked up, and the port, if it is a name: for those who await that.
    #[doc(hidden)]
    fn name(&self) -> io::Result<Option<(&str, u16)>> {
        Ok(None)
    }
}

type One = core::option::IntoIter<SocketAddr>;

fn one(address: impl Into<SocketAddr>) -> io::Result<One> {
    Ok(Some(address.into()).into_iter())
}

impl ToSocketAddrs for SocketAddr {
    type Iter = One;

    fn to_socket_addrs(&self) -> io::Result<One> {
        one(*self)
    }
}

impl ToSocketAddrs for SocketAddrV4 {
    type Iter = One;

    fn to_socket_addrs(&self) -> io::Result<One> {
        one(*self)
    }
}

impl ToSocketAddrs for SocketAddrV6 {
    type Iter = One;

    fn to_socket_addrs(&self) -> io::Result<One> {
        one(*self)
    }
}

impl ToSocketAddrs for (IpAddr, u16) {
    type Iter = One;

    fn to_socket_addrs(&self) -> io::Result<One> {
        one(*self)
    }
}

impl ToSocketAddrs for (Ipv4Addr, u16) {
    type Iter = One;

    fn to_socket_addrs(&self) -> io::Result<One> {
        one(*self)
    }
}

impl ToSocketAddrs for (Ipv6Addr, u16) {
    type Iter = One;

    fn to_socket_addrs(&self) -> io::Result<One> {
        one(*self)
    }
}

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        resolve(self.0, self.1)
    }

    fn name(&self) -> io::Result<Option<(&str, u16)>> {
        Ok(Some(*self))
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        resolve(&self.0, self.1)
    }

    fn name(&self) -> io::Result<Option<(&str, u16)>> {
        Ok(Some((&self.0, self.1)))
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        if let Ok(address) = self.parse() {
            return Ok(Vec::from([address]).into_iter());
        }
        let (host, port) = split(self)?;
        resolve(host, port)
    }

    fn name(&self) -> io::Result<Option<(&str, u16)>> {
        match self.parse::<SocketAddr>() {
            Ok(_) => Ok(None),
            Err(_) => split(self).map(Some),
        }
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }

    fn name(&self) -> io::Result<Option<(&str, u16)>> {
        self.as_str().name()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = core::iter::Copied<core::slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().copied())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<T::Iter> {
        (**self).to_socket_addrs()
    }

    fn name(&self) -> io::Result<Option<(&str, u16)>> {
        (**self).name()
    }
}

fn resolve(host: &str, port: u16) -> io::Result<vec::IntoIter<SocketAddr>> {
    resolve::block(host, port).map(Vec::into_iter)
}

/// HOST:PORT.
fn split(text: &str) -> io::Result<(&str, u16)> {
    let invalid = |what: &str| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            alloc::format!("{text:?}: {what}"),
        )
    };
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| invalid("no port (HOST:PORT)"))?;
    let port = port
        .parse()
        .map_err(|_| invalid("the port is no number below 65536"))?;
    Ok((host, port))
}
