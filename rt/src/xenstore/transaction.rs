//! Transactions.

use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use kernel::xenstore as store;

use super::{Permission, error};
use crate::io;

/// Requests that others see all at once or not at all: see [`transaction`]. The methods are those of
/// [the module](super).
#[derive(Debug)]
pub struct Transaction<'t>(&'t store::Transaction);

/// Does all of `f` in a transaction, and all of it again when somebody else changed what it
/// touched: so `f` should have no effect but by the transaction.
///
/// It is tried 100 times at most, with pauses that grow by a millisecond each time, to 50 ms; then
/// the error is `ResourceBusy`. When `f` fails for a reason of its own, nothing of it has happened,
/// and its error is returned. Only after a `TimedOut` from the end of the transaction it is not known
/// whether it happened.
///
/// A domain may have ten transactions at a time. Threads that want more wait for their turn as if they
/// had met with a change; `QuotaExceeded` says that there was none in all that time.
pub fn transaction<T>(mut f: impl FnMut(&Transaction<'_>) -> io::Result<T>) -> io::Result<T> {
    store::transaction_with(|transaction| f(&Transaction(transaction)))
}

impl Transaction<'_> {
    /// As [`read`](super::read).
    pub fn read(&self, path: impl AsRef<str>) -> io::Result<Vec<u8>> {
        Ok(self.0.read(path.as_ref())?)
    }

    /// As [`read_to_string`](super::read_to_string).
    pub fn read_to_string(&self, path: impl AsRef<str>) -> io::Result<String> {
        let path = path.as_ref();
        error::text(path, self.read(path)?)
    }

    /// As [`read_parsed`](super::read_parsed).
    pub fn read_parsed<T: FromStr>(&self, path: impl AsRef<str>) -> io::Result<T> {
        let path = path.as_ref();
        error::parsed(path, self.read(path)?)
    }

    /// As [`exists`](super::exists).
    pub fn exists(&self, path: impl AsRef<str>) -> io::Result<bool> {
        error::exists(self.0.read(path.as_ref()))
    }

    /// As [`write`](super::write).
    pub fn write(&self, path: impl AsRef<str>, value: impl AsRef<[u8]>) -> io::Result<()> {
        Ok(self.0.write(path.as_ref(), value.as_ref())?)
    }

    /// As [`directory`](super::directory).
    pub fn directory(&self, path: impl AsRef<str>) -> io::Result<Vec<String>> {
        Ok(self.0.directory(path.as_ref())?)
    }

    /// As [`mkdir`](super::mkdir).
    pub fn mkdir(&self, path: impl AsRef<str>) -> io::Result<()> {
        Ok(self.0.mkdir(path.as_ref())?)
    }

    /// As [`rm`](super::rm).
    pub fn rm(&self, path: impl AsRef<str>) -> io::Result<()> {
        Ok(self.0.rm(path.as_ref())?)
    }

    /// As [`permissions`](super::permissions).
    pub fn permissions(&self, path: impl AsRef<str>) -> io::Result<Vec<Permission>> {
        Ok(self.0.permissions(path.as_ref())?)
    }

    /// As [`set_permissions`](super::set_permissions).
    pub fn set_permissions(
        &self,
        path: impl AsRef<str>,
        permissions: &[Permission],
    ) -> io::Result<()> {
        Ok(self.0.set_permissions(path.as_ref(), permissions)?)
    }
}
