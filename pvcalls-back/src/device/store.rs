//! What the loop needs of xenstore: a trait, so that tests can do without one.

use std::fmt::Debug;

use xen_dev::StoreError;
use xen_dev::store::{WatchEvent, WatchToken};
use xenstore::Errno;

/// A change of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A node gets this value.
    Write(String, Vec<u8>),
    /// A node and all below it go, if it is there.
    Remove(String),
    /// A node goes if nothing is below it.
    RemoveIfEmpty(String),
}

impl Change {
    /// A node gets this text.
    #[must_use]
    pub fn write(path: String, text: &str) -> Self {
        Self::Write(path, text.as_bytes().to_vec())
    }
}

/// xenstore, as the loop uses it. Missing nodes, and those that this domain may not see, are
/// `None` or have no children.
pub trait Store {
    /// A watch.
    type Watch: Copy + Debug + Ord;

    /// Reads a value.
    ///
    /// # Errors
    /// Whatever goes wrong, but for a missing node.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Reads values that belong together, in one transaction.
    ///
    /// # Errors
    /// Whatever goes wrong, but for missing nodes.
    fn read_together(&mut self, paths: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// The names of a node's children.
    ///
    /// # Errors
    /// Whatever goes wrong, but for a missing node.
    fn children(&mut self, path: &str) -> Result<Vec<String>, StoreError>;

    /// Makes all changes in one transaction, if the node `guard` exists then; says whether it
    /// did. So a write cannot bring back a directory that somebody removed.
    ///
    /// # Errors
    /// Whatever goes wrong; then nothing is changed.
    fn change(&mut self, guard: &str, changes: &[Change]) -> Result<bool, StoreError>;

    /// Whether a domain is known to xenstore and not dying. True when this domain may not ask.
    ///
    /// # Errors
    /// Whatever goes wrong.
    fn is_domain_alive(&mut self, domain: u16) -> Result<bool, StoreError>;

    /// Watches a node and all below it. An event comes at once.
    ///
    /// # Errors
    /// Whatever goes wrong.
    fn watch(&mut self, path: &str) -> Result<Self::Watch, StoreError>;

    /// Ends a watch.
    ///
    /// # Errors
    /// Whatever goes wrong.
    fn unwatch(&mut self, watch: Self::Watch) -> Result<(), StoreError>;

    /// The next event, without waiting.
    ///
    /// # Errors
    /// When the connection is broken.
    fn next_event(&mut self) -> Result<Option<(Self::Watch, WatchEvent)>, StoreError>;
}

impl Store for xen_dev::Store {
    type Watch = WatchToken;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Self::read(self, path)
    }

    fn read_together(&mut self, paths: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.transaction(|transaction| paths.iter().map(|path| transaction.read(path)).collect())
    }

    fn children(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        self.directory(path)
    }

    fn change(&mut self, guard: &str, changes: &[Change]) -> Result<bool, StoreError> {
        self.transaction(|transaction| {
            if !transaction.exists(guard)? {
                return Ok(false);
            }
            for change in changes {
                match change {
                    Change::Write(path, value) => transaction.write(path, value)?,
                    Change::Remove(path) => transaction.remove(path)?,
                    Change::RemoveIfEmpty(path) => {
                        if transaction.directory(path)?.is_empty() {
                            transaction.remove(path)?;
                        }
                    }
                }
            }
            Ok(true)
        })
    }

    fn is_domain_alive(&mut self, domain: u16) -> Result<bool, StoreError> {
        match self.is_domain_introduced(domain) {
            Err(error) if matches!(error.errno(), Some(Errno::EACCES | Errno::ENOSYS)) => Ok(true),
            result => result,
        }
    }

    fn watch(&mut self, path: &str) -> Result<WatchToken, StoreError> {
        Self::watch(self, path)
    }

    fn unwatch(&mut self, watch: WatchToken) -> Result<(), StoreError> {
        Self::unwatch(self, watch)
    }

    fn next_event(&mut self) -> Result<Option<(WatchToken, WatchEvent)>, StoreError> {
        Self::next_event(self)
    }
}
