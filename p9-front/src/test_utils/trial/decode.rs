//! Any bytes as a message.

use alloc::vec::Vec;

use crate::wire::{Expected, Kind, MAX_WALK, Request, Response};
use crate::{Errno, Error};

/// Reads the bytes as an answer, to a request of a kind and with a limit that the first five of them
/// choose, and as a request.
///
/// # Panics
/// If more comes out of an answer than was asked for or is in the message, or a request is not the
/// bytes that it was read from.
pub fn fuzz_decode(data: &[u8]) {
    let Some(([kind, limit @ ..], message)) = data.split_first_chunk::<5>() else {
        return;
    };
    let kind = Kind::ALL[usize::from(*kind) % Kind::ALL.len()];
    let limit = u32::from_le_bytes(*limit);
    match Response::decode(Expected { kind, limit }, message.to_vec()) {
        Ok(Ok(response)) => check(&response, limit, message),
        Ok(Err(errno)) => assert!(Errno::new(errno.number()).is_some()),
        Err(error) => assert!(matches!(error, Error::Answer(_)), "{error}"),
    }
    let mut names = [[].as_slice(); MAX_WALK];
    if let Ok((tag, request)) = Request::decode(message, &mut names) {
        let mut again = Vec::new();
        let rest = request
            .encode(tag, &mut again)
            .expect("it was short enough");
        again.extend_from_slice(rest);
        // Flags that mean nothing, and numbers that are not set, are not kept.
        assert_eq!(again.len(), message.len(), "{request:?}");
    }
}

fn check(response: &Response, limit: u32, message: &[u8]) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match response {
        Response::Version { version, .. } => assert!(version.len() < message.len()),
        Response::Walked(qids) => assert!(qids.len() <= limit && qids.len() < message.len()),
        Response::Link(target) => {
            assert!(target.len() < message.len() && !target.contains(&0));
        }
        Response::Directory(data) => {
            assert!(data.len() <= limit && data.len() < message.len());
            // Each has a name, and what is before it has 24 bytes.
            assert!(data.entries().count() <= data.len().div_ceil(24));
        }
        Response::Data(data) => assert!(data.len() <= limit && data.len() < message.len()),
        Response::Written(count) => assert!(*count as usize <= limit),
        Response::Attached(_)
        | Response::Opened { .. }
        | Response::Made(_)
        | Response::Attributes(_)
        | Response::Locked(_)
        | Response::Statfs(_)
        | Response::Done => {}
    }
}
