//! Both questions to one server, over one connection (RFC 7766).

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::host::Name;
use crate::message::{self, Answer, BadAnswer, Family};

/// The bytes before each message that say how long it is.
const LENGTH_BYTES: usize = 2;

/// A lookup with one server: what to send, and what came back so far.
#[derive(Debug)]
pub struct Exchange {
    name: Name,
    request: Vec<u8>,
    /// What was received of a message that is not complete.
    received: Vec<u8>,
    /// The questions, and their answers.
    questions: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    id: u16,
    family: Family,
    answer: Option<Answer>,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not all questions are answered.
    More,
    /// All are: [`Exchange::finish`].
    Done,
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The addresses, those of the first family first.
    Found(Vec<IpAddr>),
    /// The name exists, but has no address of the families asked for.
    NoAddresses,
    /// There is no such name.
    NoSuchName,
}

impl Exchange {
    /// Asks for addresses of those families, in that order. `id` should not be guessable.
    #[must_use]
    pub fn new(name: &Name, families: &[Family], id: u16) -> Self {
        let mut exchange = Self {
            name: name.clone(),
            request: Vec::new(),
            received: Vec::new(),
            questions: Vec::new(),
        };
        let mut id = id;
        for family in families {
            let question = message::question(name, *family, id);
            let question = question.expect("the longest name has room");
            let length = u16::try_from(question.len()).expect("at most 512 bytes");
            exchange.request.extend(length.to_be_bytes());
            exchange.request.extend_from_slice(question.as_ref());
            exchange.questions.push(Asked {
                id,
                family: *family,
                answer: None,
            });
            id = id.wrapping_add(1);
        }
        exchange
    }

    /// What to send to the server, all of it at once.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes bytes that the server sent.
    ///
    /// # Errors
    /// [`BadAnswer`]: ask another server.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Progress, BadAnswer> {
        let mut bytes = bytes;
        while !bytes.is_empty() && self.progress() == Progress::More {
            // Never more than one message at a time: what follows it may be too much.
            let wanted = self.missing();
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            self.received.extend_from_slice(now);
            bytes = later;
            if self.received.len() >= LENGTH_BYTES && self.missing() == 0 {
                let message = core::mem::take(&mut self.received);
                self.take(&message[LENGTH_BYTES..])?;
            }
        }
        Ok(self.progress())
    }

    /// What was found: to be asked when all is [`Done`](Progress::Done), or when the server has
    /// ended the connection: some answer only the first question of a connection.
    ///
    /// # Errors
    /// [`BadAnswer::Ended`] if the server has not said enough.
    pub fn finish(self) -> Result<Outcome, BadAnswer> {
        let complete = self.progress() == Progress::Done;
        let mut found = Vec::new();
        let mut exists = false;
        let mut missing = false;
        for asked in self.questions {
            match asked.answer {
                Some(Answer::Addresses(addresses)) => {
                    found.extend(addresses);
                    exists = true;
                }
                Some(Answer::NoSuchName) => missing = true,
                None => {}
            }
        }
        match (found.is_empty(), complete) {
            (false, _) => Ok(Outcome::Found(found)),
            // If there is no such name, that is so for all types of records.
            (true, _) if missing && !exists => Ok(Outcome::NoSuchName),
            (true, true) => Ok(Outcome::NoAddresses),
            (true, false) => Err(BadAnswer::Ended),
        }
    }

    fn progress(&self) -> Progress {
        match self.questions.iter().all(|asked| asked.answer.is_some()) {
            true => Progress::Done,
            false => Progress::More,
        }
    }

    /// How many bytes are missing in the length of the next message, or in the message.
    fn missing(&self) -> usize {
        match self.received[..] {
            [high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                LENGTH_BYTES + length - self.received.len()
            }
            _ => LENGTH_BYTES - self.received.len(),
        }
    }

    fn take(&mut self, message: &[u8]) -> Result<(), BadAnswer> {
        let id = message::id(message).ok_or(BadAnswer::Malformed)?;
        let mut open = self.questions.iter_mut().filter(|it| it.answer.is_none());
        let asked = open.find(|it| it.id == id).ok_or(BadAnswer::Unasked)?;
        asked.answer = Some(message::answer(message, &self.name, asked.family)?);
        Ok(())
    }
}
