//! From names of hosts to addresses.
//!
//! In this order: what is an address; `localhost`, which is always this guest; the list `hosts=` of
//! the command line; the backend, if it looks up names; DNS over TCP to the servers in `dns=`. The
//! first that knows the name decides.
//! Addresses of IPv6 are only told when the backend speaks it, but for those of this guest.
//!
//! One implementation serves blocking and async code: [`lookup`] is a future, and [`block`] waits
//! for it.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::future::poll_fn;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;

use kernel::thread;
use kernel::time::monotonic_ns;
use pvcalls_front::{CallId, Features, Frontend, HostError, ResolveFamily, SocketError, TryError};
use resolver::{Exchange, Family, Host, Hosts, Name, Outcome, Progress, Servers};
use spin::Once;

use super::Options;
use super::driver::{self, Start, Xen};
use super::local;
use super::socket::{Opening, Socket};
use crate::env;
use crate::io::{self, Error, ErrorKind};
use crate::random::Entropy;
use crate::task;

/// The variable of the command line with names and their addresses.
const HOSTS: &str = "hosts";
/// The variable with the DNS servers.
const DNS: &str = "dns";
/// How long a server may take for all it is asked, connecting included.
const SERVER_TIME: Duration = Duration::from_secs(5);
/// How std begins what it says of names that cannot be looked up.
const FAILED: &str = "failed to lookup address information";

/// The addresses of a host, each with `port`, in the order in which they should be tried.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for what cannot be a name, [`ErrorKind::NotFound`] for a name that
/// nobody has or that has no address, [`ErrorKind::Unsupported`] if there is nobody to ask, and
/// what went wrong with the last server otherwise.
pub(super) async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses = match Host::parse(host) {
        Ok(Host::Address(address)) => vec![address],
        Ok(Host::Localhost) => localhost().await,
        Ok(Host::Name(name)) => by_name(&name).await?,
        Err(error) => return Err(failed(ErrorKind::InvalidInput, host, error)),
    };
    let with_port = |address| SocketAddr::new(address, port);
    Ok(addresses.into_iter().map(with_port).collect())
}

/// Waits for [`lookup`].
pub(super) fn block(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut looking = pin!(lookup(host, port));
    let found = thread::wait(None, |waker| {
        looking.as_mut().poll(&mut Context::from_waker(waker))
    });
    found.expect("a wait without deadline ends with a result")
}

async fn localhost() -> Vec<IpAddr> {
    let (four, six) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    // Of the host's, if it is not this guest's, IPv6 counts only if it can be reached.
    match local::is_own(six) || speaks_ipv6().await.unwrap_or(false) {
        true => vec![four, six],
        false => vec![four],
    }
}

async fn by_name(name: &Name) -> io::Result<Vec<IpAddr>> {
    let listed: Vec<IpAddr> = hosts()?.addresses(name).collect();
    if !listed.is_empty() {
        return reachable(name, listed).await;
    }
    let ipv6 = speaks_ipv6().await?;
    let mut reasons = Reasons::default();
    match by_backend(name, ipv6).await {
        Ok(addresses) => return Ok(addresses),
        Err(SocketError::Host(HostError::NotFound)) => return Err(unknown(name)),
        Err(SocketError::Unsupported(_)) => {}
        Err(error) => reasons.add(kind(error), format_args!("the backend: {error}")),
    }
    let families = match ipv6 {
        true => &[Family::V4, Family::V6][..],
        false => &[Family::V4],
    };
    by_dns(name, families, reasons).await
}

/// Why nobody could tell so far.
#[derive(Default)]
struct Reasons {
    last: Option<ErrorKind>,
    text: String,
}

impl Reasons {
    fn add(&mut self, kind: ErrorKind, why: fmt::Arguments<'_>) {
        let between = if self.text.is_empty() { "" } else { "; " };
        // Writing to a String does not fail.
        let _ = write!(self.text, "{between}{why}");
        self.last = Some(kind);
    }

    fn into_error(self, name: &Name) -> Error {
        match self.last {
            Some(kind) => failed(kind, name, self.text),
            None => failed(
                ErrorKind::Unsupported,
                name,
                format_args!(
                    "nobody to ask: the backend looks up no names, and the command line has \
                     neither {DNS}=ADDRESS nor {HOSTS}={name}=ADDRESS"
                ),
            ),
        }
    }
}

/// The kind of what went wrong with the backend.
fn kind(error: SocketError) -> ErrorKind {
    match error {
        // "Try again" is no matter of non-blocking calls here.
        SocketError::Host(HostError::TryAgain) => ErrorKind::Other,
        other => Error::from(other).kind(),
    }
}

/// Asks the backend, that is, the host.
async fn by_backend(name: &Name, ipv6: bool) -> Result<Vec<IpAddr>, SocketError> {
    /// A lookup; dropping it gives it up.
    struct Lookup(CallId);
    impl Drop for Lookup {
        fn drop(&mut self) {
            driver::drop_call(self.0);
        }
    }
    // The device is up, or was: the driver tells.
    fn asked<T>(f: impl FnOnce(&mut Frontend<Xen>, u64) -> T) -> Result<T, SocketError> {
        driver::with(|frontend, now_ns| Ok::<_, Error>(f(frontend, now_ns)))
            .map_err(|_| SocketError::Away)
    }
    let family = match ipv6 {
        true => ResolveFamily::Any,
        false => ResolveFamily::V4,
    };
    let id = asked(|frontend, now_ns| frontend.resolve(name.as_str(), family, now_ns))??;
    let lookup = Lookup(id);
    poll_fn(|context| {
        let tried = asked(|frontend, _| frontend.try_resolve(lookup.0, context.waker()));
        match tried {
            Ok(Ok(addresses)) => Poll::Ready(Ok(addresses)),
            Ok(Err(TryError::WouldBlock)) => Poll::Pending,
            Ok(Err(TryError::Failed(error))) | Err(error) => Poll::Ready(Err(error)),
        }
    })
    .await
}

