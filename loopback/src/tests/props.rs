//! A stream against a model of it: two queues of bytes and two flags.

use std::prelude::v1::*;
use std::vec;

use std::collections::VecDeque;

use proptest::prelude::*;

use super::{pair, watch};
use crate::{BUFFER_BYTES, Error, How, Interest, Loopback, TryError};

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize),
    Read(usize),
    Peek(usize),
    EndWriting,
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let step = prop_oneof![
        6 => (1..BUFFER_BYTES + 10).prop_map(Step::Write),
        2 => (1..200_usize).prop_map(Step::Write),
        6 => (1..BUFFER_BYTES + 10).prop_map(Step::Read),
        2 => (1..200_usize).prop_map(Step::Read),
        1 => (1..200_usize).prop_map(Step::Peek),
        1 => Just(Step::EndWriting),
    ];
    proptest::collection::vec((any::<bool>(), step), 1..60)
}

/// What one end has sent that the other has not read, and whether it ended.
#[derive(Default)]
struct Direction {
    bytes: VecDeque<u8>,
    ended: bool,
    /// Of the next byte.
    next: u8,
}

proptest! {
    #[test]
    fn a_stream_is_two_queues(steps in steps()) {
        let mut net = Loopback::new();
        let (client, server) = pair(&mut net);
        let mut model = [Direction::default(), Direction::default()];
        for (from_server, step) in steps {
            let (me, other) = if from_server { (1, 0) } else { (0, 1) };
            let ids = [client, server];
            match step {
                Step::Write(count) => {
                    let reader = watch(&mut net, ids[other], Interest::Read);
                    let sent = &mut model[me];
                    let bytes: Vec<u8> = (0..count).map(|at| sent.next.wrapping_add(at.to_le_bytes()[0])).collect();
                    let room = BUFFER_BYTES - sent.bytes.len();
                    let expected = match (sent.ended, room) {
                        (true, _) => Err(Error::BrokenPipe.into()),
                        (false, 0) => Err(TryError::WouldBlock),
                        (false, room) => Ok(room.min(count)),
                    };
                    prop_assert_eq!(net.try_write(ids[me], &bytes), expected);
                    let count = expected.unwrap_or(0);
                    sent.bytes.extend(&bytes[..count]);
                    sent.next = sent.next.wrapping_add(count.to_le_bytes()[0]);
                    net.take_wakes().wake();
                    prop_assert_eq!(reader.count() > 0, count > 0);
                }
                Step::Read(count) | Step::Peek(count) => {
                    let writer = watch(&mut net, ids[other], Interest::Write);
                    let consume = matches!(step, Step::Read(_));
                    let come = &mut model[other];
                    let mut bytes = vec![0; count];
                    let expected = match (come.bytes.len(), come.ended) {
                        (0, true) => Ok(0),
                        (0, false) => Err(TryError::WouldBlock),
                        (there, _) => Ok(there.min(count)),
                    };
                    let result = if consume {
                        net.try_read(ids[me], &mut bytes)
                    } else {
                        net.peek(ids[me], &mut bytes)
                    };
                    prop_assert_eq!(result, expected);
                    let count = expected.unwrap_or(0);
                    let there: Vec<u8> = come.bytes.iter().take(count).copied().collect();
                    prop_assert_eq!(&bytes[..count], &there);
                    if consume {
                        come.bytes.drain(..count);
                    }
                    net.take_wakes().wake();
                    prop_assert_eq!(writer.count() > 0, consume && count > 0);
                }
                Step::EndWriting => {
                    let over = model[0].ended && model[1].ended;
                    let expected = if over { Err(Error::NotConnected) } else { Ok(()) };
                    prop_assert_eq!(net.shutdown(ids[me], How::Write), expected);
                    model[me].ended = true;
                    net.take_wakes().wake();
                }
            }
            let unread = model[0].bytes.len() + model[1].bytes.len();
            prop_assert_eq!(net.stats().unread_bytes, unread);
        }
    }
}
