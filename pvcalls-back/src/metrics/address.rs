//! Where metrics are served.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where metrics are served if nothing else is said.
pub const DEFAULT_ADDRESS: &str = "unix:/run/pvcallsd/metrics.sock";

/// Where metrics are served: a unix socket, which the file system guards, or a TCP address,
/// which nobody guards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `unix:/path`: absolute.
    Unix(PathBuf),
    /// `address:port`, as in `127.0.0.1:9477` or `[::1]:9477`.
    Tcp(SocketAddr),
}

impl Default for Address {
    fn default() -> Self {
        Self::Unix(PathBuf::from(
            DEFAULT_ADDRESS.strip_prefix("unix:").unwrap_or_default(),
        ))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            if !path.is_absolute() {
                return Err(format!("{text:?}: the path of a unix socket begins with /"));
            }
            return Ok(Self::Unix(path));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!("{text:?} is neither unix:/path nor address:port, as in 127.0.0.1:9477")
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_and_written() {
        for text in [DEFAULT_ADDRESS, "127.0.0.1:9477", "[::1]:9477"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!(DEFAULT_ADDRESS.parse(), Ok(Address::default()));
    }

    #[test]
    fn what_is_neither_says_so() {
        for text in [
            "",
            "unix:",
            "unix:relative",
            "localhost:1",
            "127.0.0.1",
            "off",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
