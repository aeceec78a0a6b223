//! Any bytes are a run: several tools, a typed user and a server, that do what the bytes say.

use alloc::{format, string::String, vec::Vec};

use super::{Server, Tool, message};
use crate::client::REQUESTS_MAX;
use crate::request::Read;
use crate::wire::MessageType;
use crate::{Client, Path, Pending, TransactionId, WatchEvent, WatchToken};

/// Streams at a time.
const TOOLS_MAX: usize = 5;
const PATHS: [&str; 4] = ["a", "a/b", "c", "c/d/e"];
const TOKENS: [&str; 2] = ["1", "two"];

/// What bytes decide on.
struct Choices<'d>(&'d [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> Option<usize> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(usize::from(*first))
    }

    fn one_of<T: Copy, const N: usize>(&mut self, all: [T; N]) -> Option<T> {
        Some(all[self.byte()? % N])
    }
}

struct World {
    client: Client,
    server: Server,
    tools: Vec<Tool>,
    /// The typed user's watch and requests.
    watch: WatchToken,
    pending: Vec<Pending<Vec<u8>>>,
    values: u32,
    honest: bool,
}

/// Does what the bytes say, and checks what each must see. The first byte says whether the server
/// is honest. Of an honest one it is checked that
///
/// - each tool gets one reply to each request, in order, and events of its own watches only,
/// - a change that happens when all is quiet is told to each watch,
/// - when the streams are closed, the server has no transaction and no watch of theirs, and the
///   typed user has all places for requests;
///
/// of any that nothing panics, that what waits is bounded, and that all learn of the end.
///
/// # Panics
/// When something of that does not hold.
pub fn fuzz(data: &[u8]) {
    let mut choices = Choices(data);
    let honest = choices.byte().unwrap_or(0) % 4 != 0;
    let mut world = World::new(honest);
    while world.step(&mut choices).is_some() {
        world.advance();
        world.check();
    }
    if honest {
        world.settle();
        world.tell_all();
    }
    world.close_all();
}

impl World {
    fn new(honest: bool) -> World {
        let mut client = Client::new();
        let path = Path::new("typed").expect("a path");
        let (watch, pending) = client.watch(path).expect("there is room");
        client.abandon(pending);
        World {
            client,
            server: Server::new(),
            tools: Vec::new(),
            watch,
            pending: Vec::new(),
            values: 0,
            honest,
        }
    }

