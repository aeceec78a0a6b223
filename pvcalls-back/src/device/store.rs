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
    /// A node goes if nothing is below it and it is this domain's to remove.
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
                            match transaction.remove(path) {
                                // In a driver domain the toolstack made it, and removes it.
                                Err(error) if error.errno() == Some(Errno::EACCES) => {}
                                result => result?,
                            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::thread;
    use xenstore::wire::{HEADER_BYTES, Header, MessageType};

    /// Answers requests until the other end is closed. Every node exists, is empty, and may be
    /// removed but for `foreign`. What was asked for, but for transactions' starts and reads.
    fn serve(mut stream: UnixStream, foreign: &str) -> Vec<String> {
        let mut asked = Vec::new();
        let mut header = [0; HEADER_BYTES];
        while stream.read_exact(&mut header).is_ok() {
            let header = Header::from_bytes(header);
            let mut payload = vec![0; header.payload_bytes as usize];
            stream.read_exact(&mut payload).unwrap();
            let payload = String::from_utf8(payload).unwrap();
            let payload = payload.trim_end_matches('\0');
            let is = |kind: MessageType| header.message_type == kind.number();
            let mut kind = header.message_type;
            let answer: &[u8] = if is(MessageType::TransactionStart) {
                b"7\0"
            } else if is(MessageType::Read) {
                b"6"
            } else if is(MessageType::Directory) {
                b""
            } else if is(MessageType::Rm) && payload == foreign {
                kind = MessageType::Error.number();
                b"EACCES\0"
            } else {
                asked.push(payload.to_owned());
                b"OK\0"
            };
            let answered = Header {
                message_type: kind,
                payload_bytes: u32::try_from(answer.len()).unwrap(),
                ..header
            };
            stream.write_all(&answered.to_bytes()).unwrap();
            stream.write_all(answer).unwrap();
        }
        asked
    }

    #[test]
    fn a_parent_that_is_the_toolstacks_stays_and_the_rest_is_done() {
        let device = "backend/pvcalls/3/0";
        let parent = "backend/pvcalls/3";
        let changes = [
            Change::Remove(device.to_owned()),
            Change::RemoveIfEmpty(parent.to_owned()),
        ];
        for (foreign, expected) in [
            (parent, vec![device, "T"]),
            ("none", vec![device, parent, "T"]),
        ] {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let server = thread::spawn(move || serve(theirs, foreign));
            let mut store = xen_dev::Store::over_socket(ours).unwrap();
            assert!(store.change("backend/pvcalls/3/0/state", &changes).unwrap());
            drop(store);
            assert_eq!(server.join().unwrap(), expected);
        }
        // What must go is not given up as easily.
        let (ours, theirs) = UnixStream::pair().unwrap();
        let server = thread::spawn(move || serve(theirs, device));
        let mut store = xen_dev::Store::over_socket(ours).unwrap();
        let error = store.change("backend/pvcalls/3/0/state", &changes);
        assert_eq!(error.unwrap_err().errno(), Some(Errno::EACCES));
        drop(store);
        assert_eq!(server.join().unwrap(), ["F"]);
    }
}
