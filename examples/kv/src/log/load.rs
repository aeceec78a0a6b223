//! From the file to the store.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::io::{Error, ErrorKind, Result};

use super::disk::DiskFile;
use crate::commands::{self, Context, Server};
use crate::journal::Journal;
use crate::resp::{Parser, Progress};
use crate::store::Store;

/// So much is read at a time.
const PIECE: usize = 64 << 10;

/// What was in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Bytes of whole commands.
    pub length: u64,
    /// Bytes behind them, of a command that is not whole.
    pub cut: u64,
    /// Commands.
    pub commands: u64,
}

/// Does to `store` what the commands in `file` say. At `now` (milliseconds since 1970) keys whose
/// time is over are removed, after all of it.
///
/// Anything but whole commands, and one unfinished at the end, is an error that says where.
pub fn load(file: &mut impl DiskFile, store: &mut Store, now: u64) -> Result<Loaded> {
    store.freeze(true);
    let mut loader = Loader {
        bytes: vec![0; PIECE],
        start: 0,
        end: 0,
        parser: Parser::default(),
        needs: 1,
        offset: 0,
        commands: 0,
        taken: 0,
    };
    let result = loader.run(file, store, now);
    store.freeze(false);
    store.memory().give_back(loader.taken);
    result
}

struct Loader {
    /// `bytes[start..end]` are those of the file from `offset` on.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    parser: Parser,
    needs: usize,
    offset: u64,
    commands: u64,
    /// Of the store's memory, for a long command.
    taken: usize,
}

impl Loader {
    fn run(&mut self, file: &mut impl DiskFile, store: &mut Store, now: u64) -> Result<Loaded> {
        let (mut journal, server, mut out) = (Journal::off(), Server::default(), Vec::new());
        loop {
            let length = match self.next()? {
                Found::Command(length) => length,
                Found::Note(length) => {
                    self.pass(length);
                    continue;
                }
                Found::Part(needs) => {
                    self.needs = needs;
                    if self.read(file, store)? > 0 {
                        continue;
                    }
                    return Ok(Loaded {
                        length: self.offset,
                        cut: (self.end - self.start) as u64,
                        commands: self.commands,
                    });
                }
            };
            let bytes = &self.bytes[self.start..self.end];
            let mut context = Context {
                store,
                now,
                server: &server,
                journal: &mut journal,
                out: &mut out,
            };
            let args = self.parser.args(bytes);
            commands::execute(&mut context, args);
            if let Some(text) = out.strip_prefix(b"-") {
                let name = args.get(0).escape_ascii();
                let text = String::from_utf8_lossy(text.trim_ascii());
                return Err(self.wrong(&format!("{name}: {text}")));
            }
            out.clear();
            self.commands += 1;
            self.pass(length);
        }
    }

    /// What comes next; of a command, the parser has the arguments.
    fn next(&mut self) -> Result<Found> {
        let bytes = &self.bytes[self.start..self.end];
        match bytes.first() {
            None => return Ok(Found::Part(1)),
            Some(b'*') => {}
            // Redis may note the time.
            Some(b'#') => {
                return match bytes.iter().position(|byte| *byte == b'\n') {
                    Some(end) => Ok(Found::Note(end + 1)),
                    None if bytes.len() > 1024 => Err(self.wrong("a comment without an end")),
                    None => Ok(Found::Part(bytes.len() + 1)),
                };
            }
            Some(_) if self.offset == 0 && bytes.starts_with(b"REDIS") => {
                return Err(self.wrong(
                    "a snapshot in Redis' own format; its log without one is made with \
                     aof-use-rdb-preamble no",
                ));
            }
            Some(other) => {
                let shown = core::ascii::escape_default(*other);
                return Err(self.wrong(&format!("expected '*', found '{shown}'")));
            }
        }
        match self.parser.parse(bytes) {
            Ok(Progress::Complete(length)) => Ok(Found::Command(length)),
            Ok(Progress::Needs(needs)) => Ok(Found::Part(needs)),
            Err(wrong) => Err(self.wrong(&format!("{wrong}"))),
        }
    }

    /// Reads more; how much that was.
    fn read(&mut self, file: &mut impl DiskFile, store: &mut Store) -> Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let needs = self.needs.max(self.end + 1);
        if needs > self.bytes.len() {
            let length = needs.max(self.bytes.len() * 2);
            if store.memory().take(length - self.taken).is_err() {
                return Err(self.wrong("no memory for so large a command"));
            }
            self.taken = length;
            self.bytes.reserve_exact(length - self.bytes.len());
            self.bytes.resize(length, 0);
        }
        let place = self.offset + self.end as u64;
        let count = file.read_at(place, &mut self.bytes[self.end..])?;
        self.end += count;
        Ok(count)
    }

    fn pass(&mut self, length: usize) {
        self.parser.restart();
        self.start += length;
        self.offset += length as u64;
        self.needs = 1;
    }

    fn wrong(&self, what: &str) -> Error {
        let text: String = format!("at byte {}: {what}", self.offset);
        Error::new(ErrorKind::InvalidData, text)
    }
}

enum Found {
    /// A whole command with so many bytes.
    Command(usize),
    /// A comment.
    Note(usize),
    /// Not all of it; at least so many bytes are needed.
    Part(usize),
}
