//! From names of hosts to addresses.
//!
//! In this order: what is an address; `localhost`, which is always this guest; the list `hosts=` of
//! the command line; DNS over TCP to the servers in `dns=`. The first that knows the name decides.
//! Addresses of IPv6 are only told when the backend speaks it, but for those of this guest.
//!
//! One implementation serves blocking and async code: [`lookup`] is a future, and [`block`] waits
//! for it.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;
use core::future::poll_fn;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::pin::pin;
use core::task::Context;
use core::time::Duration;

use kernel::thread;
use kernel::time::monotonic_ns;
use pvcalls_front::Features;
use resolver::{Exchange, Family, Host, Hosts, Name, Outcome, Progress, Servers};
use spin::Once;

use super::Options;
use super::driver::{self, Start};
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
    let families = match speaks_ipv6().await? {
        true => &[Family::V4, Family::V6][..],
        false => &[Family::V4],
    };
    by_dns(name, families).await
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
async fn by_dns(name: &Name, families: &[Family]) -> io::Result<Vec<IpAddr>> {
    let servers = servers()?.as_slice();
    let mut kind = ErrorKind::Unsupported;
    let mut reasons = String::new();
    for server in servers {
        let asking = task::timeout(SERVER_TIME, ask(*server, name, families));
        match asking.await.unwrap_or_else(|late| Err(late.into())) {
            Ok(Outcome::Found(addresses)) => return Ok(addresses),
            Ok(Outcome::NoSuchName) => {
                let unknown = "Name or service not known";
                return Err(failed(ErrorKind::NotFound, name, unknown));
            }
            Ok(Outcome::NoAddresses) => {
                let none = "No address associated with hostname";
                return Err(failed(ErrorKind::NotFound, name, none));
            }
            Err(error) => {
                kind = error.kind();
                let between = if reasons.is_empty() { "" } else { "; " };
                // Writing to a String does not fail.
                let _ = write!(reasons, "{between}DNS server {server}: {error}");
            }
        }
    }
    if servers.is_empty() {
        reasons = alloc::format!(
            "nobody to ask: the backend looks up no names, and the command line has neither \
             {DNS}=ADDRESS nor {HOSTS}={name}=ADDRESS"
        );
    }
    Err(failed(kind, name, reasons))
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

fn bad_variable(variable: &str, error: impl core::fmt::Display) -> Error {
    let text = alloc::format!("{variable}= on the command line: {error}");
    Error::new(ErrorKind::InvalidInput, text)
}

fn failed(kind: ErrorKind, name: impl core::fmt::Display, why: impl core::fmt::Display) -> Error {
    Error::new(kind, alloc::format!("{FAILED}: \"{name}\": {why}"))
}
