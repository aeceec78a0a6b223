//! Requests, one by one and in transactions.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use ::xenstore::request::{
    Directory, DirectoryPart, DomainId, GetDomainPath, GetPerms, Mkdir, Permission, Read, Request,
    Rm, SetPerms, TransactionEnd, TransactionStart, Write,
};
use ::xenstore::{Errno, Listed, Listing, Path, ProtocolError, TransactionId};

use super::connection::exchange;
use super::error::{Error, Reason, checked};
use crate::thread;
use crate::time::{NS_PER_MS, monotonic_ns};

/// How often a transaction is tried when others keep changing what it touches.
pub const TRANSACTION_TRIES: u32 = 100;
/// By how much the pause between two tries of a transaction grows.
const PAUSE_STEP_NS: u64 = NS_PER_MS;
/// The longest pause between two tries of a transaction, in nanoseconds.
pub const PAUSE_MAX_NS: u64 = 50 * NS_PER_MS;
/// How often a long directory that changes while it is listed is begun anew.
const LISTING_TRIES: usize = 16;

fn call<R: Request>(
    operation: &'static str,
    path: &str,
    request: &R,
    transaction: TransactionId,
) -> Result<R::Reply, Error> {
    exchange(|client| client.submit(request, transaction))
        .map_err(|reason| Error::new(operation, path, reason))
}

/// Requests inside one transaction, or outside of any.
#[derive(Debug)]
pub struct Transaction {
    id: TransactionId,
    /// Whether the server said of a request that it is in vain.
    conflict: Cell<bool>,
}

impl Transaction {
    const fn new(id: TransactionId) -> Transaction {
        Transaction {
            id,
            conflict: Cell::new(false),
        }
    }

    /// Outside of any transaction.
    const fn none() -> Transaction {
        Transaction::new(TransactionId::NONE)
    }

    /// Makes a request about a path and waits for the answer.
    fn ask<'p, R: Request>(
        &self,
        operation: &'static str,
        path: &'p str,
        request: impl FnOnce(Path<'p>) -> R,
    ) -> Result<R::Reply, Error> {
        let request = request(checked(operation, path)?);
        call(operation, path, &request, self.id).inspect_err(|error| {
            if error.errno() == Some(Errno::EAGAIN) {
                self.conflict.set(true);
            }
        })
    }

    /// The value of a node, any bytes.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        self.ask("read", path, Read)
    }

    /// Sets the value of a node, making it and its parents as needed.
    pub fn write(&self, path: &str, value: &[u8]) -> Result<(), Error> {
        self.ask("write", path, |path| Write(path, value))
    }

    /// The names of a node's children, however many: those that do not fit into one answer are
    /// asked for by parts.
    pub fn directory(&self, path: &str) -> Result<Vec<String>, Error> {
        let operation = "directory";
        match self.ask(operation, path, Directory) {
            Err(error) if error.errno() == Some(Errno::E2BIG) => {}
            result => return result,
        }
        let mut listing = Listing::default();
        let mut changes = 0;
        while changes < LISTING_TRIES {
            let offset = listing.offset();
            let part = self.ask(operation, path, |path| DirectoryPart(path, offset))?;
            match listing.add(part) {
                Listed::More => {}
                Listed::All(names) => return Ok(names),
                Listed::Changed => {
                    listing = Listing::default();
                    changes += 1;
                }
                Listed::Endless => {
                    let message_type = DirectoryPart::TYPE.number();
                    let reason = ProtocolError::BadReply { message_type }.into();
                    return Err(Error::new(operation, path, reason));
                }
            }
        }
        Err(Error::new(operation, path, Reason::Contended))
    }

    /// Makes an empty node, unless it is there.
    pub fn mkdir(&self, path: &str) -> Result<(), Error> {
        self.ask("mkdir", path, Mkdir)
    }

    /// Removes a node and everything below it.
    pub fn rm(&self, path: &str) -> Result<(), Error> {
        self.ask("rm", path, Rm)
    }

    /// Who may do what with a node: its owner first.
    pub fn permissions(&self, path: &str) -> Result<Vec<Permission>, Error> {
        self.ask("get permissions", path, GetPerms)
    }

    /// Sets who may do what with a node: its owner first.
    pub fn set_permissions(&self, path: &str, permissions: &[Permission]) -> Result<(), Error> {
        self.ask("set permissions", path, |path| SetPerms(path, permissions))
    }
}

/// See [`Transaction::read`].
pub fn read(path: &str) -> Result<Vec<u8>, Error> {
    Transaction::none().read(path)
}

/// See [`Transaction::write`].
pub fn write(path: &str, value: &[u8]) -> Result<(), Error> {
    Transaction::none().write(path, value)
}

/// See [`Transaction::directory`].
pub fn directory(path: &str) -> Result<Vec<String>, Error> {
    Transaction::none().directory(path)
}

/// See [`Transaction::mkdir`].
pub fn mkdir(path: &str) -> Result<(), Error> {
    Transaction::none().mkdir(path)
}

/// See [`Transaction::rm`].
pub fn rm(path: &str) -> Result<(), Error> {
    Transaction::none().rm(path)
}

/// See [`Transaction::permissions`].
pub fn permissions(path: &str) -> Result<Vec<Permission>, Error> {
    Transaction::none().permissions(path)
}

/// See [`Transaction::set_permissions`].
pub fn set_permissions(path: &str, permissions: &[Permission]) -> Result<(), Error> {
    Transaction::none().set_permissions(path, permissions)
}

/// The home of a domain, as in `/local/domain/3`, whether it exists or not.
pub fn domain_path(domain: DomainId) -> Result<String, Error> {
    let operation = "get the home of a domain";
    call(operation, "", &GetDomainPath(domain), TransactionId::NONE)
}

/// Runs `f` in a transaction: its changes happen all at once, and again from the start when
/// somebody changed what it touched, [`TRANSACTION_TRIES`] times at most, with pauses that grow
/// to [`PAUSE_MAX_NS`]. While the domain has as many transactions as it may, it waits in the same
/// way. An error of `f` undoes everything.
pub fn transaction<T>(f: impl FnMut(&Transaction) -> Result<T, Error>) -> Result<T, Error> {
    transaction_with(f)
}

/// As [`transaction`], for errors of another type. When the server said of a request in it that
/// somebody changed what it touched, it is tried again whatever `f` made of that.
pub fn transaction_with<T, E: From<Error>>(
    mut f: impl FnMut(&Transaction) -> Result<T, E>,
) -> Result<T, E> {
    let mut full = None;
    for attempt in 1..=TRANSACTION_TRIES {
        if attempt > 1 {
            let pause_ns = (u64::from(attempt) * PAUSE_STEP_NS).min(PAUSE_MAX_NS);
            thread::sleep_until(monotonic_ns() + pause_ns);
        }
        let start = "start a transaction";
        let id = match call(start, "", &TransactionStart, TransactionId::NONE) {
            Ok(id) => id,
            Err(error) if error.errno() == Some(Errno::ENOSPC) => {
                full = Some(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        full = None;
        let transaction = Transaction::new(id);
        let result = f(&transaction);
        let commit = result.is_ok();
        let ended = call("end a transaction", "", &TransactionEnd { commit }, id);
        match (result, ended) {
            (Ok(value), Ok(())) => return Ok(value),
            (Ok(_), Err(error)) if error.errno() != Some(Errno::EAGAIN) => return Err(error.into()),
            (Err(error), _) if !transaction.conflict.get() => return Err(error),
            _ => {}
        }
    }
    let contended = || Error::new("transaction", "", Reason::Contended);
    Err(full.unwrap_or_else(contended).into())
}
