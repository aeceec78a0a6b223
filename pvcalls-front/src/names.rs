//! The addresses of both ends of a socket, from the guest's point of view.
//!
//! With `feature-names` the answers that open a socket carry them. They come from a backend that
//! is not trusted: what cannot be the name of this socket is dropped, and whoever asks learns that.

use core::net::{SocketAddr, SocketAddrV6};

use crate::error::SocketError;
use crate::features::Features;

/// Both addresses, as far as the backend told them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names {
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
    /// The backend told names, good or bad.
    told: bool,
}

impl Names {
    /// What an answer told of a socket that is bound to `local` or connected to `peer`, as far as
    /// this side knows; one of them gives the family. `wildcard` if the local address may be that
    /// of any interface.
    pub(crate) fn told(
        (local, peer): (Option<SocketAddr>, Option<SocketAddr>),
        known_local: Option<SocketAddr>,
        known_peer: Option<SocketAddr>,
        wildcard: bool,
    ) -> Self {
        let v6 = known_peer.or(known_local).map(|known| known.is_ipv6());
        let fits = |name: &SocketAddr| name.port() != 0 && v6.is_none_or(|v6| v6 == name.is_ipv6());
        let local = local.filter(|name| fits(name) && (wildcard || !name.ip().is_unspecified()));
        let peer = peer.filter(|name| fits(name) && !name.ip().is_unspecified());
        Self {
            local: local.map(|name| with_scope(name, known_local.or(known_peer))),
            peer: peer.map(|name| with_scope(name, known_peer)),
            told: true,
        }
    }

    /// The local address, if it was told.
    pub(crate) fn local(&self) -> Result<SocketAddr, SocketError> {
        self.local.ok_or_else(|| self.why_not())
    }

    /// The peer's, if it was told.
    pub(crate) fn peer(&self) -> Result<SocketAddr, SocketError> {
        self.peer.ok_or_else(|| self.why_not())
    }

    /// The peer was set without a word of the backend's about it.
    pub(crate) fn set_peer(&mut self, peer: SocketAddr) {
        self.peer = Some(peer);
    }

    fn why_not(&self) -> SocketError {
        match self.told {
            true => SocketError::BadAnswer,
            false => SocketError::Unsupported(Features::NAMES),
        }
    }
}

/// A name has no room for the number of the interface (nor for a flow), which an address of one
/// link is useless without: it is that of the address at hand, if that is of a link as well.
fn with_scope(name: SocketAddr, known: Option<SocketAddr>) -> SocketAddr {
    let (SocketAddr::V6(name), Some(SocketAddr::V6(known))) = (name, known) else {
        return name;
    };
    if name.ip() == known.ip() && name.port() == known.port() {
        return known.into();
    }
    let of_link = |address: &SocketAddrV6| address.ip().is_unicast_link_local();
    match of_link(&name) && of_link(&known) {
        true => SocketAddrV6::new(*name.ip(), name.port(), 0, known.scope_id()).into(),
        false => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn told(local: &str, peer: &str, to: &str) -> Names {
        Names::told((Some(at(local)), Some(at(peer))), None, Some(at(to)), false)
    }

    #[test]
    fn names_of_the_right_kind_are_believed() {
        let names = told("10.0.0.2:4000", "192.0.2.1:80", "192.0.2.1:80");
        assert_eq!(names.local(), Ok(at("10.0.0.2:4000")));
        assert_eq!(names.peer(), Ok(at("192.0.2.1:80")));
    }

    #[test]
    fn names_that_cannot_be_are_dropped_and_that_is_said() {
        for bad in ["[2001:db8::1]:80", "10.0.0.2:0", "0.0.0.0:80"] {
            let names = told(bad, bad, "192.0.2.1:80");
            assert_eq!(names.local(), Err(SocketError::BadAnswer), "{bad}");
            assert_eq!(names.peer(), Err(SocketError::BadAnswer), "{bad}");
        }
        let none = Names::told((None, None), None, Some(at("192.0.2.1:80")), false);
        assert_eq!(none.local(), Err(SocketError::BadAnswer));
        let untold = Names::default();
        assert_eq!(
            untold.peer(),
            Err(SocketError::Unsupported(Features::NAMES))
        );
    }

    #[test]
    fn only_who_listens_may_be_bound_to_all_interfaces() {
        let any = Some(at("0.0.0.0:80"));
        let names = Names::told((any, None), any, None, true);
        assert_eq!(names.local(), Ok(at("0.0.0.0:80")));
    }

    #[test]
    fn addresses_of_a_link_keep_its_number() {
        let to = SocketAddrV6::new("fe80::1".parse().expect("an address"), 80, 7, 3);
        let name = |text| Some(at(text));
        let names = Names::told(
            (name("[fe80::2]:4000"), name("[fe80::1]:80")),
            None,
            Some(to.into()),
            false,
        );
        assert_eq!(names.peer(), Ok(to.into()));
        let local = SocketAddrV6::new("fe80::2".parse().expect("an address"), 4000, 0, 3);
        assert_eq!(names.local(), Ok(local.into()));
    }
}
