//! Options of the host's sockets, by the names and ranges of `docs/extensions.md`.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

use crate::abi::Family;
use crate::errno::Errno;
use crate::net::HostSocket;

/// An option that the host's kernel keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostOption {
    /// Small segments are sent at once.
    NoDelay,
    /// Seconds of silence before a probe; 0: none.
    KeepAlive,
    /// Hops.
    Ttl,
    /// Bytes.
    SendBuffer,
    /// Bytes.
    ReceiveBuffer,
    /// Datagrams to everybody.
    Broadcast,
    /// No IPv4 over an IPv6 socket.
    OnlyV6,
}

fn flag(value: i64) -> Result<bool, Errno> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Errno::EINVAL),
    }
}

fn within(value: i64, range: std::ops::RangeInclusive<u32>) -> Result<u32, Errno> {
    let value = u32::try_from(value).map_err(|_| Errno::EINVAL)?;
    range.contains(&value).then_some(value).ok_or(Errno::EINVAL)
}

/// Sets an option.
///
/// # Errors
/// `EINVAL` for a value out of range; the kernel's.
pub fn set(
    socket: &HostSocket,
    option: HostOption,
    family: Family,
    value: i64,
) -> Result<(), Errno> {
    let fd = socket.as_fd();
    match option {
        HostOption::NoDelay => sockopt::set_tcp_nodelay(fd, flag(value)?)?,
        HostOption::KeepAlive => {
            let seconds = within(value, 0..=32767)?;
            if seconds > 0 {
                sockopt::set_tcp_keepidle(fd, Duration::from_secs(seconds.into()))?;
            }
            sockopt::set_socket_keepalive(fd, seconds > 0)?;
        }
        HostOption::Ttl => {
            let hops = within(value, 1..=255)?;
            match family {
                Family::V4 => sockopt::set_ip_ttl(fd, hops)?,
                Family::V6 => {
                    let hops = u8::try_from(hops).expect("at most 255");
                    sockopt::set_ipv6_unicast_hops(fd, Some(hops))?;
                }
            }
        }
        HostOption::SendBuffer => {
            let bytes = within(value, 1..=i32::MAX.unsigned_abs())?;
            sockopt::set_socket_send_buffer_size(fd, bytes as usize)?;
        }
        HostOption::ReceiveBuffer => {
            let bytes = within(value, 1..=i32::MAX.unsigned_abs())?;
            sockopt::set_socket_recv_buffer_size(fd, bytes as usize)?;
        }
        HostOption::Broadcast => sockopt::set_socket_broadcast(fd, flag(value)?)?,
        HostOption::OnlyV6 => sockopt::set_ipv6_v6only(fd, flag(value)?)?,
    }
    Ok(())
}

/// What an option is.
///
/// # Errors
/// The kernel's.
pub fn get(socket: &HostSocket, option: HostOption, family: Family) -> Result<i64, Errno> {
    let fd = socket.as_fd();
    let bytes = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
    Ok(match option {
        HostOption::NoDelay => sockopt::tcp_nodelay(fd)?.into(),
        HostOption::KeepAlive if !sockopt::socket_keepalive(fd)? => 0,
        HostOption::KeepAlive => {
            i64::try_from(sockopt::tcp_keepidle(fd)?.as_secs()).unwrap_or(i64::MAX)
        }
        HostOption::Ttl => match family {
            Family::V4 => sockopt::ip_ttl(fd)?.into(),
            Family::V6 => sockopt::ipv6_unicast_hops(fd)?.into(),
        },
        HostOption::SendBuffer => bytes(sockopt::socket_send_buffer_size(fd)?),
        HostOption::ReceiveBuffer => bytes(sockopt::socket_recv_buffer_size(fd)?),
        HostOption::Broadcast => sockopt::socket_broadcast(fd)?.into(),
        HostOption::OnlyV6 => sockopt::ipv6_v6only(fd)?.into(),
    })
}

/// The socket's own last error, forgotten by asking.
#[must_use]
pub fn take_error(socket: &HostSocket) -> Option<Errno> {
    match sockopt::socket_error(socket) {
        Ok(Ok(())) => None,
        Ok(Err(error)) | Err(error) => Some(error.into()),
    }
}
