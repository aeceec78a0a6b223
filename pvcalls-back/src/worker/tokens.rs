//! Who an event of the operating system is for: packed into the one number that comes with it.

use mio::Token;

/// A socket of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketKey {
    /// Which session of the worker.
    pub(crate) session: usize,
    /// Which socket of the session.
    pub(crate) socket: usize,
    /// Which of those that had this place: events may come late.
    pub(crate) generation: u32,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Messages wait.
    Messages,
    /// Event channels were raised.
    Channels,
    /// A socket that its guest has released.
    Orphan(usize),
    /// A guest's socket.
    Socket(SocketKey),
}

const GENERATION_BITS: u32 = 24;
const SOCKET_BITS: u32 = 24;
const ORPHANS: usize = 0xFFFF;

/// So many sessions a worker can have.
pub(crate) const SESSIONS_MAX: usize = ORPHANS;
/// So many sockets a session can have, whatever its limits say.
pub(crate) const SOCKETS_MAX: u32 = 1 << SOCKET_BITS;
/// Generations are counted modulo this.
pub(crate) const GENERATIONS: u32 = 1 << GENERATION_BITS;

impl Subject {
    pub(crate) fn token(self) -> Token {
        let pack = |session: usize, socket: usize, generation: u32| {
            Token(
                session << (GENERATION_BITS + SOCKET_BITS)
                    | socket << GENERATION_BITS
                    | generation as usize,
            )
        };
        match self {
            Self::Messages => Token(usize::MAX),
            Self::Channels => Token(usize::MAX - 1),
            Self::Orphan(index) => pack(ORPHANS, index, 0),
            Self::Socket(key) => pack(key.session, key.socket, key.generation),
        }
    }

    pub(crate) fn of(token: Token) -> Self {
        let Token(bits) = token;
        match bits {
            usize::MAX => return Self::Messages,
            bits if bits == usize::MAX - 1 => return Self::Channels,
            _ => {}
        }
        let session = bits >> (GENERATION_BITS + SOCKET_BITS);
        let socket = bits >> GENERATION_BITS & (SOCKETS_MAX as usize - 1);
        if session == ORPHANS {
            return Self::Orphan(socket);
        }
        let generation = u32::try_from(bits & (GENERATIONS as usize - 1)).expect("24 bits");
        Self::Socket(SocketKey {
            session,
            socket,
            generation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whom_it_is_for() {
        let key = SocketKey {
            session: SESSIONS_MAX - 1,
            socket: SOCKETS_MAX as usize - 1,
            generation: GENERATIONS - 1,
        };
        let first = SocketKey {
            session: 0,
            socket: 0,
            generation: 0,
        };
        for subject in [
            Subject::Messages,
            Subject::Channels,
            Subject::Orphan(7),
            Subject::Socket(key),
            Subject::Socket(first),
        ] {
            assert_eq!(Subject::of(subject.token()), subject);
        }
    }
}
