//! The console ring (xen/io/console.h): what a guest prints, and what is typed to it.
//!
//! Output goes to dom0's console daemon, which logs it and shows it in `xl console`; line
//! ends become CR LF, as a terminal in raw mode wants. When the ring is full the writer
//! waits for the daemon, and the whole vCPU with it, for messages come from the scheduler's
//! own code, too; a daemon that reads nothing for [`PATIENCE_NS`] loses output rather than
//! stopping the guest, and [`dropped_bytes`] tells how much.
//!
//! The other side owns `out_cons` and `in_prod`; both are read once, checked, and only the
//! copy is used. A value that cannot be right ends the use of that direction.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use core::task::{Poll, Waker};

use spin::Mutex;
use xen_sys as xen;

use crate::event::{self, Port};
use crate::time::{self, NS_PER_MS, NS_PER_S};
use crate::{hypercall, thread};

/// How long a full ring may stay full before output is dropped.
const PATIENCE_NS: u64 = 5 * NS_PER_S;
const OUT_BYTES: u32 = xen::macros::XENCONS_OUT_BYTES;
const IN_BYTES: u32 = xen::macros::XENCONS_IN_BYTES;

static RING: AtomicPtr<xen::xencons_interface> = AtomicPtr::new(core::ptr::null_mut());
static PORT: AtomicU32 = AtomicU32::new(0);
/// Bytes that nobody fetched in time.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Whether the ring was full for so long that nobody seems to read: until something moves
/// again, output is dropped at once.
static ABANDONED: AtomicBool = AtomicBool::new(false);
/// Whether a report of a panic or fault is under way: locks may be held by who failed.
static EMERGENCY: AtomicBool = AtomicBool::new(false);
static WRITER: Mutex<()> = Mutex::new(());
static READERS: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

/// # Safety
/// `page` must be the address of this domain's console ring, mapped until the next call.
pub(crate) unsafe fn init(page: usize, port: Port) {
    RING.store(
        core::ptr::with_exposed_provenance_mut(page),
        Ordering::Relaxed,
    );
    PORT.store(port, Ordering::Relaxed);
}

/// Listens to the daemon, and makes the console the sink of [`log`].
pub(crate) fn connect() {
    let wake = |_| {
        let readers = core::mem::take(&mut *READERS.lock());
        readers.into_iter().for_each(Waker::wake);
    };
    event::set_handler(PORT.load(Ordering::Relaxed), Arc::new(wake));
    static LOG: Log = Log;
    if log::set_logger(&LOG).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

/// The ring's fields as the atomics that both sides treat them as.
struct Ring(*mut xen::xencons_interface);

impl Ring {
    fn get() -> Option<Ring> {
        let ring = RING.load(Ordering::Relaxed);
        (!ring.is_null()).then_some(Ring(ring))
    }

    fn out_cons(&self) -> &AtomicU32 {
        // SAFETY: mapped for good (see `init`), aligned, accessed atomically by both sides.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.0).out_cons) }
    }

    fn out_prod(&self) -> &AtomicU32 {
        // SAFETY: as for `out_cons`.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.0).out_prod) }
    }

    fn in_cons(&self) -> &AtomicU32 {
        // SAFETY: as for `out_cons`.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.0).in_cons) }
    }

    fn in_prod(&self) -> &AtomicU32 {
        // SAFETY: as for `out_cons`.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.0).in_prod) }
    }

    /// Copies what fits and returns how much that was; `None` for indexes that cannot be.
    fn push(&self, bytes: &[u8]) -> Option<usize> {
        // Ours; nobody but the daemon's own mistake changes it, and then only output suffers.
        let prod = self.out_prod().load(Ordering::Relaxed);
        let used = prod.wrapping_sub(self.out_cons().load(Ordering::Acquire));
        let room = OUT_BYTES.checked_sub(used)? as usize;
        let count = room.min(bytes.len());
        let mut index = prod;
        for &byte in &bytes[..count] {
            // SAFETY: the array has OUT_BYTES bytes and the index is taken modulo that.
            unsafe {
                (&raw mut (*self.0).out)
                    .cast::<u8>()
                    .add((index % OUT_BYTES) as usize)
                    .write_volatile(byte);
            }
            index = index.wrapping_add(1);
        }
        self.out_prod().store(index, Ordering::Release);
        Some(count)
    }

    /// Takes what is there, up to the length of `bytes`; nothing for impossible indexes.
    fn pull(&self, bytes: &mut [u8]) -> usize {
        let cons = self.in_cons().load(Ordering::Relaxed);
        let ready = self.in_prod().load(Ordering::Acquire).wrapping_sub(cons);
        if ready > IN_BYTES {
            return 0;
        }
        let count = (ready as usize).min(bytes.len());
        let mut index = cons;
        for byte in &mut bytes[..count] {
            // SAFETY: the array has IN_BYTES bytes and the index is taken modulo that.
            *byte = unsafe {
                (&raw const (*self.0).in_)
                    .cast::<u8>()
                    .add((index % IN_BYTES) as usize)
                    .read_volatile()
            };
            index = index.wrapping_add(1);
        }
        self.in_cons().store(index, Ordering::Release);
        count
    }
}

fn announce() {
    // A port that the host closed means a console without a reader: nothing to be done.
    let _ = event::notify(PORT.load(Ordering::Relaxed));
}

/// Writes all bytes, waiting for room; see the module text for what is lost when.
fn write_raw(ring: &Ring, mut bytes: &[u8]) {
    let mut give_up = None;
    while !bytes.is_empty() {
        let Some(count) = ring.push(bytes) else {
            return;
        };
        bytes = &bytes[count..];
        if count > 0 {
            ABANDONED.store(false, Ordering::Relaxed);
        }
        if bytes.is_empty() {
            break;
        }
        announce();
        let now = time::monotonic_ns();
        let patience = if ABANDONED.load(Ordering::Relaxed) {
            0
        } else {
            PATIENCE_NS
        };
        if now >= *give_up.get_or_insert(now + patience) {
            ABANDONED.store(true, Ordering::Relaxed);
            DROPPED.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            return;
        }
        // Not through the scheduler: panics print too. The port's bit may be set already
        // by an event nobody dispatched, hence the short sleep.
        hypercall::poll_ports(&[], now + NS_PER_MS);
    }
    announce();
}

/// Writes bytes to the console, LF as CR LF.
pub fn write(bytes: &[u8]) {
    let Some(ring) = Ring::get() else { return };
    let _one_at_a_time = (!EMERGENCY.load(Ordering::Relaxed)).then(|| WRITER.lock());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                let mut buffer = [0; 256];
                if text.len() + 2 <= buffer.len() {
                    // The usual short line: one push, one notification.
                    buffer[..text.len()].copy_from_slice(text);
                    buffer[text.len()..text.len() + 2].copy_from_slice(b"\r\n");
                    write_raw(&ring, &buffer[..text.len() + 2]);
                } else {
                    write_raw(&ring, text);
                    write_raw(&ring, b"\r\n");
                }
            }
            None => write_raw(&ring, line),
        }
    }
}

