//! What a user may write for a host.

use alloc::string::String;
use core::fmt;
use core::net::IpAddr;

/// The longest name, in bytes, without the dot at its end.
const NAME_BYTES: usize = 253;
/// The longest part between dots.
const LABEL_BYTES: usize = 63;

/// A host, as far as its spelling says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// `localhost` and what ends with `.localhost`: never looked up (RFC 6761).
    Localhost,
    /// A name that has to be looked up.
    Name(Name),
}

/// A name that may be looked up: one to 253 letters, digits, hyphens, underscores and dots, in
/// lower case, without a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// What stands for a host is no address and cannot be the name of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAName {
    /// Nothing at all.
    Empty,
    /// More than 253 bytes, or more than 63 between two dots.
    TooLong,
    /// Two dots in a row, or one at the start.
    EmptyLabel,
    /// Something else than letters, digits, `-`, `_` and `.`.
    Character(char),
    /// It ends with a number, so it looks like an IPv4 address, but is none. Such names are not
    /// looked up: what other programs take them for is a matter of taste.
    Number,
}

impl Host {
    /// Reads what a user wrote for a host.
    ///
    /// # Errors
    /// [`NotAName`].
    pub fn parse(text: &str) -> Result<Host, NotAName> {
        if let Ok(address) = text.parse() {
            return Ok(Host::Address(address));
        }
        let name = Name::parse(text)?;
        match name.0.rsplit('.').next() {
            Some("localhost") => Ok(Host::Localhost),
            _ => Ok(Host::Name(name)),
        }
    }
}

impl Name {
    /// Reads a name. A dot at its end changes nothing: there are no search domains.
    ///
    /// # Errors
    /// [`NotAName`].
    pub fn parse(text: &str) -> Result<Name, NotAName> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(NotAName::Empty);
        }
        if text.len() > NAME_BYTES {
            return Err(NotAName::TooLong);
        }
        let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if let Some(odd) = text.chars().find(odd) {
            return Err(NotAName::Character(odd));
        }
        for label in text.split('.') {
            match label.len() {
                0 => return Err(NotAName::EmptyLabel),
                1..=LABEL_BYTES => {}
                _ => return Err(NotAName::TooLong),
            }
        }
        let last = text.rsplit('.').next().unwrap_or(text);
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAName::Number);
        }
        Ok(Name(text.to_ascii_lowercase()))
    }

    /// The name, in lower case, without a dot at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NotAName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no host given"),
            Self::TooLong => f.write_str("too long for the name of a host"),
            Self::EmptyLabel => f.write_str("nothing between two dots"),
            Self::Character(odd) => write!(f, "{odd:?} cannot be in the name of a host"),
            Self::Number => f.write_str("neither an IPv4 address nor the name of a host"),
        }
    }
}

impl core::error::Error for NotAName {}
