//! What becomes of a request: sent on, or answered here.

use alloc::borrow::ToOwned;

use super::{
    Client, Errno, Header, LEFT_TO_OTHERS, MessageType, REPLIES_MAX, Reply, Stream, TransactionId,
    TransactionStart, UnderWay, Watched,
};
use crate::{Path, SubmitError};

/// Why a request is not under way.
enum Outcome {
    /// It is answered: by this error, or by OK.
    Answered(Result<(), Errno>),
    /// There is no room for it now.
    Later,
}

impl From<Errno> for Outcome {
    fn from(errno: Errno) -> Outcome {
        Outcome::Answered(Err(errno))
    }
}

impl From<SubmitError> for Outcome {
    fn from(error: SubmitError) -> Outcome {
        match error {
            SubmitError::TooManyRequests => Outcome::Later,
            SubmitError::TooLong { .. } | SubmitError::TooManyWatches => Errno::E2BIG.into(),
            SubmitError::NoSuchWatch => Errno::ENOENT.into(),
            // Told by the next call.
            SubmitError::Ended(_) => Errno::EIO.into(),
        }
    }
}

impl Stream {
    /// Hands over the gathered request if it is whole and there is room.
    pub(super) fn submit_gathered(&mut self, client: &mut Client) {
        let Some(header) = self.gather.header().filter(|_| self.gather.is_whole()) else {
            return;
        };
        if self.owed() >= REPLIES_MAX {
            return;
        }
        match self.submit(client, header) {
            Ok(reply) => self.under_way.push_back(UnderWay { header, reply }),
            Err(Outcome::Later) => return,
            Err(Outcome::Answered(Ok(()))) => self.push(header, b"OK\0"),
            Err(Outcome::Answered(Err(errno))) => self.refuse(header, errno),
        }
        self.gather.clear();
    }

    fn submit(&mut self, client: &mut Client, header: Header) -> Result<Reply, Outcome> {
        let message_type = MessageType::from_number(header.message_type).ok_or(Errno::ENOSYS)?;
        let number = header.transaction_id;
        if number != 0 && !self.transactions.contains(&number) {
            return Err(Errno::ENOENT.into());
        }
        let transaction = TransactionId::from_number(number);
        if message_type == MessageType::ResetWatches {
            // Sent on, it would end what others have as well.
            self.reset(client);
            return Err(Outcome::Answered(Ok(())));
        }
        if client.room() <= LEFT_TO_OTHERS {
            return Err(Outcome::Later);
        }
        let payload = self.gather.payload();
        match message_type {
            // Not requests.
            MessageType::WatchEvent | MessageType::Error => Err(Errno::ENOSYS.into()),
            MessageType::Watch => self.watch(client),
            MessageType::Unwatch => self.unwatch(client),
            // As the server says it; the reply must be understood, so the request must be as it is.
            MessageType::TransactionStart if number != 0 => Err(Errno::EBUSY.into()),
            MessageType::TransactionStart => {
                let pending = client.submit(&TransactionStart, TransactionId::NONE)?;
                Ok(Reply::Start(pending, false))
            }
            MessageType::TransactionEnd => {
                // Otherwise the server would refuse, and the transaction would be open still.
                if number == 0 || ![&b"T\0"[..], b"F\0"].contains(&payload) {
                    let errno = if number == 0 {
                        Errno::ENOENT
                    } else {
                        Errno::EINVAL
                    };
                    return Err(errno.into());
                }
                let pending = client.submit_raw(message_type, transaction, payload)?;
                // Whatever the answer is: after it the transaction is no more.
                self.transactions.remove(&number);
                Ok(Reply::Plain(pending))
            }
            _ => {
                let pending = client.submit_raw(message_type, transaction, payload)?;
                Ok(Reply::Plain(pending))
            }
        }
    }

    fn watch(&mut self, client: &mut Client) -> Result<Reply, Outcome> {
        let (path, token) = path_and_token(self.gather.payload()).ok_or(Errno::EINVAL)?;
        if self.watches.iter().any(|watched| watched.is(path, token)) {
            return Err(Errno::EEXIST.into());
        }
        let (ours, pending) = client.watch(path)?;
        self.watches.push(Watched {
            path: path.as_str().to_owned(),
            token: token.to_owned(),
            ours,
            agreed: false,
        });
        Ok(Reply::Watch(ours, pending))
    }

    fn unwatch(&mut self, client: &mut Client) -> Result<Reply, Outcome> {
        let (path, token) = path_and_token(self.gather.payload()).ok_or(Errno::EINVAL)?;
        let place = self
            .watches
            .iter()
            .position(|watched| watched.is(path, token))
            .ok_or(Errno::ENOENT)?;
        let pending = client.unwatch(self.watches[place].ours)?;
        self.watches.remove(place);
        Ok(Reply::Unwatch(pending))
    }
}

impl Watched {
    fn is(&self, path: Path<'_>, token: &[u8]) -> bool {
        self.path == path.as_str() && self.token == token
    }
}

/// The two strings of a payload, the first of which must be a path.
fn path_and_token(payload: &[u8]) -> Option<(Path<'_>, &[u8])> {
    let mut strings = payload.strip_suffix(b"\0")?.split(|byte| *byte == 0);
    let (path, token, None) = (strings.next()?, strings.next()?, strings.next()) else {
        return None;
    };
    let path = Path::new(core::str::from_utf8(path).ok()?).ok()?;
    Some((path, token))
}