/// Reads at least one byte, waiting for it until system time `deadline_ns`; 0 at the deadline.
pub fn read(bytes: &mut [u8], deadline_ns: Option<u64>) -> usize {
    let Some(ring) = Ring::get() else { return 0 };
    if bytes.is_empty() {
        return 0;
    }
    let count = thread::wait(deadline_ns, |waker| {
        let mut readers = READERS.lock();
        if !readers.iter().any(|reader| reader.will_wake(waker)) {
            readers.push(waker.clone());
        }
        drop(readers);
        match ring.pull(bytes) {
            0 => Poll::Pending,
            count => Poll::Ready(count),
        }
    });
    if count.is_some() {
        announce();
    }
    count.unwrap_or(0)
}

/// Bytes of output that the host did not fetch in time.
pub fn dropped_bytes() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Waits, for a second at most, until the host has fetched everything.
pub(crate) fn flush() {
    let Some(ring) = Ring::get() else { return };
    if !event::is_up() {
        // No clock yet: what happened, happened at the start of day.
        for _ in 0..1000 {
            announce();
            hypercall::poll_ports(&[], 1);
        }
        return;
    }
    let give_up = time::monotonic_ns() + NS_PER_S;
    while ring.out_cons().load(Ordering::Acquire) != ring.out_prod().load(Ordering::Relaxed)
        && time::monotonic_ns() < give_up
    {
        announce();
        hypercall::poll_ports(&[], time::monotonic_ns() + NS_PER_MS);
    }
}

/// From here on nothing waits for a lock: the thread that holds it may be the one that failed.
pub(crate) fn begin_emergency() {
    EMERGENCY.store(true, Ordering::Relaxed);
}

/// Prints without taking a lock or allocating.
pub(crate) fn emergency(text: fmt::Arguments<'_>) {
    print(text);
}

/// Prints formatted text: what `print!` calls.
pub fn print(text: fmt::Arguments<'_>) {
    if let Some(text) = text.as_str() {
        return write(text.as_bytes());
    }
    let mut lines = Lines {
        buffer: [0; 512],
        used: 0,
    };
    // `Lines` never fails; a `Display` that does has nothing more to print.
    let _ = fmt::write(&mut lines, text);
    lines.flush();
}

/// Gathers the pieces of formatted text, so that a line is one write and one notification.
struct Lines {
    buffer: [u8; 512],
    used: usize,
}

impl Lines {
    fn flush(&mut self) {
        write(&self.buffer[..self.used]);
        self.used = 0;
    }
}

impl fmt::Write for Lines {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            let count = bytes.len().min(self.buffer.len() - self.used);
            self.buffer[self.used..self.used + count].copy_from_slice(&bytes[..count]);
            self.used += count;
            bytes = &bytes[count..];
            if self.used == self.buffer.len() {
                self.flush();
            }
        }
        Ok(())
    }
}

/// The sink of the `log` facade.
struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let ms = time::monotonic_ns() / NS_PER_MS;
            print(format_args!(
                "[{:5}.{:03} {:<5} {}] {}\n",
                ms / 1000,
                ms % 1000,
                record.level(),
                record.target(),
                record.args()
            ));
        }
    }

    fn flush(&self) {}
}
