//! Names of hosts that the backend resolves.
//!
//! Each lookup lends the backend a page, which holds the name and then the answer. It is kept for
//! the next one when the answer has come, and not before: until then the backend may write it,
//! whoever has given up.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::task::Waker;

use super::Frontend;
use crate::calls::{Asked, Outcome, Value};
use crate::commands::{Answer, Full, Owner};
use crate::error::{ResourceError, SocketError, TryError};
use crate::features::Features;
use crate::host::{self, HostError, ResolveFamily};
use crate::memory::SharedPages;
use crate::platform::Platform;
use crate::units::{CallId, PageCount};
use crate::wire::Request;

/// Lookups that the backend is given at once: as many pages are lent at most. `pvcallsd` works at no
/// more for one guest, and each takes a slot of the command ring that a CONNECT could have.
const IN_FLIGHT: usize = 2;

/// The pages of lookups.
#[derive(Debug, Default)]
pub(super) struct LookupPages {
    /// Those that the backend has no business with now.
    pub(super) spare: Vec<SharedPages>,
    /// How many the backend has.
    pub(super) lent: usize,
    /// Those it had when the device broke.
    pub(super) held: Vec<SharedPages>,
}

impl<P: Platform> Frontend<P> {
    /// Asks the backend for the addresses of a host; [`try_resolve`](Self::try_resolve) tells them.
    ///
    /// The id is the caller's as that of a [`call`](Self::call), and so is what becomes of it; its
    /// time is [`Config::resolve_timeout_ns`](crate::Config::resolve_timeout_ns). While the device is out
    /// of use it waits for it, for
    /// [`Config::outage_patience_ns`](crate::Config::outage_patience_ns).
    ///
    /// # Errors
    /// [`SocketError::Unsupported`] if the backend does not resolve; [`SocketError::Host`] with
    /// [`HostError::Name`] for what can be no name; [`SocketError::TooManyCalls`].
    pub fn resolve(
        &mut self,
        host: &str,
        family: ResolveFamily,
        now_ns: u64,
    ) -> Result<CallId, SocketError> {
        if !self.features.contains(Features::RESOLVE) {
            return Err(SocketError::Unsupported(Features::RESOLVE));
        }
        if !host::is_host_name(host) {
            return Err(SocketError::Host(HostError::Name));
        }
        let patience_ns = match self.broken {
            Some(_) => self.config.outage_patience_ns,
            None => self.config.resolve_timeout_ns,
        };
        let asked = Asked::Host {
            name: Box::from(host),
            family,
            page: None,
        };
        let deadline_ns = now_ns.saturating_add(patience_ns);
        let id = self.calls.insert(asked, deadline_ns, self.config.calls)?;
        self.pump();
        Ok(id)
    }

    /// The addresses, at least one, best first; the call is over then. While there are none,
    /// `waker` is woken when there are; the last one counts.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`]; [`SocketError::Host`] if there is no such name, nobody can tell
    /// now or the policy forbids it; [`SocketError::Resources`] if this guest has no page to lend;
    /// else as [`try_call`](Self::try_call). While the device is out of use,
    /// [`SocketError::Away`] instead of [`SocketError::TimedOut`].
    pub fn try_resolve(&mut self, call: CallId, waker: &Waker) -> Result<Vec<IpAddr>, TryError> {
        match self.calls.take(call, true, waker)? {
            Value::Addresses(addresses) => Ok(addresses),
            Value::Number(_) => Err(SocketError::NoSuchCall.into()),
        }
    }

    /// Sends the lookups that are queued, as far as there is room; true if the backend must be told.
    pub(super) fn send_lookups(&mut self) -> bool {
        let mut notify = false;
        // Those that wait for the device.
        if self.broken.is_some() {
            return false;
        }
        while let Some(&id) = self.calls.lookups.front() {
            let Ok(tell) = self.send_lookup(id) else {
                break;
            };
            notify |= tell;
            self.calls.lookups.pop_front();
        }
        notify
    }

    fn send_lookup(&mut self, id: CallId) -> Result<bool, Full> {
        let waits = self.calls.get(id).filter(|call| call.outcome.is_none());
        let Some(Asked::Host { name, family, page }) = waits.map(|call| &mut call.asked) else {
            return Ok(false);
        };
        let commands = self.commands.as_mut().ok_or(Full)?;
        if !self.features.contains(Features::RESOLVE) {
            // It waited for the device, and this one does not.
            let error = SocketError::Unsupported(Features::RESOLVE);
            self.calls.end(id, Err(error));
            return Ok(false);
        }
        if self.lookup_pages.lent >= IN_FLIGHT {
            return Err(Full);
        }
        let spare = self.lookup_pages.spare.pop();
        let lent = match spare.map_or_else(|| self.platform.share(self.backend, PageCount(1)), Ok) {
            Ok(lent) => lent,
            Err(error) => {
                let error = SocketError::Resources(ResourceError::Share(error));
                self.calls.end(id, Err(error));
                return Ok(false);
            }
        };
        lent.write(0, name.as_bytes());
        let request = Request::Resolve {
            page: lent.grants()[0],
            len: u32::try_from(name.len()).unwrap_or(0),
            family: family.number(),
        };
        match commands.send(&request, Owner::Call(id)) {
            Ok(notify) => {
                *page = Some(lent);
                self.lookup_pages.lent += 1;
                if let Some(call) = self.calls.get(id) {
                    call.sent = true;
                }
                Ok(notify)
            }
            Err(full) => {
                self.lookup_pages.spare.push(lent);
                Err(full)
            }
        }
    }

    /// An answer came for a lookup, whose page this was.
    pub(super) fn answer_lookup(
        &mut self,
        page: SharedPages,
        family: ResolveFamily,
        answer: &Answer,
    ) -> Outcome {
        let outcome = match answer.result {
            Ok(extra) => {
                let count = extra.count();
                let found = host::addresses(&page, count, family);
                found.map(Value::Addresses).ok_or_else(|| {
                    log::warn!("the backend resolved a name to {count} addresses, none of use");
                    SocketError::BadAnswer
                })
            }
            Err(errno) => Err(match HostError::from_errno(errno) {
                Some(error) => SocketError::Host(error),
                None => SocketError::Remote(errno),
            }),
        };
        self.lookup_pages.lent -= 1;
        self.lookup_pages.spare.push(page);
        outcome
    }

    /// The device broke: the calls are over, and so is the use of the pages.
    pub(super) fn fail_calls(&mut self, error: SocketError, now_ns: u64) {
        let held = &mut self.lookup_pages.held;
        self.calls.fail_all(error, |page| held.push(page));
        self.lookup_pages.lent = 0;
        while let Some(page) = self.lookup_pages.spare.pop() {
            self.quarantine.give_back(&mut self.platform, page, now_ns);
        }
    }
}