/// Those addresses that the backend can connect to.
async fn reachable(name: &Name, addresses: Vec<IpAddr>) -> io::Result<Vec<IpAddr>> {
    let needs_ipv6 = |address: &IpAddr| address.is_ipv6() && !local::is_own(*address);
    if !addresses.iter().any(needs_ipv6) || speaks_ipv6().await? {
        return Ok(addresses);
    }
    let rest: Vec<IpAddr> = addresses.into_iter().filter(|it| !needs_ipv6(it)).collect();
    match rest.is_empty() {
        true => Err(failed(
            ErrorKind::Unsupported,
            name,
            "it has IPv6 addresses only, and the backend does not speak IPv6",
        )),
        false => Ok(rest),
    }
}

/// Whether the backend speaks IPv6; brings the device up to find out.
async fn speaks_ipv6() -> io::Result<bool> {
    let mut start = Start::default();
    poll_fn(|context| start.poll(context.waker())).await?;
    driver::with(|frontend, _| Ok::<_, Error>(frontend.features().contains(Features::IPV6)))
}

/// Asks one server after the other until one has an answer.
async fn by_dns(name: &Name, families: &[Family], mut reasons: Reasons) -> io::Result<Vec<IpAddr>> {
    for server in servers()?.as_slice() {
        let asking = task::timeout(SERVER_TIME, ask(*server, name, families));
        match asking.await.unwrap_or_else(|late| Err(late.into())) {
            Ok(Outcome::Found(addresses)) => return Ok(addresses),
            Ok(Outcome::NoSuchName) => return Err(unknown(name)),
            Ok(Outcome::NoAddresses) => {
                let none = "No address associated with hostname";
                return Err(failed(ErrorKind::NotFound, name, none));
            }
            Err(error) => reasons.add(error.kind(), format_args!("DNS server {server}: {error}")),
        }
    }
    Err(reasons.into_error(name))
}

fn unknown(name: &Name) -> Error {
    failed(ErrorKind::NotFound, name, "Name or service not known")
}

/// Asks one server.
async fn ask(server: SocketAddr, name: &Name, families: &[Family]) -> io::Result<Outcome> {
    let bad_answer = |error| Error::new(ErrorKind::InvalidData, error);
    let mut exchange = Exchange::new(name, families, number());
    let mut opening = Opening::connect(server, &Options::new());
    let socket = poll_fn(|context| opening.poll(context.waker())).await?;
    write_all(&socket, exchange.request()).await?;
    let mut bytes = [0; 1024];
    loop {
        let count = poll_fn(|context| socket.poll_read(context.waker(), &mut bytes)).await?;
        let received = exchange.receive(&bytes[..count]).map_err(bad_answer)?;
        if count == 0 || received == Progress::Done {
            return exchange.finish().map_err(bad_answer);
        }
    }
}

async fn write_all(socket: &Socket, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = poll_fn(|context| socket.poll_write(context.waker(), rest)).await?;
        rest = &rest[count..];
    }
    Ok(())
}

/// A number for a question. Only who sees the connection could use it, so that it can be guessed on
/// a processor without random numbers does no harm.
fn number() -> u16 {
    let mut bytes = [0; 2];
    match Entropy::new().and_then(|entropy| entropy.try_fill(&mut bytes)) {
        Ok(()) => u16::from_le_bytes(bytes),
        Err(_) => {
            let [low, high, ..] = monotonic_ns().to_le_bytes();
            u16::from_le_bytes([low, high])
        }
    }
}

/// The list of hosts. One that makes no sense fails every lookup: names it has would be asked for
/// elsewhere.
fn hosts() -> io::Result<&'static Hosts> {
    static LIST: Once<Result<Hosts, resolver::BadHosts>> = Once::new();
    let list = LIST.call_once(|| Hosts::parse(&env::var(HOSTS).unwrap_or_default()));
    list.as_ref().map_err(|error| bad_variable(HOSTS, error))
}

/// The DNS servers.
fn servers() -> io::Result<&'static Servers> {
    static LIST: Once<Result<Servers, resolver::BadServers>> = Once::new();
    let list = LIST.call_once(|| Servers::parse(&env::var(DNS).unwrap_or_default()));
    list.as_ref().map_err(|error| bad_variable(DNS, error))
}

fn bad_variable(variable: &str, error: impl fmt::Display) -> Error {
    let text = alloc::format!("{variable}= on the command line: {error}");
    Error::new(ErrorKind::InvalidInput, text)
}

fn failed(kind: ErrorKind, name: impl fmt::Display, why: impl fmt::Display) -> Error {
    Error::new(kind, alloc::format!("{FAILED}: \"{name}\": {why}"))
}
