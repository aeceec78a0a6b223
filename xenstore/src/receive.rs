//! Puts messages together from the pieces in which a stream delivers them.

use alloc::vec::Vec;

use crate::ProtocolError;
use crate::wire::{HEADER_BYTES, Header, MessageType, PAYLOAD_MAX};

/// A whole message; type and size are checked, the content is not.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) message_type: MessageType,
    pub(crate) request_id: u32,
    pub(crate) payload: Vec<u8>,
}

/// The message being received. It never holds more than one header and one payload.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    /// Once the header is complete: its type and id, what came so far, and how much is to come.
    body: Option<(Message, usize)>,
}

impl Receiver {
    /// Takes bytes from the front of `bytes` until a message is complete or none are left.
    pub(crate) fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Message>, ProtocolError> {
        if self.body.is_none() {
            let piece = take(bytes, HEADER_BYTES - self.header_bytes);
            self.header[self.header_bytes..][..piece.len()].copy_from_slice(piece);
            self.header_bytes += piece.len();
            if self.header_bytes < HEADER_BYTES {
                return Ok(None);
            }
            self.body = Some(begin(Header::from_bytes(self.header))?);
        }
        let Some((message, payload_bytes)) = &mut self.body else {
            return Ok(None);
        };
        message
            .payload
            .extend_from_slice(take(bytes, *payload_bytes - message.payload.len()));
        if message.payload.len() < *payload_bytes {
            return Ok(None);
        }
        self.header_bytes = 0;
        Ok(self.body.take().map(|(message, _)| message))
    }
}

/// Checks a header before any payload is waited for, so that a lying length cannot stall the stream.
fn begin(header: Header) -> Result<(Message, usize), ProtocolError> {
    let Header {
        message_type,
        request_id,
        payload_bytes,
        ..
    } = header;
    let message_type = MessageType::from_number(message_type)
        .ok_or(ProtocolError::UnknownType { message_type })?;
    let bytes = payload_bytes as usize;
    if bytes > PAYLOAD_MAX {
        return Err(ProtocolError::Oversized {
            bytes: payload_bytes,
        });
    }
    Ok((
        Message {
            message_type,
            request_id,
            payload: Vec::with_capacity(bytes),
        },
        bytes,
    ))
}

/// Splits up to `max` bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], max: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(max.min(bytes.len()));
    *bytes = rest;
    taken
}
