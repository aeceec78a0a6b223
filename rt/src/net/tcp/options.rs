//! Options that streams and listeners have in the host.

use core::time::Duration;

use pvcalls_front::SocketOption;

use crate::io::{Error, ErrorKind, Result};
use crate::net::socket::Socket;

/// What [`SocketOption::Linger`] is at first.
pub(in crate::net) const LINGER_LONG: i64 = -1;

/// Sets an option. A backend without options has `fixed` for good.
pub(super) fn set(socket: &Socket, option: SocketOption, value: i64, fixed: i64) -> Result<()> {
    match socket.set_option(option, value).wait() {
        Err(error) if error.kind() == ErrorKind::Unsupported && value == fixed => Ok(()),
        result => result.map(drop),
    }
}

/// Asks for an option. A backend without options has `fixed` for good, if that is known.
pub(super) fn get(socket: &Socket, option: SocketOption, fixed: Option<i64>) -> Result<i64> {
    match (socket.option(option).wait(), fixed) {
        (Err(error), Some(fixed)) if error.kind() == ErrorKind::Unsupported => Ok(fixed),
        (result, _) => result,
    }
}

/// As the host wants it told.
pub(in crate::net) fn linger_ms(linger: Option<Duration>) -> i64 {
    let ms = match linger {
        None => LINGER_LONG,
        // Less than a millisecond is not nothing.
        Some(linger) => i64::try_from(linger.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX),
    };
    // The most that the protocol can say is weeks.
    ms.min(i64::from(u32::MAX))
}

pub(super) fn set_linger(socket: &Socket, linger: Option<Duration>) -> Result<()> {
    let ms = linger_ms(linger);
    set(socket, SocketOption::Linger, ms, LINGER_LONG)?;
    socket.note_linger(linger);
    Ok(())
}

pub(super) fn linger(socket: &Socket) -> Result<Option<Duration>> {
    let ms = get(socket, SocketOption::Linger, Some(LINGER_LONG))?;
    Ok(u64::try_from(ms).ok().map(Duration::from_millis))
}

pub(in crate::net) fn set_ttl(socket: &Socket, ttl: u32) -> Result<()> {
    let call = socket.set_option(SocketOption::Ttl, i64::from(ttl));
    call.wait().map(drop)
}

pub(in crate::net) fn ttl(socket: &Socket) -> Result<u32> {
    let ttl = socket.option(SocketOption::Ttl).wait()?;
    u32::try_from(ttl).map_err(|_| Error::new(ErrorKind::InvalidData, "the host's TTL is negative"))
}
