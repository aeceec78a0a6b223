//! The data connections: a thread for each, which sends or receives and counts.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use iperf3::protocol::{Carried, Parameters};
use iperf3::session::Streams;
use rt::io::{self, ErrorKind, Read, Write};
use rt::net::{Shutdown, TcpStream};
use rt::thread;
use rt::time::{Duration, Instant};

use super::{Desk, PATIENCE};

/// What the client sent before it said that it is done may still be on its way: it is, as long as
/// something comes at least that often.
const QUIET: Duration = Duration::from_millis(200);
/// But no longer than that.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// The streams of one test.
pub(super) struct Data {
    desk: Arc<Desk>,
    workers: Vec<Worker>,
    stop: Arc<AtomicBool>,
}

struct Worker {
    stream: TcpStream,
    count: Arc<Count>,
    thread: thread::JoinHandle<()>,
}

/// What a stream carried. Times are nanoseconds from the start of the test.
#[derive(Default)]
struct Count {
    bytes: AtomicU64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

impl Data {
    pub(super) fn new(desk: Arc<Desk>) -> Data {
        Data {
            desk,
            workers: Vec::new(),
            stop: Arc::new(AtomicBool::new(false)),
        }
    }

    fn total(&self) -> u64 {
        let bytes = self
            .workers
            .iter()
            .map(|worker| worker.count.bytes.load(Ordering::Relaxed));
        bytes.sum()
    }
}

impl Streams for Data {
    type Error = io::Error;

    fn expect(&mut self, parameters: &Parameters) -> io::Result<()> {
        self.desk.test().missing = parameters.streams;
        Ok(())
    }

    fn wait(&mut self, _: &Parameters) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut test = self.desk.test();
        while test.missing > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            let waited = self.desk.changed.wait_timeout(test, left);
            test = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
        Ok(())
    }

    fn start(&mut self, parameters: &Parameters) -> io::Result<()> {
        let streams = core::mem::take(&mut self.desk.test().streams);
        let start = Instant::now();
        for stream in streams {
            if parameters.nodelay {
                let _ = stream.set_nodelay(true);
            }
            let (count, stop) = (Arc::new(Count::default()), self.stop.clone());
            let own = stream.try_clone()?;
            let (for_thread, parameters) = (count.clone(), parameters.clone());
            let thread = thread::Builder::new().spawn(move || {
                // How a stream ends is the client's affair; what it carried is counted.
                let _ = match parameters.reverse {
                    true => send(own, &parameters, start, &for_thread, &stop),
                    false => receive(own, &parameters, start, &for_thread),
                };
            })?;
            self.workers.push(Worker {
                stream,
                count,
                thread,
            });
        }
        Ok(())
    }

    fn stop(&mut self, parameters: &Parameters) -> Vec<Carried> {
        self.stop.store(true, Ordering::Relaxed);
        if !parameters.reverse {
            let deadline = Instant::now() + LAST_BYTES;
            let mut before = self.total();
            loop {
                thread::sleep(QUIET);
                let now = self.total();
                if now == before || Instant::now() >= deadline {
                    break;
                }
                before = now;
            }
        }
        let workers = core::mem::take(&mut self.workers);
        let carried = workers.iter().map(|worker| {
            let (count, relaxed) = (&worker.count, Ordering::Relaxed);
            let ns = count.last_ns.load(relaxed) - count.first_ns.load(relaxed);
            Carried {
                bytes: count.bytes.load(relaxed),
                seconds: Duration::from_nanos(ns).as_secs_f64(),
            }
        });
        let carried = carried.collect();
        for worker in &workers {
            // Wakes the thread, wherever it waits.
            let _ = worker.stream.shutdown(Shutdown::Both);
        }
        for worker in workers {
            let _ = worker.thread.join();
        }
        carried
    }
}

/// Drops are for tests that never came to their end.
impl Drop for Data {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for worker in &self.workers {
            let _ = worker.stream.shutdown(Shutdown::Both);
        }
    }
}

impl Count {
    /// So many bytes more, unless they are of the time that does not count.
    fn add(&self, bytes: usize, start: Instant, parameters: &Parameters) {
        let now = start.elapsed();
        let omit = Duration::from_secs(parameters.omit_s.into());
        if now < omit {
            return;
        }
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.first_ns.store(ns(omit), Ordering::Relaxed);
        self.last_ns.store(ns(now), Ordering::Relaxed);
    }
}

fn receive(
    mut stream: TcpStream,
    parameters: &Parameters,
    start: Instant,
    count: &Count,
) -> io::Result<()> {
    let mut block = vec![0; parameters.block];
    loop {
        match stream.read(&mut block)? {
            0 => return Ok(()),
            bytes => count.add(bytes, start, parameters),
        }
    }
}

fn send(
    mut stream: TcpStream,
    parameters: &Parameters,
    start: Instant,
    count: &Count,
    stop: &AtomicBool,
) -> io::Result<()> {
    let block = vec![0x55; parameters.block];
    let mut sent: u64 = 0;
    while !stop.load(Ordering::Relaxed) {
        let bytes = stream.write(&block)?;
        count.add(bytes, start, parameters);
        sent += bytes as u64;
        if parameters.bits_per_second > 0 {
            // When so much should have been sent.
            let due_ms = u128::from(sent) * 8000 / u128::from(parameters.bits_per_second);
            let due = Duration::from_millis(u64::try_from(due_ms).unwrap_or(u64::MAX));
            while !stop.load(Ordering::Relaxed) && start.elapsed() < due {
                // In steps, to see when the test is over.
                let ahead = due.saturating_sub(start.elapsed());
                thread::sleep(ahead.min(Duration::from_millis(100)));
            }
        }
    }
    Ok(())
}
