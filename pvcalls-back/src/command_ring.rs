//! The command ring, as the backend sees it: requests out, answers in, both at most once.
//!
//! Requests and answers share the 32 slots, and the indices run freely. Ours live here and are
//! only ever stored to the page. A request is copied out before it is looked at.

use std::fmt;

use crate::abi::{Request, Response, SLOT_BYTES, SLOTS, sring};
use crate::memory::{Shared, full_barrier};
use crate::platform::Mapped;

/// The frontend put more requests into the ring than it has slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// How many it claims.
    pub claimed: u32,
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the command ring has {SLOTS} slots, the frontend's req_prod claims {} requests without an answer",
            self.claimed
        )
    }
}

/// The command ring of one frontend.
#[derive(Debug)]
pub struct CommandRing<M> {
    page: Shared<M>,
    /// Requests taken.
    req_cons: u32,
    /// Answers written.
    rsp_prod: u32,
    /// Answers the frontend can see.
    rsp_published: u32,
}

impl<M: Mapped> CommandRing<M> {
    /// The ring in this page, wherever its frontend starts to count.
    ///
    /// Nothing is outstanding when a session begins, so both of our indices stand where the
    /// answers stand.
    pub fn new(page: M) -> Self {
        let page = Shared::new(page);
        let start = page.load(sring::RSP_PROD);
        Self {
            page,
            req_cons: start,
            rsp_prod: start,
            rsp_published: start,
        }
    }

    /// Says that somebody lives here (`feature-alive`).
    pub fn set_alive(&self) {
        self.page.write(sring::ALIVE, &[1]);
    }

    /// The mapped page.
    pub fn mapping(&self) -> &M {
        self.page.mapping()
    }

    /// Requests that were taken and have no answer yet.
    #[must_use]
    pub fn outstanding(&self) -> u32 {
        self.req_cons.wrapping_sub(self.rsp_prod)
    }

    /// The next request.
    ///
    /// # Errors
    /// If the frontend claims more than fit.
    pub fn take(&mut self) -> Result<Option<Request>, Overflow> {
        let req_prod = self.page.load(sring::REQ_PROD);
        let claimed = req_prod.wrapping_sub(self.rsp_prod);
        // Also less than were taken already is an offence: then it is nearly 2^32.
        if claimed > SLOTS || claimed < self.outstanding() {
            return Err(Overflow { claimed });
        }
        if req_prod == self.req_cons {
            return Ok(None);
        }
        let mut slot = [0; SLOT_BYTES];
        self.page.read(sring::slot(self.req_cons), &mut slot);
        self.req_cons = self.req_cons.wrapping_add(1);
        Ok(Some(Request::decode(&slot)))
    }

    /// Asks to be told of the next request. Whether there is one already: then nobody will tell.
    pub fn wait(&mut self) -> bool {
        self.page
            .store(sring::REQ_EVENT, self.req_cons.wrapping_add(1));
        full_barrier();
        self.page.load(sring::REQ_PROD) != self.req_cons
    }

    /// Writes an answer. The frontend sees it after [`publish`](Self::publish).
    ///
    /// # Panics
    /// If there is no request it could answer: each is answered once.
    pub fn answer(&mut self, response: &Response) {
        assert!(self.outstanding() > 0, "an answer without a request");
        let (bytes, len) = response.encode();
        self.page.write(sring::slot(self.rsp_prod), &bytes[..len]);
        self.rsp_prod = self.rsp_prod.wrapping_add(1);
    }

    /// Lets the frontend see the answers. Whether it wants to be told.
    #[must_use]
    pub fn publish(&mut self) -> bool {
        let (old, new) = (self.rsp_published, self.rsp_prod);
        if old == new {
            return false;
        }
        self.rsp_published = new;
        self.page.store(sring::RSP_PROD, new);
        full_barrier();
        let wish = self.page.load(sring::RSP_EVENT);
        new.wrapping_sub(wish) < new.wrapping_sub(old)
    }
}
