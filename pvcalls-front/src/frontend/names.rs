//! The addresses of both ends.

use core::net::SocketAddr;

use super::Frontend;
use crate::error::SocketError;
use crate::platform::Platform;
use crate::socket::{Kind, State};
use crate::units::SocketId;

impl<P: Platform> Frontend<P> {
    /// The local address, as the guest sees it: where the host maps a port, the one that the guest
    /// bound.
    ///
    /// # Errors
    /// [`SocketError::NoSuchSocket`]; [`SocketError::NotConnected`] or the failure of a socket that
    /// was never opened; [`SocketError::Unsupported`] if the backend does not tell and this side
    /// cannot know; [`SocketError::BadAnswer`] if it told what cannot be.
    pub fn local_addr(&mut self, id: SocketId) -> Result<SocketAddr, SocketError> {
        let socket = self.opened(id)?;
        let (known, _) = socket.role.known_names();
        socket.names.local().or_else(|error| known.ok_or(error))
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// As [`local_addr`](Self::local_addr); [`SocketError::NotConnected`] for a socket that has no
    /// other end.
    pub fn peer_addr(&mut self, id: SocketId) -> Result<SocketAddr, SocketError> {
        let socket = self.opened(id)?;
        let (_, known) = socket.role.known_names();
        let may_have_none = matches!(socket.role.kind(), Kind::Datagram | Kind::Listener);
        if known.is_none() && may_have_none {
            return Err(SocketError::NotConnected);
        }
        socket.names.peer().or_else(|error| known.ok_or(error))
    }

    /// A socket that is open, or was.
    fn opened(&mut self, id: SocketId) -> Result<&mut crate::socket::Socket, SocketError> {
        let socket = self.socket(id)?;
        match (socket.was_open, socket.state()) {
            (false, State::Creating | State::Binding | State::Opening) => {
                Err(SocketError::NotConnected)
            }
            (false, _) => Err(socket.failure.unwrap_or(SocketError::NotConnected)),
            (true, _) => Ok(socket),
        }
    }
}
