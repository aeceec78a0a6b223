//! The traits by which portable crates ask for sockets, each behind a feature of its name.
//!
//! | file | traits |
//! |---|---|
//! | `embedded_nal.rs` | `TcpClientStack`, `TcpFullStack`, `Dns`: polled |
//! | `embedded_nal_async.rs` | `TcpConnect`, `UdpStack`, `Dns` |
//! | `edge_nal.rs` | `TcpConnect`, `TcpBind`, `TcpAccept`, `TcpSplit`, `TcpShutdown`, `Readable`, `Dns` |
//! | `edge_nal_udp.rs` | `UdpBind`, `UdpConnect`, `UdpSplit`, `UdpReceive`, `UdpSend`, `Readable` |
//! | `picoserve.rs` | `Socket`, `Write`, `Timer` |

#[cfg(feature = "edge-nal")]
mod edge_nal;
#[cfg(feature = "edge-nal")]
mod edge_nal_udp;
#[cfg(feature = "embedded-nal")]
pub mod embedded_nal;
#[cfg(feature = "embedded-nal-async")]
mod embedded_nal_async;
#[cfg(feature = "picoserve")]
pub mod picoserve;

/// The host's sockets, as a value: what code that is generic over network stacks is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stack;

impl Stack {
    /// The one there is.
    #[must_use]
    pub fn new() -> Stack {
        Stack
    }
}

/// Which addresses of a name are wanted.
#[cfg(any(
    feature = "edge-nal",
    feature = "embedded-nal",
    feature = "embedded-nal-async"
))]
#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
    Either,
}

/// The best address of a name.
#[cfg(any(feature = "edge-nal", feature = "embedded-nal-async"))]
async fn host_by_name(host: &str, family: Family) -> crate::io::Result<core::net::IpAddr> {
    let found = super::aio::lookup_host(host, 0).await?;
    best(found, family)
}

#[cfg(any(
    feature = "edge-nal",
    feature = "embedded-nal",
    feature = "embedded-nal-async"
))]
fn best(
    found: impl IntoIterator<Item = core::net::SocketAddr>,
    family: Family,
) -> crate::io::Result<core::net::IpAddr> {
    let wanted = |address: &core::net::SocketAddr| match family {
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
        Family::Either => true,
    };
    let address = found.into_iter().find(wanted);
    address.map(|address| address.ip()).ok_or_else(|| {
        crate::io::Error::new(
            crate::io::ErrorKind::NotFound,
            "the host has no address of that family",
        )
    })
}

/// Nobody here knows names of addresses.
#[cfg(any(
    feature = "edge-nal",
    feature = "embedded-nal",
    feature = "embedded-nal-async"
))]
fn no_reverse_lookup<T>() -> crate::io::Result<T> {
    Err(crate::io::Error::new(
        crate::io::ErrorKind::Unsupported,
        "the name of an address cannot be looked up",
    ))
}
