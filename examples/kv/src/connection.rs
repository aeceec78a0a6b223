//! One client, without its socket: bytes in, bytes out.
//!
//! ```text
//! loop {
//!     match connection.serve(…) {          answers all that is there, into one buffer
//!         state => send connection.output(), in one write
//!     }
//!     read into connection.room()          only when nothing is left to answer
//! }
//! ```
//!
//! A client has [`BUFFER`] bytes each way for nothing. What a longer request or answer takes
//! counts as memory of the store: a thousand clients that send the starts of large requests get
//! errors, and not the memory of the others.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use crate::commands::{self, Context, Effect, Server};
use crate::journal::{Gate, Journal, misconf};
use crate::reply;
use crate::resp::{MOST_BYTES, Parser, Progress};
use crate::store::Store;

/// What each client may have under way without asking.
pub const BUFFER: usize = 16 << 10;
/// More answers than that are sent before the next request is looked at.
const FLUSH: usize = 32 << 10;

/// What is to be done after [`Connection::serve`], and after the output is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Receive more, then serve.
    Receive,
    /// Serve again.
    Serve,
    /// Wait until changes are possible ([`Gate::Paused`] is over), then serve again.
    Wait,
    /// End the connection.
    Close,
}

/// One client.
#[derive(Debug)]
pub struct Connection {
    /// What came: `input[start..end]` is not answered yet.
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// The request at `start` has at least that many bytes.
    needs: usize,
    parser: Parser,
    output: Vec<u8>,
    /// Where in the output the answers are that promise a change.
    promises: Vec<(usize, usize)>,
    /// There is a journal.
    recorded: bool,
    /// Taken from the store's memory.
    taken: usize,
}

impl Default for Connection {
    fn default() -> Self {
        Connection {
            input: vec![0; BUFFER],
            start: 0,
            end: 0,
            needs: 1,
            parser: Parser::default(),
            output: Vec::with_capacity(BUFFER),
            promises: Vec::new(),
            recorded: false,
            taken: 0,
        }
    }
}

impl Connection {
    /// Where what is received goes; [`Connection::received`] says how much it was. Empty if there
    /// is no memory for the request under way: then the connection ends, after its output.
    pub fn room(&mut self, store: &mut Store) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.give_back(store);
        }
        if self.start + self.needs > self.input.len() || self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let full = self.needs > self.input.len() || self.end == self.input.len();
        if full && let Err(text) = self.grow(store) {
            reply::error(&mut self.output, &text);
            return &mut [];
        }
        &mut self.input[self.end..]
    }

    fn grow(&mut self, store: &mut Store) -> Result<(), alloc::string::String> {
        let length = self.needs.max(self.input.len() * 2).min(MOST_BYTES);
        if length <= self.input.len() {
            return Err(format!("ERR Protocol error: more than {MOST_BYTES} bytes"));
        }
        // Twice: an argument of no bytes takes a few here, and more in the parser. And once more:
        // what it changes may be recorded.
        let cost = (3 + usize::from(self.recorded)) * length;
        store
            .memory()
            .take(cost)
            .map_err(|_| "OOM no memory for so large a request".into())
            .map(|()| {
                self.input.reserve_exact(length - self.input.len());
                self.input.resize(length, 0);
                store.memory().give_back(self.taken);
                self.taken = cost;
            })
    }

    /// So many bytes have been received.
    pub fn received(&mut self, count: usize) {
        self.end = (self.end + count).min(self.input.len());
    }

    /// Answers what is there, at `now` (milliseconds since 1970).
    ///
    /// If the journal is on, the output may be sent when [`Journal::end`] has been written, and
    /// [`Connection::fail`] says otherwise if it cannot be.
    pub fn serve(
        &mut self,
        store: &mut Store,
        now: u64,
        server: &mut Server,
        journal: &mut Journal,
    ) -> Next {
        self.recorded = journal.is_on();
        loop {
            let bytes = &self.input[self.start..self.end];
            let length = match self.parser.parse(bytes) {
                Ok(Progress::Complete(length)) => length,
                Ok(Progress::Needs(needs)) => {
                    self.needs = needs;
                    return Next::Receive;
                }
                Err(wrong) => {
                    reply::error(&mut self.output, &format!("ERR {wrong}"));
                    return Next::Close;
                }
            };
            if journal.gate == Gate::Paused && commands::writes(self.parser.args(bytes)) {
                self.parser.restart();
                return Next::Wait;
            }
            let start = self.output.len();
            let mut context = Context {
                store,
                now,
                server,
                journal,
                out: &mut self.output,
            };
            let effect = commands::execute(&mut context, self.parser.args(bytes));
            self.parser.restart();
            self.start += length;
            self.needs = 1;
            server.commands += 1;
            if effect == Effect::Changed {
                self.promises.push((start, self.output.len()));
            }
            if effect == Effect::Quit {
                return Next::Close;
            }
            if self.output.len() >= FLUSH {
                return Next::Serve;
            }
        }
    }

    /// A large request is over.
    fn give_back(&mut self, store: &mut Store) {
        if self.taken > 0 {
            self.input.truncate(BUFFER);
            self.input.shrink_to_fit();
            store.memory().give_back(self.taken);
            self.taken = 0;
        }
    }

    /// What is to be sent.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// What has changed cannot be kept, because of `why`: the answers that promise it become
    /// errors, the others stay.
    pub fn fail(&mut self, why: &str) {
        let (mut output, mut from) = (Vec::with_capacity(BUFFER), 0);
        for (start, end) in self.promises.drain(..) {
            output.extend_from_slice(&self.output[from..start]);
            reply::error(&mut output, &misconf(why));
            from = end;
        }
        output.extend_from_slice(&self.output[from..]);
        self.output = output;
    }

    /// The output is sent.
    pub fn sent(&mut self) {
        self.output.clear();
        self.promises.clear();
        // What a large answer took is not kept.
        if self.output.capacity() > 2 * FLUSH {
            self.output.shrink_to(BUFFER);
        }
    }

    /// The client is gone: what it had of the store's memory is free.
    pub fn end(mut self, store: &mut Store) {
        self.give_back(store);
    }
}

#[cfg(test)]
mod tests;