    /// One step; `None` when there are no more bytes.
    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        match choices.byte()? % 16 {
            0 if self.tools.len() < TOOLS_MAX => self.tools.push(Tool::new()),
            1 if choices.byte()? % 4 == 0 && !self.tools.is_empty() => {
                let place = choices.byte()? % self.tools.len();
                self.tools.swap_remove(place).close(&mut self.client);
            }
            2..=4 => {
                let place = choices.byte()?;
                self.ask(place, choices)?;
                self.write(place, choices)?;
            }
            5 | 6 => {
                let place = choices.byte()?;
                self.write(place, choices)?;
            }
            7 | 8 => {
                let (place, max) = (
                    choices.byte()?,
                    choices.one_of([1, 3, 15, 16, 40, 200, 5000])?,
                );
                let count = self.tools.len().max(1);
                if let Some(tool) = self.tools.get_mut(place % count) {
                    tool.read(&mut self.client, max, self.honest);
                }
            }
            9 | 10 => {
                let max = choices.byte()? * 4;
                self.carry_out(max);
            }
            11 => {
                self.server.serve();
            }
            12 | 13 => {
                let max = choices.byte()? * 4;
                self.carry_in(max);
            }
            14 => {
                let path = choices.one_of(PATHS)?;
                self.change(path);
            }
            15 if self.honest => self.typed(choices)?,
            15 => self.lie(choices)?,
            _ => {}
        }
        Some(())
    }

    /// A tool wants to write a request.
    fn ask(&mut self, place: usize, choices: &mut Choices<'_>) -> Option<()> {
        let value = self.value(choices)?;
        let count = self.tools.len();
        if count == 0 {
            return Some(());
        }
        // Now and then that of another one, or of nobody.
        let owner = &self.tools[match choices.byte()? {
            number @ 0..32 => number % count,
            _ => place % count,
        }];
        let transaction = match choices.byte()? {
            number @ 0..100 => owner.transaction(number).unwrap_or(0),
            100..110 => 4711,
            _ => 0,
        };
        let path = choices.one_of(PATHS)?;
        let token = choices.one_of(TOKENS)?;
        let tool = &mut self.tools[place % count];
        if tool.waiting() > 8 {
            return Some(());
        }
        let only = format!("{path}\0");
        let both = format!("{path}\0{token}\0");
        let (kind, payload) = match choices.byte()? % 24 {
            0..3 => (MessageType::Read, only.into_bytes()),
            3..6 => (
                MessageType::Write,
                format!("{path}\0{path}{value}").into_bytes(),
            ),
            6 => (MessageType::Rm, only.into_bytes()),
            7 => (MessageType::Directory, only.into_bytes()),
            8..12 => (MessageType::Watch, both.into_bytes()),
            12..14 => (MessageType::Unwatch, both.into_bytes()),
            14..17 => (MessageType::TransactionStart, b"\0".to_vec()),
            17 => (MessageType::TransactionEnd, b"T\0".to_vec()),
            18 => (MessageType::TransactionEnd, b"F\0".to_vec()),
            19 => (MessageType::TransactionEnd, b"X\0".to_vec()),
            20 => (MessageType::ResetWatches, b"\0".to_vec()),
            21 => (MessageType::Watch, only.into_bytes()),
            22 => (MessageType::WatchEvent, both.into_bytes()),
            _ => {
                // A header that announces too much.
                let mut header = message(2, 1, 0, b"");
                header[12..].copy_from_slice(&[1, 16, 0, u8::try_from(choices.byte()?).ok()?]);
                tool.ask_bytes(&header);
                return Some(());
            }
        };
        tool.ask(kind, transaction, &payload);
        Some(())
    }

    fn write(&mut self, place: usize, choices: &mut Choices<'_>) -> Option<()> {
        let max = choices.one_of([1, 7, 16, 17, 30, 100, 1000])?;
        let count = self.tools.len().max(1);
        if let Some(tool) = self.tools.get_mut(place % count) {
            tool.write(&mut self.client, max);
        }
        Some(())
    }

    /// A value, and now and then a long one.
    fn value(&mut self, choices: &mut Choices<'_>) -> Option<String> {
        self.values += 1;
        let long = match choices.byte()? {
            250.. => 3000,
            _ => 0,
        };
        Some(format!("#{}{}", self.values, "x".repeat(long)))
    }

    /// Somebody else changes a node.
    fn change(&mut self, path: &str) {
        self.values += 1;
        let value = format!("{path}#{}", self.values);
        self.server.write(path, value.as_bytes());
    }

    /// The typed user asks, takes, or gives up.
    fn typed(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        match choices.byte()? % 3 {
            0 => {
                let path = Path::new("typed").expect("a path");
                if let Ok(pending) = self.client.submit(&Read(path), TransactionId::NONE) {
                    self.pending.push(pending);
                }
            }
            1 => {
                let client = &mut self.client;
                self.pending
                    .retain(|pending| client.take(pending).is_none());
            }
            _ => {
                if let Some(pending) = self.pending.pop() {
                    self.client.abandon(pending);
                }
            }
        }
        Some(())
    }

    /// The server sends what it should not: mostly events that did not happen, of watches that are
    /// there or not, asked for or not; otherwise replies that nobody expects.
    fn lie(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let token = choices.byte()? % 8;
        let event = format!("{}\0{token:08x}\0", choices.one_of(PATHS)?);
        if choices.byte()? < 220 {
            self.server.send(&message(15, 0, 0, event.as_bytes()));
            return Some(());
        }
        let kind = choices.one_of([2, 4, 5, 6, 7, 11, 15, 16, 99])?;
        let request = u32::try_from(choices.byte()? % 32).ok()?;
        let payload = choices.one_of([
            &b"OK\0"[..],
            b"",
            b"1\0",
            b"0\0",
            b"EAGAIN\0",
            b"no NUL",
            b"\xff\xfe\0",
            event.as_bytes(),
        ])?;
        let mut bytes = message(kind, request, 0, payload);
        if choices.byte()? > 240 {
            bytes[13] = 0xff;
        }
        self.server.send(&bytes);
        Some(())
    }

    /// Bytes go to the server.
    fn carry_out(&mut self, max: usize) -> bool {
        let mut left = max;
        while left > 0 {
            let bytes = self.client.outgoing();
            let count = bytes.len().min(left);
            if count == 0 {
                break;
            }
            self.server.receive(&bytes[..count]);
            self.client.consumed(count);
            left -= count;
        }
        left < max
    }

    /// Bytes come from the server.
    fn carry_in(&mut self, max: usize) -> bool {
        let bytes = self.server.sent(max);
        let result = self.client.incoming(&bytes);
        assert!(!self.honest || result.is_ok(), "{result:?}");
        !bytes.is_empty()
    }

    fn advance(&mut self) {
        let mut took = true;
        while took {
            took = false;
            for tool in &mut self.tools {
                took |= tool.stream().advance(&mut self.client);
            }
        }
    }

    fn check(&self) {
        self.tools.iter().for_each(Tool::check);
        assert!(self.client.room() <= REQUESTS_MAX);
    }

    /// All that can be done is done, and all that was asked is answered.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for tool in &mut self.tools {
                moved |= tool.write(&mut self.client, 1000);
                while tool.read(&mut self.client, 1000, true) {
                    moved = true;
                }
            }
            let client = &mut self.client;
            self.pending
                .retain(|pending| client.take(pending).is_none());
            moved |= self.carry_out(usize::MAX);
            while self.server.serve() {
                moved = true;
            }
            moved |= self.carry_in(usize::MAX);
            self.advance();
            // A reply that the typed user took may have made room for another request.
            moved |= !self.client.outgoing().is_empty();
            if !moved {
                break;
            }
        }
        for tool in &self.tools {
            assert_eq!(
                (tool.unanswered(), tool.waiting()),
                (0, 0),
                "all is answered"
            );
        }
        assert_eq!(self.client.room(), REQUESTS_MAX);
    }

    /// Each watch is told of a change.
    fn tell_all(&mut self) {
        for tool in &mut self.tools {
            tool.events();
        }
        while self.client.take_event(self.watch).is_some() {}
        for path in ["a", "c", "typed"] {
            self.change(path);
        }
        self.settle();
        for tool in &mut self.tools {
            let mut wanted = tool.watches();
            // A change is told to those who watch the node or one above it.
            wanted.retain(|(path, _)| ["a", "c"].contains(&path.as_str()));
            let mut seen = tool.events();
            seen.sort();
            assert_eq!(seen, wanted, "one event for each watch");
        }
        let event = self.client.take_event(self.watch);
        assert_eq!(event, Some(WatchEvent::Path("typed".into())));
    }

    fn close_all(mut self) {
        for tool in self.tools.drain(..) {
            tool.close(&mut self.client);
        }
        if !self.honest {
            return;
        }
        self.settle();
        assert_eq!(self.server.transactions(), 0, "transactions are aborted");
        assert_eq!(self.server.watches(), 1, "the typed user's is left");
    }
}
