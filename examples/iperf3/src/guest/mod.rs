//! The guest: who connects, and whose test it is.
//!
//! Every connection begins with a cookie. One that nobody knows begins a test, if there is none;
//! the same again is a stream of that test.

mod streams;

use alloc::sync::Arc;
use alloc::vec::Vec;

use iperf3::protocol::{COOKIE_BYTES, Cookie, State};
use iperf3::session::{self, Control, Measured, Step};
use rt::io::{self, Error, ErrorKind, Read, Write};
use rt::net::{SocketAddr, TcpListener, TcpStream};
use rt::sync::{Condvar, Mutex, MutexGuard};
use rt::thread;
use rt::time::{Duration, Instant};
use rt::{env, println};

use streams::Data;

/// How long a client may think about an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much longer than announced a test may take.
const GRACE: Duration = Duration::from_secs(30);
/// How long a test without a time may take.
const LONGEST: Duration = Duration::from_secs(3600);
/// How many connections may be about to send their cookie.
const MOST_STRANGERS: usize = 64;

#[rt::main]
fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let port = match (args.next().as_deref(), args.next(), args.next()) {
        (None, ..) => Some(5201),
        (Some("--port"), Some(port), None) => port.parse().ok(),
        _ => None,
    };
    let usage = || Error::new(ErrorKind::InvalidInput, "usage: iperf3 [--port N]");
    let port: u16 = port.ok_or_else(usage)?;
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("iperf3: listening on 0.0.0.0:{port}");

    let desk = Arc::new(Desk::default());
    loop {
        let (stream, client) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                println!("iperf3: accept: {error}");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        if desk.test().strangers >= MOST_STRANGERS {
            continue;
        }
        desk.test().strangers += 1;
        let for_client = desk.clone();
        let spawned = thread::Builder::new().spawn(move || receive(stream, client, &for_client));
        if let Err(error) = spawned {
            println!("iperf3: no thread for a client: {error}");
            desk.test().strangers -= 1;
        }
    }
}

/// Where connections are told apart.
#[derive(Default)]
struct Desk {
    test: Mutex<Test>,
    changed: Condvar,
}

/// The test that is under way, if there is one.
#[derive(Default)]
struct Test {
    cookie: Option<Cookie>,
    /// How many more streams it takes.
    missing: usize,
    streams: Vec<TcpStream>,
    strangers: usize,
}

impl Desk {
    fn test(&self) -> MutexGuard<'_, Test> {
        self.test
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Finds out what a connection is, and carries out the test if it begins one.
fn receive(mut stream: TcpStream, client: SocketAddr, desk: &Arc<Desk>) {
    let mut cookie = [0; COOKIE_BYTES];
    let came = receive_by(&mut stream, &mut cookie, Instant::now() + PATIENCE);
    let mut test = desk.test();
    test.strangers -= 1;
    if came.is_err() {
        return;
    }
    match test.cookie {
        None => test.cookie = Some(cookie),
        Some(current) if current == cookie && test.missing > 0 => {
            test.missing -= 1;
            test.streams.push(stream);
            desk.changed.notify_all();
            return;
        }
        Some(_) => {
            drop(test);
            // The connection is new: there is room for a byte.
            let _ = stream.write_all(&[State::AccessDenied as u8]);
            return;
        }
    }
    drop(test);
    let _ = stream.set_nodelay(true);
    let mut control = Connection(stream);
    let result = session::run(&mut control, &mut Data::new(desk.clone()));
    match result {
        Ok(measured) => report(client, &measured),
        Err(error) => println!("{client}: {error}"),
    }
    let mut test = desk.test();
    test.cookie = None;
    test.missing = 0;
    test.streams.clear();
}

fn report(client: SocketAddr, measured: &Measured) {
    let bytes: u64 = measured.carried.iter().map(|stream| stream.bytes).sum();
    let seconds = measured.carried.iter().map(|stream| stream.seconds);
    let seconds = seconds.fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{client}: {} {megabytes:.1} MB in {seconds:.1} s over {} streams, {:.1} Mbit/s",
        if measured.parameters.reverse {
            "sent"
        } else {
            "received"
        },
        measured.carried.len(),
        megabytes * 8.0 / seconds.max(0.001),
    );
}

/// Fills `bytes` by then.
fn receive_by(stream: &mut TcpStream, mut bytes: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        match deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return Err(ErrorKind::TimedOut.into()),
            left => stream.set_read_timeout(Some(left))?,
        }
        match stream.read(bytes)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => bytes = &mut bytes[count..],
        }
    }
    Ok(())
}

struct Connection(TcpStream);

impl Control for Connection {
    type Error = Error;

    fn receive(&mut self, bytes: &mut [u8], step: Step) -> io::Result<()> {
        let patience = match step {
            Step::Answer => PATIENCE,
            Step::Measure(0) => LONGEST,
            Step::Measure(seconds) => Duration::from_secs(seconds.into()) + GRACE,
        };
        receive_by(&mut self.0, bytes, Instant::now() + patience)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.set_write_timeout(Some(PATIENCE))?;
        self.0.write_all(bytes)
    }
}
