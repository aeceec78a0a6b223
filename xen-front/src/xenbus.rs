//! Keys of xenstore that every handshake reads and writes, strictly.
//!
//! A value is any bytes, up to a few kilobytes, and whoever wrote it is not trusted. Only plain
//! decimal digits count as a number: no sign, no blank, no NUL.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::errno::Errno;
use crate::platform::{Store, XenbusState, key};
use crate::units::DomainId;

/// Longest list of versions that is read.
const VERSIONS_MAX: usize = 128;
/// Longest path of a backend directory that is read.
const PATH_MAX: usize = 256;

/// What is wrong with a key, named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// A key that must be there is not.
    Missing {
        /// The key.
        key: String,
    },
    /// A key holds what it must not.
    Value {
        /// The key.
        key: String,
        /// What stands there: escaped, and shortened.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// xenstore refused.
    Store {
        /// The key.
        key: String,
        /// Its answer.
        errno: Errno,
    },
}

impl KeyError {
    /// The error of a malformed value.
    #[must_use]
    pub fn value(key: &str, value: &[u8], expected: &'static str) -> Self {
        Self::Value {
            key: key.to_owned(),
            value: shorten(value),
            expected,
        }
    }

    fn store(key: &str, errno: Errno) -> Self {
        Self::Store {
            key: key.to_owned(),
            errno,
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { key } => write!(f, "xenstore key {key} is missing"),
            Self::Value {
                key,
                value,
                expected,
            } => write!(f, "xenstore key {key} is \"{value}\", expected {expected}"),
            Self::Store { key, errno } => write!(f, "xenstore key {key}: {errno}"),
        }
    }
}

impl core::error::Error for KeyError {}

/// The first bytes of a value, fit to be printed.
#[must_use]
pub fn shorten(value: &[u8]) -> String {
    const SHOWN: usize = 40;
    match value.get(..SHOWN) {
        Some(head) if value.len() > SHOWN => {
            format!("{}... ({} bytes)", head.escape_ascii(), value.len())
        }
        _ => value.escape_ascii().to_string(),
    }
}

/// Reads a key; `None` if there is none.
///
/// # Errors
/// [`KeyError::Store`].
pub fn optional<S: Store>(store: &mut S, key: &str) -> Result<Option<Vec<u8>>, KeyError> {
    match store.read(key) {
        Ok(value) => Ok(Some(value)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(KeyError::store(key, errno)),
    }
}

/// Reads a key that must be there.
///
/// # Errors
/// [`KeyError::Missing`] or [`KeyError::Store`].
pub fn required<S: Store>(store: &mut S, key: &str) -> Result<Vec<u8>, KeyError> {
    optional(store, key)?.ok_or_else(|| KeyError::Missing {
        key: key.to_owned(),
    })
}

/// Reads a `state` key. An absent one is a state too; one that is no number is like one that
/// nobody knows.
///
/// # Errors
/// [`KeyError::Store`].
pub fn state<S: Store>(store: &mut S, key: &str) -> Result<XenbusState, KeyError> {
    Ok(match optional(store, key)? {
        Some(value) => XenbusState::from_number(decimal(&value).unwrap_or(u32::MAX)),
        None => XenbusState::Absent,
    })
}

/// Checks that a list of versions, separated by commas, holds 1.
///
/// # Errors
/// [`KeyError::Value`].
pub fn versions(key: &str, value: &[u8]) -> Result<(), KeyError> {
    let bad = |expected| Err(KeyError::value(key, value, expected));
    if value.len() > VERSIONS_MAX {
        return bad("a short list of versions");
    }
    let mut ours = false;
    for version in value.split(|&byte| byte == b',') {
        match decimal(version) {
            Some(version) => ours |= version == 1,
            None => return bad("decimal versions, separated by commas"),
        }
    }
    if ours { Ok(()) } else { bad("a list with 1") }
}

/// Whether the other side says that it knows a feature: only a plain 1 says so.
///
/// # Errors
/// [`KeyError::Store`].
pub fn feature<S: Store>(store: &mut S, key: &str) -> Result<bool, KeyError> {
    Ok(optional(store, key)?.is_some_and(|value| value == b"1"))
}

/// The number of a domain that can exist.
///
/// # Errors
/// [`KeyError::Value`].
pub fn domain_id(key: &str, value: &[u8]) -> Result<DomainId, KeyError> {
    decimal(value)
        .and_then(|id| u16::try_from(id).ok())
        .filter(|&id| id < DomainId::FIRST_RESERVED)
        .map(DomainId)
        .ok_or_else(|| KeyError::value(key, value, "a domain id"))
}

/// An absolute path of characters that xenstore allows.
///
/// # Errors
/// [`KeyError::Value`].
pub fn path(key: &str, value: &[u8]) -> Result<String, KeyError> {
    let allowed = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-/_@".contains(&byte);
    let text = core::str::from_utf8(value).ok();
    text.filter(|_| value.len() <= PATH_MAX && value.iter().all(allowed))
        .filter(|path| path.len() > 1 && path.starts_with('/') && !path.ends_with('/'))
        .map(ToOwned::to_owned)
        .ok_or_else(|| KeyError::value(key, value, "an absolute xenstore path"))
}

/// A number of one to ten digits that fits.
#[must_use]
pub fn decimal(value: &[u8]) -> Option<u32> {
    if value.is_empty() || value.len() > 10 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// Writes keys of the directory `dir` in one transaction.
///
/// # Errors
/// [`KeyError::Store`], with the first of the keys.
pub fn write<S: Store>(store: &mut S, dir: &str, entries: &[(&str, &str)]) -> Result<(), KeyError> {
    let keys: Vec<String> = entries.iter().map(|(name, _)| key(dir, name)).collect();
    let pairs: Vec<(&str, &str)> = keys
        .iter()
        .zip(entries)
        .map(|(key, (_, value))| (key.as_str(), *value))
        .collect();
    store.write(&pairs).map_err(|errno| KeyError::Store {
        key: keys.first().cloned().unwrap_or_default(),
        errno,
    })
}
