//! Whole sockets: what most probes want to have, made from single requests.

use core::net::SocketAddrV4;
use core::sync::atomic::{AtomicU64, Ordering};

use rt::io::Result;

use crate::device::Device;
use crate::ensure;
use crate::stream::{PATIENCE_MS, Ring};
use crate::wire::Request;

/// A number that no socket had before.
pub(crate) fn new_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed) | 0x5a5a_0000_0000
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: u64,
    pub(crate) ring: Ring,
}

impl Stream {
    /// SOCKET and CONNECT, both of which must work.
    pub(crate) fn connect(device: &mut Device, to: SocketAddrV4, order: u32) -> Result<Stream> {
        let ring = Ring::new(device.peer(), order)?;
        Stream::connect_with(device, to, ring)
    }

    /// As [`Stream::connect`], with a ring that may have been used before.
    pub(crate) fn connect_with(
        device: &mut Device,
        to: SocketAddrV4,
        ring: Ring,
    ) -> Result<Stream> {
        let id = new_id();
        device.expect("SOCKET", 0, Request::socket(id))?;
        device.expect("CONNECT", 0, Request::connect(id, to, &ring))?;
        Ok(Stream { id, ring })
    }

    /// RELEASE, which must work and give the ring back.
    pub(crate) fn release(self, device: &mut Device) -> Result<()> {
        let request_id = device.send(Request::release(self.id))?;
        self.released(device, request_id, PATIENCE_MS)
    }

    /// The rest of [`Stream::release`], once the request is sent.
    pub(crate) fn released(self, device: &mut Device, request_id: u32, ms: u64) -> Result<()> {
        let ret = device.answer_in(request_id, ms)?.ret();
        ensure!(ret == 0, "RELEASE: answered {ret}");
        let mapped = self.ring.still_mapped();
        ensure!(mapped == 0, "{mapped} pages are mapped after RELEASE");
        Ok(())
    }
}

/// A listener at `at`: SOCKET, BIND and LISTEN, all of which must work.
pub(crate) fn listen(device: &mut Device, at: SocketAddrV4, backlog: u32) -> Result<u64> {
    let id = new_id();
    device.expect("SOCKET", 0, Request::socket(id))?;
    device.expect("BIND", 0, Request::bind(id, at))?;
    device.expect("LISTEN", 0, Request::listen(id, backlog))?;
    Ok(id)
}
