//! Names of hosts, for the backend to resolve: what may be asked, and what an answer holds.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use crate::errno::Errno;
use crate::memory::SharedPages;
use crate::units::PAGE_SIZE;
use crate::wire::{AF_INET, AF_INET6, NAME_BYTES, decode_name};

/// The longest name of a host.
const NAME_MAX: usize = 253;

/// Names that fit into the page.
const ANSWERS_MAX: u32 = 204;

const _: () = assert!(PAGE_SIZE / NAME_BYTES == ANSWERS_MAX as usize);

/// Which addresses of a host are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResolveFamily {
    /// Both families, best first.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl ResolveFamily {
    /// The number on the wire.
    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::Any => 0,
            Self::V4 => AF_INET,
            Self::V6 => AF_INET6,
        }
    }

    fn wants(self, address: &IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// Why a name was not resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// It can be no name of a host: 1 to 253 letters, digits, `-`, `.`, `_`.
    Name,
    /// There is no such name, or it has no address of the family that was asked for.
    NotFound,
    /// Nobody could tell just now.
    TryAgain,
    /// The policy of the backend forbids it.
    Forbidden,
    /// The backend could not map the page for the answer.
    Unmapped,
}

impl HostError {
    /// What an error number says in the answer to a lookup, if it has a meaning of its own there.
    pub(crate) fn from_errno(errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::EINVAL => Self::Name,
            Errno::ENOENT => Self::NotFound,
            Errno::EAGAIN => Self::TryAgain,
            Errno::EACCES => Self::Forbidden,
            Errno::EFAULT => Self::Unmapped,
            _ => return None,
        })
    }

    /// The error number of the protocol for it.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::Name => Errno::EINVAL,
            Self::NotFound => Errno::ENOENT,
            Self::TryAgain => Errno::EAGAIN,
            Self::Forbidden => Errno::EACCES,
            Self::Unmapped => Errno::EFAULT,
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "this can be no name of a host",
            Self::NotFound => "there is no host of that name",
            Self::TryAgain => "the name cannot be resolved now",
            Self::Forbidden => "the policy of the PV Calls backend forbids to resolve that name",
            Self::Unmapped => "the PV Calls backend could not map the page for the answer",
        })
    }
}

impl core::error::Error for HostError {}

/// Whether the name may be sent.
pub(crate) fn is_host_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(good)
}

/// The addresses that lie in the page of an answer: those that are of the family asked for. `None`
/// if there are none, or more than can be.
pub(crate) fn addresses(
    page: &SharedPages,
    count: u32,
    family: ResolveFamily,
) -> Option<Vec<IpAddr>> {
    if !(1..=ANSWERS_MAX).contains(&count) {
        return None;
    }
    let mut found = Vec::new();
    found.try_reserve_exact(count as usize).ok()?;
    for number in 0..count as usize {
        let mut name = [0; NAME_BYTES];
        page.read(number * NAME_BYTES, &mut name);
        let address = decode_name(&name).as_ref().map(SocketAddr::ip);
        found.extend(address.filter(|address| family.wants(address)));
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_name_may_be_sent() {
        let longest = "a".repeat(253);
        for name in [
            "a",
            "example.org",
            "_dmarc.x-1.test.",
            "192.0.2.1",
            &longest,
        ] {
            assert!(is_host_name(name), "{name}");
        }
        let too_long = "a".repeat(254);
        for name in ["", "a b", "a/b", "a\0", "bücher.example", "a:1", &too_long] {
            assert!(!is_host_name(name), "{name}");
        }
    }
}
