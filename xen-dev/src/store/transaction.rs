//! Transactions: several requests that others see all together or not at all.

use xenstore::request::{TransactionEnd, TransactionStart};
use xenstore::{Errno, TransactionId};

use super::{Store, StoreError};

/// How often a transaction is tried. Others can change the same nodes at any time, but not
/// without end: the server bounds what a guest writes in a second.
const ATTEMPTS: usize = 20;

/// A transaction under way.
#[derive(Debug)]
pub struct Transaction<'s> {
    store: &'s mut Store,
    id: TransactionId,
}

impl Store {
    /// Does all of `work` in one transaction, and all of it again when somebody else changed
    /// what it touched: so it must have no effect but by the transaction. When it fails,
    /// nothing of it has happened.
    ///
    /// # Errors
    /// That of `work`, that of the commit, or EAGAIN when others came in between 20 times.
    pub fn transaction<T>(
        &mut self,
        mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let again = |error: &StoreError| error.errno() == Some(Errno::EAGAIN);
        for _ in 0..ATTEMPTS {
            let pending = self.client.submit(&TransactionStart, TransactionId::NONE);
            let id = self.answer("begin a transaction", "", pending)?;
            let result = work(&mut Transaction { store: self, id });
            let commit = result.is_ok();
            let pending = self.client.submit(&TransactionEnd { commit }, id);
            let ended = self.answer("end a transaction", "", pending);
            match (result, ended) {
                (Ok(value), Ok(())) => return Ok(value),
                (Err(error), _) | (Ok(_), Err(error)) if !again(&error) => return Err(error),
                _ => {}
            }
        }
        Err(StoreError::new("end a transaction", "", Errno::EAGAIN))
    }
}

impl Transaction<'_> {
    /// As [`Store::read`].
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.read_in(path, self.id)
    }

    /// As [`Store::write`].
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write(&mut self, path: &str, value: &[u8]) -> Result<(), StoreError> {
        self.store.write_in(path, value, self.id)
    }

    /// As [`Store::remove`].
    ///
    /// # Errors
    /// As [`Store::remove`].
    pub fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.store.remove_in(path, self.id)
    }

    /// As [`Store::directory`].
    ///
    /// # Errors
    /// As [`Store::directory`].
    pub fn directory(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        self.store.directory_in(path, self.id)
    }

    /// As [`Store::exists`].
    ///
    /// # Errors
    /// As [`Store::exists`].
    pub fn exists(&mut self, path: &str) -> Result<bool, StoreError> {
        Ok(self.read(path)?.is_some())
    }
}
