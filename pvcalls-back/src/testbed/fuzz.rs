//! Any bytes, as a run of the bed: a hostile frontend, and peers of all sorts.
//!
//! What must hold, whatever the bytes: nothing panics; each request is answered at most once, and
//! by its own number; no level is above its limit; another frontend is served all the while; and
//! in the end nothing is left.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::bed::Bed;
use super::front::RawFront;
use super::request::{self, Slot};
use super::stream::RawStream;
use crate::config::{DomainSettings, Limits};
use crate::features::Features;
use crate::policy::Policy;
use crate::sessions::{Ending, SessionEvent};

/// Bytes, one after the other; zeroes when there are no more.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// Small numbers and those at the edges, mostly.
    fn word(&mut self) -> u32 {
        let low = u32::from(self.byte());
        match self.below(8) {
            0 => low,
            1 => low << 8,
            2 => low << 24,
            3 => 0u32.wrapping_sub(low),
            4 => (1 << 31) + low,
            5 => 4096 - low,
            6 => 4096 + low,
            _ => low.wrapping_mul(0x0101_0101),
        }
    }
}

/// What a run has.
struct Run<'a> {
    bytes: Bytes<'a>,
    bed: Bed,
    front: RawFront,
    settings: DomainSettings,
    streams: Vec<RawStream>,
    /// Requests without an answer: command and socket.
    asked: BTreeMap<u32, (u32, u64)>,
    /// The frontend lied about the command ring: its own books are worth nothing any more.
    lied: bool,
    broken: bool,
    server: TcpListener,
    nobody: SocketAddr,
    datagrams: UdpSocket,
    peers: Vec<TcpStream>,
    /// Where the guest may listen.
    bound: Vec<SocketAddr>,
}

const LIMITS: Limits = Limits {
    sockets: 8,
    listeners: 2,
    backlog: 4,
    pending_connects: 3,
    pending_lookups: 1,
    mapped_pages: 40,
    max_page_order: 3,
    commands_per_second: 1_000_000,
    socket_buffer_bytes: Some(8192),
    autotuned_sockets: 2,
    linger: Duration::from_millis(3),
    audit_lines_per_second: 1,
};

/// Plays what the bytes say.
///
/// # Panics
/// If what must hold does not.
pub fn fuzz(data: &[u8]) {
    let mut run = Run::new(data);
    while !run.bytes.0.is_empty() {
        run.step();
        run.check();
    }
    run.finish();
}

