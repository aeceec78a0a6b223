//! One TLS connection over any stream of bytes.
//!
//! rustls without std owns no buffers: each turn it is shown what came and says what to do
//! next. [`Session`] holds the buffers and does it.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{ClientConfig, Error as TlsError};

/// What TLS runs over.
pub trait Transport {
    /// Why it fails.
    type Error;

    /// Reads what is there, waiting for the first byte; 0 at the end.
    fn receive(&mut self, into: &mut [u8]) -> Result<usize, Self::Error>;

    /// Writes all of it.
    fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Why a session failed.
#[derive(Debug)]
pub enum Error<E> {
    /// The stream below.
    Transport(E),
    /// The peer, or what it showed.
    Tls(TlsError),
    /// The stream ended without TLS having said so: what was received may have been cut off.
    Truncated,
}

impl<E> From<TlsError> for Error<E> {
    fn from(error: TlsError) -> Self {
        Error::Tls(error)
    }
}

/// The largest record, as it is on the wire (RFC 8446, 5.2).
const RECORD_BYTES: usize = 5 + (1 << 14) + 256;
/// The largest message of a handshake that rustls takes, and a record more.
const MOST_UNREAD: usize = (1 << 16) + RECORD_BYTES;

/// One connection, in the role of the client.
pub struct Session<T> {
    connection: UnbufferedClientConnection,
    transport: T,
    /// What came and is not understood yet: `incoming[..filled]`.
    incoming: Vec<u8>,
    filled: usize,
    outgoing: Vec<u8>,
    /// What the peer said: `plain[taken..]` has not been read yet.
    plain: Vec<u8>,
    taken: usize,
    closed: bool,
}

impl<T: Transport> Session<T> {
    /// Shakes hands with the server `name`. It has shown a certificate that `config` trusts,
    /// for that name, when this returns.
    pub fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        transport: T,
    ) -> Result<Self, Error<T::Error>> {
        let mut session = Session {
            connection: UnbufferedClientConnection::new(config, name)?,
            transport,
            incoming: vec![0; RECORD_BYTES],
            filled: 0,
            outgoing: Vec::new(),
            plain: Vec::new(),
            taken: 0,
            closed: false,
        };
        while !session.turn(&[])? {
            session.receive()?;
        }
        Ok(session)
    }

    /// Encrypts and sends all of it.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error<T::Error>> {
        // One turn may find something else to do first.
        while !self.turn(bytes)? {
            self.receive()?;
        }
        Ok(())
    }

    /// Reads what is there, waiting for the first byte; 0 when the peer has ended the session.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Error<T::Error>> {
        loop {
            let unread = &self.plain[self.taken..];
            if !unread.is_empty() {
                let count = unread.len().min(into.len());
                into[..count].copy_from_slice(&unread[..count]);
                self.taken += count;
                return Ok(count);
            }
            if self.closed || into.is_empty() {
                return Ok(0);
            }
            self.plain.clear();
            self.taken = 0;
            self.turn(&[])?;
            if self.plain.is_empty() && !self.closed {
                self.receive()?;
            }
        }
    }

    /// The version and the algorithms agreed on, for people.
    pub fn suite(&self) -> Option<rustls::CipherSuite> {
        self.connection
            .negotiated_cipher_suite()
            .map(|suite| suite.suite())
    }

    /// Waits for more from the peer.
    fn receive(&mut self) -> Result<(), Error<T::Error>> {
        if self.filled == self.incoming.len() {
            if self.filled >= MOST_UNREAD {
                return Err(TlsError::General("a message without end".into()).into());
            }
            self.incoming.resize(MOST_UNREAD, 0);
        }
        let rest = &mut self.incoming[self.filled..];
        match self.transport.receive(rest).map_err(Error::Transport)? {
            0 => Err(Error::Truncated),
            count => {
                self.filled += count;
                Ok(())
            }
        }
    }

    /// Does what can be done without receiving, then sends `bytes` if the handshake is over.
    /// Returns whether it is.
    fn turn(&mut self, bytes: &[u8]) -> Result<bool, Error<T::Error>> {
        loop {
            let unread = &mut self.incoming[..self.filled];
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(unread);
            let mut done = None;
            match state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    let place = self.outgoing.len();
                    if let Err(EncodeError::InsufficientSize(needs)) = data.encode(&mut []) {
                        self.outgoing.resize(place + needs.required_size, 0);
                        data.encode(&mut self.outgoing[place..])
                            .map_err(|_| TlsError::EncryptError)?;
                    }
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    let sent = self.transport.send(&self.outgoing);
                    self.outgoing.clear();
                    sent.map_err(Error::Transport)?;
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        self.plain.extend_from_slice(record?.payload);
                    }
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    if !bytes.is_empty() {
                        // The first call only asks how much room it takes.
                        if let Err(EncryptError::InsufficientSize(needs)) =
                            traffic.encrypt(bytes, &mut [])
                        {
                            self.outgoing.resize(needs.required_size, 0);
                        }
                        let count = traffic
                            .encrypt(bytes, &mut self.outgoing)
                            .map_err(|_| TlsError::EncryptError)?;
                        let sent = self.transport.send(&self.outgoing[..count]);
                        self.outgoing.clear();
                        sent.map_err(Error::Transport)?;
                    }
                    done = Some(true);
                }
                Ok(ConnectionState::BlockedHandshake) => done = Some(false),
                Ok(ConnectionState::PeerClosed) => self.closed = true,
                Ok(ConnectionState::Closed) => {
                    self.closed = true;
                    done = Some(true);
                }
                // Others are for servers.
                Ok(_) => return Err(TlsError::General("an unknown state".into()).into()),
                Err(error) => {
                    self.discard(discard);
                    self.say_why();
                    return Err(error.into());
                }
            }
            self.discard(discard);
            if let Some(done) = done {
                return Ok(done);
            }
        }
    }

    /// Sends the alert that tells the peer what was wrong with it, as far as that goes.
    fn say_why(&mut self) {
        let unread = &mut self.incoming[..self.filled];
        let state = self.connection.process_tls_records(unread).state;
        if let Ok(ConnectionState::EncodeTlsData(mut data)) = state
            && let Err(EncodeError::InsufficientSize(needs)) = data.encode(&mut [])
        {
            self.outgoing.resize(needs.required_size, 0);
            if data.encode(&mut self.outgoing).is_ok() {
                // The error that is reported is the one before.
                let _ = self.transport.send(&self.outgoing);
            }
        }
    }

    fn discard(&mut self, count: usize) {
        self.incoming.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
