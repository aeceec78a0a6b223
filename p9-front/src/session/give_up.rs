//! Calls that nobody waits for any more.
//!
//! What was not sent is simply forgotten. For what was, a `Tflush` follows on the same ring: a server
//! takes the requests of a ring in order, so when it answers the `Tflush` it has seen the request,
//! and either has answered it before or never will. On another ring it could do neither: QEMU
//! knows requests only from when it took them out of their ring, and would answer a `Tflush` for
//! one that it finds later.
//!
//! Both tags stay in use until it is certain that the server sends nothing more with them:
//!
//! | `Tflush` | the call's own answer | then |
//! |---|---|---|
//! | answered | came before | the tag is free |
//! | answered | did not come | it never will; what became of an identifier that it was to make is not known |
//! | refused | | servers without it exist: the call's own answer is waited for |
//! | silence | came | after a while the tag is free, and this server is not asked again |
//! | silence | did not come | the tag stays in use: the server may answer next year |

use xen_front::platform::Platform;

use super::calls::{Owner, Stage};
use super::{Session, events};
use crate::Error;
use crate::client::CallId;
use crate::wire::{Request, Response, Tag};

impl<P: Platform> Session<P> {
    /// Gives a call up: what was not sent is not; else the server is told that nobody waits. Its
    /// answer, if it has one all the same, goes to nobody.
    pub fn drop_call(&mut self, id: CallId, now_ns: u64) {
        let Some((tag, call)) = self.calls.get(id) else {
            return;
        };
        match (&call.stage, call.owner) {
            (Stage::Answered(_), Owner::Caller) => {
                self.calls.remove(tag);
            }
            (_, Owner::Caller) => self.give_up(tag, false, now_ns),
            (_, Owner::Nobody { flush, .. }) => {
                call.owner = Owner::Nobody {
                    untold: false,
                    flush,
                };
                self.free_if_over(tag);
            }
            _ => {}
        }
        self.pump(now_ns);
    }

    /// The time of a call has come.
    pub(super) fn call_is_due(&mut self, tag: Tag, now_ns: u64) {
        let Some(call) = self.calls.at(tag) else {
            return;
        };
        if now_ns < call.deadline_ns {
            // Another call had this tag.
            return self.timers.arm(events::call_key(tag), call.deadline_ns);
        }
        match (call.owner, &call.stage) {
            (Owner::Caller, Stage::Queued(_) | Stage::Sent) => {
                self.counters.timeouts += 1;
                let (kind, name) = (call.expected.kind.name(), &self.device.tag);
                log::warn!("9pfs {name}: no answer to {kind} in time; it is given up");
                let waker = call.waker.take();
                self.give_up(tag, true, now_ns);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            (
                Owner::Nobody {
                    untold,
                    flush: Some(flush),
                },
                Stage::Answered(_),
            ) => {
                log::warn!(
                    "9pfs {}: the server does not answer Tflush",
                    self.device.tag
                );
                call.owner = Owner::Nobody {
                    untold,
                    flush: None,
                };
                self.flushes = false;
                if let Some(flush) = self.calls.at(flush) {
                    flush.owner = Owner::LateFlush;
                }
                self.free_if_over(tag);
            }
            _ => {}
        }
    }

    /// Nobody waits any more for a call that has no answer; `untold`: its caller does not know that
    /// yet.
    fn give_up(&mut self, tag: Tag, untold: bool, now_ns: u64) {
        let Some(call) = self.calls.at(tag) else {
            return;
        };
        let (ring, sent) = (call.ring, call.is_sent());
        call.owner = Owner::Nobody {
            untold,
            flush: None,
        };
        call.waker = None;
        if !sent {
            self.lanes[ring].queue.retain(|&queued| queued != tag);
            let (size, answer_size, uses) = (call.size, call.answer_size, call.uses);
            call.stage = Stage::Answered(Err(Error::TimedOut));
            self.lanes[ring].end(size, answer_size, false);
            self.fids.leave(&uses);
            return self.free_if_over(tag);
        }
        if !self.flushes || tag == Tag::NONE {
            return;
        }
        let request = Request::Flush { tag };
        // Without a tag or memory for it the call's own answer is waited for.
        if let Ok((flush, _)) = self.start(&request, Owner::Flush(tag), ring, u64::MAX, now_ns) {
            self.counters.flushes += 1;
            if let Some(call) = self.calls.at(tag) {
                call.owner = Owner::Nobody {
                    untold,
                    flush: Some(flush),
                };
            }
        }
    }

    /// A call that was given up was answered, and a `Tflush` for it may not be.
    pub(super) fn answered_late(&mut self, tag: Tag, flush: Option<Tag>, now_ns: u64) {
        let unsent = flush.and_then(|flush| {
            let call = self.calls.at(flush)?;
            matches!(call.stage, Stage::Queued(_)).then_some((flush, call.ring))
        });
        if let Some((flush, ring)) = unsent {
            // There is nothing left to give up.
            self.lanes[ring].queue.retain(|&queued| queued != flush);
            if let Some(call) = self.calls.remove(flush) {
                self.lanes[ring].end(call.size, call.answer_size, false);
            }
            self.flush_is_over(tag);
        } else if let Some(call) = self.calls.at(tag)
            && flush.is_some()
        {
            call.deadline_ns = now_ns.saturating_add(self.config.flush_patience_ns);
            let at_ns = call.deadline_ns;
            self.timers.arm(events::call_key(tag), at_ns);
        }
        self.free_if_over(tag);
    }

    /// The `Tflush` for a call was answered.
    pub(super) fn flushed(&mut self, of: Tag, result: &Result<Response, Error>) {
        if let Err(error) = result {
            log::debug!("9pfs {}: Tflush: {error}", self.device.tag);
            self.flushes = false;
        } else if self.calls.at(of).is_some_and(|call| call.is_sent()) {
            // There will be no answer.
            self.settle(of, None);
            if let Some(call) = self.calls.at(of) {
                call.stage = Stage::Answered(Err(Error::Gone));
            }
        }
        self.flush_is_over(of);
    }

    fn flush_is_over(&mut self, of: Tag) {
        if let Some(call) = self.calls.at(of)
            && let Owner::Nobody { flush, .. } = &mut call.owner
        {
            *flush = None;
        }
        self.free_if_over(of);
    }

    /// Frees the tag of a call of which nobody waits for anything.
    pub(super) fn free_if_over(&mut self, tag: Tag) {
        if self.calls.at(tag).is_some_and(|call| call.is_over()) {
            self.calls.remove(tag);
        }
    }
}