impl<'a> Run<'a> {
    fn new(data: &'a [u8]) -> Self {
        let mut bytes = Bytes(data);
        let features = match bytes.below(4) {
            0 => Features::NONE,
            _ => Features::all(),
        };
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        server.set_nonblocking(true).expect("a socket");
        let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port");
        datagrams.set_nonblocking(true).expect("a socket");
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
        let nobody = closed.local_addr().expect("an address");
        drop(closed);
        // Nothing but these hears of a run: addresses come from the bytes, too.
        let of = |address: SocketAddr| format!("allow {address}");
        let connect = [
            of(server.local_addr().expect("an address")),
            of(datagrams.local_addr().expect("an address")),
            of(nobody),
        ];
        let connect: Vec<&str> = connect.iter().map(String::as_str).collect();
        let connect = [&connect[..], &["deny any"]].concat();
        let listen = ["allow 127.0.0.1", "allow ::1", "deny any"];
        let settings = DomainSettings {
            policy: Policy::parse(&connect, &listen).expect("rules"),
            limits: LIMITS,
            ..DomainSettings::default()
        };
        let mut bed = Bed::new();
        let mut front = bed.serve(1, features, settings.clone());
        let streams = [1, 1, 2, 3, 4].map(|order| front.stream(order)).into();
        Self {
            bytes,
            bed,
            front,
            settings,
            streams,
            asked: BTreeMap::new(),
            lied: false,
            broken: false,
            server,
            nobody,
            datagrams,
            peers: Vec::new(),
            bound: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.bytes.below(20) {
            0..=6 => {
                let request = self.request();
                self.ask(request);
            }
            7 => {
                let mut slot = [0; 64];
                slot.fill_with(|| self.bytes.byte());
                slot[5..8].fill(0);
                slot[4] %= 15;
                self.ask(slot);
            }
            8..=10 => self.poke_ring(),
            11 => {
                let stream = self.pick();
                self.streams[stream].notify();
            }
            12 => self.front.notify(),
            13 | 14 => {
                for _ in 0..=self.bytes.below(4) {
                    self.bed.turn();
                }
            }
            15..=17 => self.peer(),
            18 => self.poke_commands(),
            _ => self.close(),
        }
    }

    fn pick(&mut self) -> usize {
        self.bytes.below(self.streams.len())
    }

    fn id(&mut self) -> u64 {
        self.bytes.below(10) as u64
    }

    fn address(&mut self) -> SocketAddr {
        match self.bytes.below(6) {
            0 => self.nobody,
            1 => self.datagrams.local_addr().expect("an address"),
            2 => SocketAddr::from(([127, 0, 0, 1], 0)),
            3 => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0)),
            _ => self.server.local_addr().expect("an address"),
        }
    }

    /// A request that makes sense, mostly.
    fn request(&mut self) -> Slot {
        let id = self.id();
        let stream = self.pick();
        let (indexes, port) = (self.streams[stream].indexes(), self.streams[stream].port());
        match self.bytes.below(20) {
            0 | 1 => request::socket(id),
            2 => request::socket_of(id, 2, 2, 0),
            3 => request::socket_of(id, 10, u32::from(self.bytes.byte() % 3), 0),
            4..=6 => {
                let to = self.address();
                request::connect(id, to, indexes, port)
            }
            7 | 8 => request::release(id, self.bytes.byte() & 1 != 0),
            9 => {
                let at = self.address();
                request::bind(id, at)
            }
            10 => request::listen(id, self.bytes.byte().into()),
            11 | 12 => {
                let id_new = self.id();
                request::accept(id, id_new, indexes, port)
            }
            13 => request::poll(id),
            14 => {
                let how = self.bytes.below(4) as u64;
                let out_prod = match self.bytes.below(2) {
                    0 => self.streams[stream].peek(68),
                    _ => self.bytes.word(),
                };
                request::shutdown(id, u32::try_from(how).expect("small"), out_prod)
            }
            15 => request::names(id),
            16 => {
                let option = u32::from(self.bytes.byte() % 11);
                request::set_option(id, option, self.bytes.word().cast_signed().into())
            }
            17 => request::get_option(id, u32::from(self.bytes.byte() % 11)),
            18 => request::attach(id, indexes, port),
            _ => request::resolve(indexes, self.bytes.word(), 0),
        }
    }

    fn ask(&mut self, slot: Slot) {
        if self.lied || self.front.outstanding() == 32 {
            return;
        }
        let cmd = u32::from_le_bytes(slot[4..8].try_into().expect("four bytes"));
        let id = u64::from_le_bytes(slot[8..16].try_into().expect("eight bytes"));
        let req_id = self.front.put(slot);
        self.asked.insert(req_id, (cmd, id));
        if self.bytes.byte() & 3 != 0 {
            self.front.notify();
        }
    }

    /// Words and bytes of a data ring.
    fn poke_ring(&mut self) {
        let stream = self.pick();
        let stream = &mut self.streams[stream];
        match self.bytes.below(8) {
            // Bytes written, as it should be; or frames.
            0..=2 => {
                let count = 8 * u32::from(self.bytes.byte());
                stream.poke(68, stream.peek(68).wrapping_add(count));
            }
            // Bytes read, as it should be.
            3 => stream.poke(0, stream.peek(4)),
            // Of the data, which may be the header of a frame.
            4 => {
                let at = (stream.peek(64) as usize % 2048) & !7;
                stream.poke(4096 + stream.size() as usize + at, self.bytes.word());
            }
            5 => stream.reset(0),
            _ => {
                let words = [0, 4, 8, 12, 16, 64, 68, 72, 76, 80, 128, 132, 136];
                let word = words[self.bytes.below(words.len())];
                stream.poke(word, self.bytes.word());
            }
        }
        if self.bytes.byte() & 1 != 0 {
            stream.notify();
        }
    }

    fn poke_commands(&mut self) {
        match self.bytes.below(8) {
            0 => {
                self.lied = true;
                self.front.poke(0, self.bytes.word());
                self.front.notify();
            }
            1 => self.front.poke(4, self.bytes.word()),
            2 => self.front.poke(12, self.bytes.word()),
            _ => self
                .front
                .poke(16 + 4 * self.bytes.below(12), self.bytes.word()),
        }
    }

    /// Those at the other end.
    fn peer(&mut self) {
        let which = self.bytes.below(8);
        let amount = 16 * usize::from(self.bytes.byte());
        match which {
            0 => {
                while let Ok((peer, _)) = self.server.accept() {
                    peer.set_nonblocking(true).expect("a socket");
                    self.peers.push(peer);
                }
            }
            1 => {
                let place = self.bytes.below(self.bound.len().max(1));
                if let Some(at) = self.bound.get(place)
                    && let Ok(peer) = TcpStream::connect_timeout(at, Duration::from_millis(20))
                {
                    peer.set_nonblocking(true).expect("a socket");
                    self.peers.push(peer);
                }
            }
            2 => {
                let mut buffer = [0; 4096];
                if let Ok((_, from)) = self.datagrams.recv_from(&mut buffer) {
                    let _ = self.datagrams.send_to(&buffer[..amount], from);
                    let _ = self.datagrams.send_to(b"", from);
                }
            }
            _ if self.peers.is_empty() => {}
            _ => {
                let place = self.bytes.below(self.peers.len());
                let peer = &mut self.peers[place];
                match which {
                    3 | 4 => drop(peer.write(&vec![7; amount])),
                    5 => drop(peer.read(&mut vec![0; amount])),
                    6 => drop(peer.shutdown(std::net::Shutdown::Write)),
                    _ => {
                        let peer = self.peers.swap_remove(place);
                        if self.bytes.byte() & 1 != 0 {
                            let now = Some(Duration::ZERO);
                            let _ = rustix::net::sockopt::set_socket_linger(&peer, now);
                        }
                    }
                }
            }
        }
    }

    /// Ends the session, and begins the next.
    fn close(&mut self) {
        let ending = match self.bytes.below(2) {
            0 => Ending::Linger,
            _ => Ending::Now,
        };
        self.bed.close_and_wait(self.front.device(), ending);
        self.bed.assert_nothing_left(self.front.device());
        self.asked.clear();
        while !self.lied && self.front.next_answer().is_some() {}
        (self.lied, self.broken) = (false, false);
        self.front.start_at(self.bytes.word());
        let opened = self.bed.open(&self.front, self.settings.clone());
        assert_eq!(opened, SessionEvent::Opened(self.front.device()));
    }

    fn check(&mut self) {
        while let Some(news) = self.bed.news() {
            assert!(matches!(news, SessionEvent::Broken(..)), "{news:?}");
            assert!(self.lied && !self.broken, "{news:?}");
            self.broken = true;
        }
        while !self.lied
            && let Some(answer) = self.front.next_answer()
        {
            let asked = self.asked.remove(&answer.req_id());
            assert_eq!(asked, Some((answer.cmd(), answer.id())), "{answer:?}");
            assert!((-524..=0).contains(&answer.ret()), "{answer:?}");
            let named = self.front.features() == Features::all();
            if named && answer.cmd() == 3 && answer.ret() == 0 {
                self.bound.extend(answer.local());
            }
        }
        let counters = self.bed.counters(self.front.device());
        assert!(counters.sockets.get() <= LIMITS.sockets.into());
        assert!(counters.connecting.get() <= LIMITS.pending_connects.into());
        assert!(counters.mapped_pages.get() <= LIMITS.mapped_pages.into());
    }

    fn finish(mut self) {
        for _ in 0..3 {
            self.bed.turn();
        }
        self.check();
        let ending = match self.lied {
            true => Ending::Now,
            false => Ending::Linger,
        };
        self.bed.end(&self.front, ending);
        // Whoever comes next is served.
        let mut next = self.bed.serve(2, Features::NONE, self.settings.clone());
        self.bed.ok(&mut next, request::socket(1));
        self.bed.end(&next, Ending::Now);
    }
}
