//! The extensions that are commands: half-close, options, names of hosts.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::abi::{Call, Extra, NAME_BYTES, PAGE_BYTES, name_bytes};
use crate::errno::Errno;
use crate::memory::Shared;
use crate::net::options::{self, HostOption};
use crate::platform::{Mapped, Platform};
use crate::policy::Transport;
use crate::resolve::{Answer, SubmitError, Ticket};
use crate::session::{Phase, Session};
use crate::worker::core::Core;

/// Names that fit into the page of a RESOLVE.
const NAMES_MAX: usize = PAGE_BYTES / NAME_BYTES;
/// Numbers of lookups, of all workers: a device may change its worker between two sessions, and
/// must not get the answer to a question of the one before.
static TICKETS: AtomicU64 = AtomicU64::new(1);
/// The longest name of a host.
const HOST_NAME_MAX: u32 = 253;

/// The protocol's numbers of options.
mod number {
    pub(super) const LINGER: u32 = 4;
    pub(super) const SEND_BUFFER: u32 = 5;
    pub(super) const RECEIVE_BUFFER: u32 = 6;
    pub(super) const ERROR: u32 = 7;
}

impl<M: Mapped> Session<M> {
    /// SHUTDOWN.
    pub(super) fn shutdown<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        id: u64,
        how: u32,
        out_prod: u32,
    ) -> Result<Extra, Errno> {
        let (read, write) = match how {
            0 => (true, false),
            1 => (false, true),
            2 => (true, true),
            _ => return Err(Errno::EINVAL),
        };
        let index = self.find(id)?;
        let Phase::Stream(stream) = &mut self.sockets[index].phase else {
            return Err(Errno::ENOTCONN);
        };
        if write {
            stream.end_out_at(out_prod)?;
        }
        if read && stream.end_in_now() {
            core.platform.notify(stream.ring.port());
            self.counters.notifications_sent.add(1);
        }
        self.enqueue(core, index);
        Ok(Extra::None)
    }

    /// SETOPT.
    pub(super) fn set_option(&mut self, id: u64, option: u32, value: i64) -> Result<Extra, Errno> {
        let index = self.find(id)?;
        let fixed = self
            .connection
            .settings
            .limits
            .socket_buffer_bytes
            .is_some();
        let socket = &mut self.sockets[index];
        match option {
            number::LINGER if socket.transport == Transport::Tcp => {
                socket.linger = match value {
                    -1 => None,
                    0..=0xFFFF_FFFF => Some(Duration::from_millis(value.unsigned_abs())),
                    _ => return Err(Errno::EINVAL),
                };
            }
            number::SEND_BUFFER | number::RECEIVE_BUFFER if fixed => return Err(Errno::EPERM),
            _ => {
                let wanted = host_option(option, socket.transport, socket.family)?;
                let host = socket.host.as_ref().ok_or(Errno::EINVAL)?;
                options::set(host, wanted, socket.family, value)?;
            }
        }
        Ok(Extra::None)
    }

    /// GETOPT.
    pub(super) fn get_option(&mut self, id: u64, option: u32) -> Result<Extra, Errno> {
        let index = self.find(id)?;
        let socket = &mut self.sockets[index];
        let host = socket.host.as_ref().ok_or(Errno::EINVAL)?;
        let value = match option {
            number::LINGER if socket.transport == Transport::Tcp => {
                let millis = |linger: Duration| i64::try_from(linger.as_millis());
                socket
                    .linger
                    .map_or(-1, |linger| millis(linger).unwrap_or(i64::MAX))
            }
            number::ERROR => {
                let own = socket
                    .last_error
                    .take()
                    .or_else(|| options::take_error(host));
                own.map_or(0, |error| i64::from(error.number()))
            }
            _ => {
                let wanted = host_option(option, socket.transport, socket.family)?;
                options::get(host, wanted, socket.family)?
            }
        };
        Ok(Extra::Value(value))
    }

    /// RESOLVE.
    pub(super) fn resolve<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        call: Call,
        page: u32,
        len: u32,
        family: u32,
    ) {
        if let Err(error) = self.begin_resolve(core, call, page, len, family) {
            self.answer(call, Err(error));
        }
    }

    fn begin_resolve<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        call: Call,
        page: u32,
        len: u32,
        family: u32,
    ) -> Result<(), Errno> {
        if !(1..=HOST_NAME_MAX).contains(&len) || !matches!(family, 0 | 2 | 10) {
            return Err(Errno::EINVAL);
        }
        let limits = &self.connection.settings.limits;
        if self.mapped_pages >= limits.mapped_pages {
            self.counters.limited.add(1);
            return Err(Errno::ENOBUFS);
        }
        let mapping = core.platform.map(self.device.domain, &[page]);
        let shared = Shared::new(mapping.map_err(|_| Errno::EFAULT)?);
        let mut name = vec![0; len as usize];
        shared.read(0, &mut name);
        let name = String::from_utf8(name).map_err(|_| Errno::EINVAL)?;
        let allowed = self.connection.settings.policy.resolve(&name);
        self.audit.resolve(&name, &allowed);
        if allowed.is_err() {
            self.counters.denied.add(1);
            return Err(Errno::EACCES);
        }
        let ticket = Ticket {
            device: self.device,
            id: TICKETS.fetch_add(1, Ordering::Relaxed),
        };
        let resolver = core.resolver.as_ref().ok_or(Errno::EAGAIN)?;
        match resolver.submit(ticket, limits.pending_lookups, &name) {
            Ok(()) => {}
            Err(SubmitError::Busy) => {
                self.counters.limited.add(1);
                return Err(Errno::EAGAIN);
            }
            Err(SubmitError::BadName) => return Err(Errno::EINVAL),
        }
        self.mapped_pages += 1;
        self.counters.mapped_pages.add(1);
        let lookup = Lookup {
            call,
            page: shared,
            family,
        };
        self.lookups.insert(ticket.id, lookup);
        Ok(())
    }

    /// The resolver's answer.
    pub(crate) fn on_resolved(&mut self, ticket: u64, answer: Answer) {
        let Some(lookup) = self.lookups.remove(&ticket) else {
            return;
        };
        let result = answer
            .map_err(|number| Errno::from(std::io::Error::from_raw_os_error(number)))
            .and_then(|addresses| lookup.deliver(&addresses));
        let call = lookup.call;
        // Before the answer, as it promises.
        drop(lookup);
        self.mapped_pages -= 1;
        self.counters.mapped_pages.sub(1);
        self.answer(call, result);
    }
}

