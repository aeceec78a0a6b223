//! What comes in, and what an answer does.

use alloc::vec::Vec;

use xen_front::platform::Platform;

use super::calls::{Owner, Stage};
use super::ring::Arrived;
use super::{Fault, Session};
use crate::Error;
use crate::wire::{Expected, Response, Tag};

/// So many answers to what was not asked, and the backend is not worth listening to. None is known
/// that sends one.
const BAD_ANSWERS: u64 = 1024;

impl<P: Platform> Session<P> {
    /// Takes what a ring holds; no more than it held when that was begun.
    pub(super) fn receive(&mut self, number: usize, now_ns: u64) {
        if self.fault.is_none()
            && let Err(fault) = self.take_messages(number, now_ns)
        {
            self.break_session(fault);
        }
    }

    fn take_messages(&mut self, number: usize, now_ns: u64) -> Result<(), Fault> {
        let lane = &mut self.lanes[number];
        lane.input.refresh(&lane.ring)?;
        lane.output.refresh(&lane.ring)?;
        loop {
            let (lane, calls) = (&mut self.lanes[number], &self.calls);
            let arrived = lane.input.next(&lane.ring, self.msize, |header| {
                calls
                    .sent(header.tag, number)
                    .is_some_and(|it| it.is_wanted())
            })?;
            match arrived {
                Some(arrived) => self.arrived(number, arrived, now_ns)?,
                None => break,
            }
        }
        let lane = &mut self.lanes[number];
        let outstanding = lane.outstanding();
        lane.owed |= lane.input.publish(&lane.ring, outstanding)?;
        Ok(())
    }

    fn arrived(&mut self, number: usize, arrived: Arrived, now_ns: u64) -> Result<(), Fault> {
        let (tag, size) = (arrived.header.tag, arrived.header.size);
        self.counters.bytes_in += u64::from(size);
        let Some(call) = self.calls.sent(tag, number) else {
            log::debug!("9pfs {}: an answer to nothing, {tag:?}", self.device.tag);
            return self.bad_answer();
        };
        let result = match arrived.message {
            Some(message) => decode(call.expected, message),
            None => Err(Error::OutOfMemory),
        };
        if let Err(Error::Answer(what)) = &result {
            let kind = call.expected.kind.name();
            log::debug!("9pfs {}: the answer to {kind}: {what}", self.device.tag);
            self.bad_answer()?;
        } else {
            self.counters.answers += 1;
        }
        self.answered(tag, result, now_ns);
        Ok(())
    }

    fn bad_answer(&mut self) -> Result<(), Fault> {
        self.counters.bad_answers += 1;
        match self.counters.bad_answers {
            BAD_ANSWERS.. => Err(Fault::Answers),
            _ => Ok(()),
        }
    }

    /// A request came back with this.
    fn answered(&mut self, tag: Tag, result: Result<Response, Error>, now_ns: u64) {
        self.settle(tag, Some(&result));
        let Some(call) = self.calls.at(tag) else {
            return;
        };
        match call.owner {
            Owner::Caller => {
                call.stage = Stage::Answered(result);
                if let Some(waker) = call.waker.take() {
                    waker.wake();
                }
            }
            Owner::Nobody { flush, .. } => {
                call.stage = Stage::Answered(result);
                self.answered_late(tag, flush, now_ns);
            }
            Owner::Clunk(fid) => {
                self.calls.remove(tag);
                self.clunks -= 1;
                self.fids.clunked(fid);
            }
            Owner::Flush(of) => {
                self.calls.remove(tag);
                self.flushed(of, &result);
            }
            Owner::LateFlush => {
                self.calls.remove(tag);
            }
        }
    }

    /// A call is not with the server any more: its ring and its identifiers are relieved of it.
    /// Without a result nobody knows what the server did.
    pub(super) fn settle(&mut self, tag: Tag, result: Option<&Result<Response, Error>>) {
        if let Some(call) = self.calls.at(tag) {
            self.lanes[call.ring].end(call.size, call.answer_size, call.is_sent());
            self.fids.end(&call.uses, result);
        }
    }
}

fn decode(expected: Expected, message: Vec<u8>) -> Result<Response, Error> {
    Response::decode(expected, message)?.map_err(Error::Server)
}
