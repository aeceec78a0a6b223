//! Datagrams between sockets of the guest.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::{destination, is_own, loopback_of, shown};
use crate::error::{Error, TryError};
use crate::loopback::Loopback;
use crate::socket::{Datagram, Packet, Socket, SocketId};

/// The longest payload of a datagram over IPv4, in bytes.
pub const DATAGRAM_BYTES: usize = 65507;
/// The longest payload of a datagram over IPv6, in bytes.
pub const DATAGRAM_BYTES_V6: usize = 65527;

/// What may wait in one socket, in bytes; Linux's default. What is more is dropped.
const QUEUE_BYTES: usize = 212_992;
/// What a datagram costs besides its payload, in bytes, so that empty ones are not free.
const OVERHEAD_BYTES: usize = 256;

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes were copied.
    pub bytes: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// There were more bytes than the caller had room for; they are lost if it was consumed.
    pub cut: bool,
}

impl Loopback {
    /// Makes a socket for datagrams at an address of the guest's, or at all of them. Port 0 asks
    /// for a free one.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    pub fn bind_datagram(&mut self, at: SocketAddr, only_v6: bool) -> Result<SocketId, Error> {
        let (id, local) = self.bind(at, only_v6, true)?;
        let datagram = Datagram {
            peer: None,
            only_v6,
            queue: VecDeque::new(),
            queued_bytes: 0,
        };
        self.sockets.insert(id, Socket::new(local, true, datagram));
        Ok(id)
    }

    /// Sets the default peer, or takes it back. While there is one, only its datagrams are
    /// received; what came before stays.
    ///
    /// # Errors
    /// As [`try_send_to`](Self::try_send_to) about the address.
    pub fn set_peer(&mut self, id: SocketId, peer: Option<SocketAddr>) -> Result<(), Error> {
        let peer = match peer {
            Some(peer) => {
                self.socket(id)?.datagram()?;
                Some(self.route(id, peer)?.1)
            }
            None => None,
        };
        self.socket(id)?.datagram()?.peer = peer;
        Ok(())
    }

    /// Sends a datagram, to the default peer if no receiver is given.
    ///
    /// Never waits: if the receiver's queue is full, the datagram is dropped, as UDP may.
    ///
    /// # Errors
    /// [`Error::NoDestination`] without a receiver; [`Error::MessageTooLong`];
    /// [`Error::AddressFamily`] for an address of the other family; [`Error::InvalidInput`] for
    /// one that is not the guest's, or port 0; [`Error::ConnectionRefused`] once, if an earlier
    /// datagram to the default peer met nobody; [`Error::OutOfMemory`].
    pub fn try_send_to(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> Result<(), TryError> {
        let socket = self.socket(id)?;
        let peer = socket.datagram()?.peer;
        if let Some(error) = socket.error.take() {
            return Err(error.into());
        }
        let to = match to {
            Some(to) => to,
            None => shown(peer.ok_or(Error::NoDestination)?, socket.is_v6()),
        };
        let (from, to) = self.route(id, to)?;
        let longest = match to {
            SocketAddr::V4(_) => DATAGRAM_BYTES,
            SocketAddr::V6(_) => DATAGRAM_BYTES_V6,
        };
        if bytes.len() > longest {
            return Err(Error::MessageTooLong.into());
        }
        match self.receiver(from, to) {
            Some(receiver) => self.deliver(receiver, from, bytes)?,
            // Who sends to many does not learn which of them is not there.
            None if peer == Some(to) => {
                let socket = self.sockets.get_mut(&id).ok_or(Error::NoSuchSocket)?;
                socket.error = Some(Error::ConnectionRefused);
                socket.wake_all(&mut self.wakes);
            }
            None => {}
        }
        Ok(())
    }

    /// Takes the oldest datagram, or looks at it. What `into` has no room for is cut.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if there is none; [`Error::ConnectionRefused`] once, if a
    /// datagram to the default peer met nobody.
    pub fn try_receive_from(
        &mut self,
        id: SocketId,
        into: &mut [u8],
        consume: bool,
    ) -> Result<Received, TryError> {
        let socket = self.socket(id)?;
        let is_v6 = socket.is_v6();
        socket.datagram()?;
        if let Some(error) = socket.error.take() {
            return Err(error.into());
        }
        let datagram = socket.datagram()?;
        let packet = datagram.queue.front().ok_or(TryError::WouldBlock)?;
        let count = packet.bytes.len().min(into.len());
        into[..count].copy_from_slice(&packet.bytes[..count]);
        let received = Received {
            bytes: count,
            from: shown(packet.from, is_v6),
            cut: count < packet.bytes.len(),
        };
        if consume && let Some(packet) = datagram.queue.pop_front() {
            datagram.queued_bytes -= packet.cost();
        }
        Ok(received)
    }

    /// Source and destination, in canonical form, of what `id` sends to an address.
    fn route(&mut self, id: SocketId, to: SocketAddr) -> Result<(SocketAddr, SocketAddr), Error> {
        let socket = self.socket(id)?;
        let (local, is_v6) = (socket.local, socket.is_v6());
        let only_v6 = socket.datagram()?.only_v6;
        if to.port() == 0 || !is_own(to.ip()) {
            return Err(Error::InvalidInput);
        }
        let target = destination(to);
        if to.is_ipv6() != is_v6 || (only_v6 && target.is_ipv4()) {
            return Err(Error::AddressFamily);
        }
        let own = local.ip().to_canonical();
        let from = match own.is_unspecified() {
            true => loopback_of(target.ip()),
            false if own.is_ipv4() != target.is_ipv4() => return Err(Error::AddressFamily),
            false => own,
        };
        Ok((SocketAddr::new(from, local.port()), target))
    }

    /// Who receives what is sent from one address to another.
    fn receiver(&mut self, from: SocketAddr, to: SocketAddr) -> Option<SocketId> {
        let id = self.udp.owners(to).next()?;
        let peer = self.socket(id).and_then(Socket::datagram).ok()?.peer;
        peer.is_none_or(|peer| peer == from).then_some(id)
    }

    fn deliver(&mut self, id: SocketId, from: SocketAddr, bytes: &[u8]) -> Result<(), Error> {
        let socket = self.sockets.get_mut(&id).ok_or(Error::NoSuchSocket)?;
        let datagram = socket.datagram()?;
        if datagram.queued_bytes + bytes.len() + OVERHEAD_BYTES > QUEUE_BYTES {
            self.dropped_datagrams += 1;
            return Ok(());
        }
        let mut copy = Vec::new();
        let room = copy.try_reserve_exact(bytes.len());
        room.map_err(|_| Error::OutOfMemory)?;
        copy.extend_from_slice(bytes);
        let packet = Packet { from, bytes: copy };
        datagram.queued_bytes += packet.cost();
        datagram.queue.push_back(packet);
        socket.readers.wake(&mut self.wakes);
        Ok(())
    }
}

impl Packet {
    /// What it takes of a queue, in bytes.
    fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD_BYTES
    }
}