/// A name that is being looked up, and where the answer goes.
pub(super) struct Lookup<M> {
    pub(super) call: Call,
    page: Shared<M>,
    family: u32,
}

impl<M: Mapped> Lookup<M> {
    fn deliver(&self, addresses: &[IpAddr]) -> Result<Extra, Errno> {
        let wanted = |address: &&IpAddr| match self.family {
            2 => address.is_ipv4(),
            10 => address.is_ipv6(),
            _ => true,
        };
        let mut count = 0;
        for address in addresses.iter().filter(wanted).take(NAMES_MAX) {
            let name = name_bytes(Some((*address, 0).into()));
            self.page.write(count as usize * NAME_BYTES, &name);
            count += 1;
        }
        if count == 0 {
            return Err(Errno::ENOENT);
        }
        Ok(Extra::Count(count))
    }
}

/// The host's option for the protocol's number, if it is for this kind of socket.
fn host_option(
    option: u32,
    transport: Transport,
    family: crate::abi::Family,
) -> Result<HostOption, Errno> {
    use crate::abi::Family;
    Ok(match (option, transport, family) {
        (1, Transport::Tcp, _) => HostOption::NoDelay,
        (2, Transport::Tcp, _) => HostOption::KeepAlive,
        (3, ..) => HostOption::Ttl,
        (number::SEND_BUFFER, ..) => HostOption::SendBuffer,
        (number::RECEIVE_BUFFER, ..) => HostOption::ReceiveBuffer,
        (8, Transport::Udp, _) => HostOption::Broadcast,
        (9, _, Family::V6) => HostOption::OnlyV6,
        _ => return Err(Errno::ENOPROTOOPT),
    })
}
