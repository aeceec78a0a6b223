//! Names and values of the keys in xenstore. Source: Xen's `docs/misc/pvcalls.pandoc`, and what
//! the toolstack writes.

use std::str::FromStr;

use xen_sys::xenbus_state as xenbus;

use crate::sessions::DeviceId;

/// The area of all our devices, relative to the home of this domain.
pub const AREA: &str = "backend/pvcalls";

/// A state of one end of a device. Source: xen/io/xenbus.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// Nothing is published yet.
    Initialising = xenbus::XenbusStateInitialising,
    /// The backend has published what it offers.
    InitWait = xenbus::XenbusStateInitWait,
    /// The frontend has published its ring.
    Initialised = xenbus::XenbusStateInitialised,
    /// Commands may flow.
    Connected = xenbus::XenbusStateConnected,
    /// The end wants to end.
    Closing = xenbus::XenbusStateClosing,
    /// The end has let go of everything.
    Closed = xenbus::XenbusStateClosed,
}

impl State {
    /// The state in a node; `None` for a value that no backend of this kind has to know.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        Some(match decimal::<u32>(value)? {
            xenbus::XenbusStateInitialising => Self::Initialising,
            xenbus::XenbusStateInitWait => Self::InitWait,
            xenbus::XenbusStateInitialised => Self::Initialised,
            xenbus::XenbusStateConnected => Self::Connected,
            xenbus::XenbusStateClosing => Self::Closing,
            xenbus::XenbusStateClosed => Self::Closed,
            _ => return None,
        })
    }

    /// The number, as it is written.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// A number as C's `%u` prints it: decimal digits and nothing else, no needless zeros.
pub fn decimal<T: FromStr>(value: &[u8]) -> Option<T> {
    let canonical = match value {
        [b'0'] => true,
        [first, rest @ ..] => matches!(first, b'1'..=b'9') && rest.iter().all(u8::is_ascii_digit),
        [] => false,
    };
    // The longest type here has 10 digits; more are not worth a look.
    if !canonical || value.len() > 10 {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A guest's value for a line of a log: short and without control characters.
#[must_use]
pub fn shown(value: &[u8]) -> String {
    const MAX: usize = 32;
    let dots = if value.len() > MAX { "…" } else { "" };
    let start = &value[..value.len().min(MAX)];
    format!("\"{}\"{dots}", start.escape_ascii())
}

/// Our directory for a device.
#[must_use]
pub fn back(device: DeviceId) -> String {
    format!("{AREA}/{}/{}", device.domain, device.device)
}

/// The frontend's directory. Computed, not read: the link in the frontend's directory is the
/// guest's to write, and that in ours is only compared.
#[must_use]
pub fn front(device: DeviceId) -> String {
    format!(
        "/local/domain/{}/device/pvcalls/{}",
        device.domain, device.device
    )
}

/// What a changed path in our area is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// All of it.
    Area,
    /// All devices of a domain.
    Domain(u16),
    /// One device.
    Device(DeviceId),
}

/// Where a path of a watch event lies; `None` outside our area, or where no device can be.
#[must_use]
pub fn place(path: &str) -> Option<Place> {
    let rest = path.strip_prefix(AREA)?;
    if rest.is_empty() {
        return Some(Place::Area);
    }
    let mut names = rest.strip_prefix('/')?.split('/');
    let domain = decimal(names.next()?.as_bytes())?;
    Some(match names.next() {
        None => Place::Domain(domain),
        Some(device) => Place::Device(DeviceId {
            domain,
            device: decimal(device.as_bytes())?,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_nothing() {
        assert_eq!(decimal::<u32>(b"0"), Some(0));
        assert_eq!(decimal::<u32>(b"4294967295"), Some(u32::MAX));
        assert_eq!(decimal::<u16>(b"32752"), Some(32752));
        for bad in [
            "",
            "00",
            "01",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1\0",
            "0x1",
            "1e3",
            "4294967296",
            "٣",
        ] {
            assert_eq!(decimal::<u32>(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(decimal::<u32>(&[b'1'; 4096]), None);
        assert_eq!(decimal::<u16>(b"65536"), None);
    }

    #[test]
    fn states_are_those_of_xenbus() {
        assert_eq!(State::parse(b"1"), Some(State::Initialising));
        assert_eq!(State::parse(b"6"), Some(State::Closed));
        for state in 1..=6 {
            let parsed = State::parse(format!("{state}").as_bytes());
            assert_eq!(parsed.map(State::number), Some(state));
        }
        for bad in [&b"0"[..], b"7", b"8", b"", b"four", b"\xff"] {
            assert_eq!(State::parse(bad), None);
        }
    }

    #[test]
    fn paths_lead_to_devices() {
        let device = DeviceId {
            domain: 3,
            device: 0,
        };
        assert_eq!(place("backend/pvcalls"), Some(Place::Area));
        assert_eq!(place("backend/pvcalls/3"), Some(Place::Domain(3)));
        assert_eq!(place(&back(device)), Some(Place::Device(device)));
        assert_eq!(
            place("backend/pvcalls/3/0/state"),
            Some(Place::Device(device))
        );
        for bad in [
            "backend",
            "backend/pvcallsx",
            "backend/pvcalls/x/0",
            "backend/pvcalls/3/-1",
            "backend/pvcalls/70000/0",
            "@releaseDomain",
        ] {
            assert_eq!(place(bad), None, "{bad}");
        }
        assert_eq!(front(device), "/local/domain/3/device/pvcalls/0");
    }

    #[test]
    fn values_are_cut_and_escaped_for_logs() {
        assert_eq!(shown(b"4"), "\"4\"");
        assert_eq!(shown(b"\x1b[2J\n"), "\"\\x1b[2J\\n\"");
        assert_eq!(shown(&[b'a'; 4096]).chars().count(), 32 + 3);
    }
}
