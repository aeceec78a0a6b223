//! A connection that changes answers, and servers that are odd but known.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::task::{Poll, Waker};

use super::super::{CallId, Connection};
use crate::test_utils::Straight;
use crate::wire::{Fid, Kind, Request, Response};
use crate::{Errno, Error};

/// How an answer is changed: the kind of the request, how many names it walks, the answer.
type Change = dyn FnMut(Kind, usize, Answer) -> Answer;
type Answer = Result<Response, Error>;

/// Passes everything on, and answers through a function.
#[derive(Clone)]
pub(super) struct Tamper {
    pub(super) inner: Straight,
    about: Rc<RefCell<BTreeMap<u64, (Kind, usize)>>>,
    change: Rc<RefCell<Change>>,
}

impl core::fmt::Debug for Tamper {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Tamper {
    pub(super) fn new(
        inner: Straight,
        change: impl FnMut(Kind, usize, Answer) -> Answer + 'static,
    ) -> Self {
        Self {
            inner,
            about: Rc::default(),
            change: Rc::new(RefCell::new(change)),
        }
    }

    /// As QEMU before 7.0: a walk is refused as a whole if one of its names cannot be walked.
    pub(super) fn whole_walks(inner: Straight) -> Self {
        Self::new(inner, |_, names, answer| match answer {
            Ok(Response::Walked(qids)) if qids.len() < names => Err(Error::Server(Errno::ENOENT)),
            answer => answer,
        })
    }
}

impl Connection for Tamper {
    fn submit(&self, request: &Request<'_>) -> Result<CallId, Error> {
        let id = self.inner.submit(request)?;
        let names = match request {
            Request::Walk { names, .. } => names.len(),
            _ => 0,
        };
        let about = (request.kind(), names);
        self.about.borrow_mut().insert(id.0, about);
        Ok(id)
    }

    fn poll_call(&self, id: CallId, waker: &Waker) -> Poll<Answer> {
        let answer = core::task::ready!(self.inner.poll_call(id, waker));
        let (kind, names) = self.about.borrow()[&id.0];
        Poll::Ready((self.change.borrow_mut())(kind, names, answer))
    }

    fn drop_call(&self, id: CallId) {
        self.inner.drop_call(id);
    }

    fn new_fid(&self) -> Result<Fid, Error> {
        self.inner.new_fid()
    }

    fn forget(&self, fid: Fid) {
        self.inner.forget(fid);
    }

    fn msize(&self) -> u32 {
        self.inner.msize()
    }

    fn set_msize(&self, msize: u32) {
        self.inner.set_msize(msize);
    }
}
