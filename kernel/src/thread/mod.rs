//! Threads: spawn, join, park, yield, sleep, each on a guarded stack of its own.
//!
//! Scheduling is cooperative and first come, first served on one vCPU. What the scheduler
//! promises: a thread runs until it waits (any blocking call, [`park`], [`sleep_until`]) or
//! calls [`yield_now`]; then every thread that was ready runs once before it runs again, so
//! a thread that becomes ready has its turn within one turn of all others. Between any two
//! turns, even if threads only yield and none ever blocks, events that arrived are handled,
//! timers that are due fire, and what was written to sockets is announced. The scheduler
//! does *not* interrupt a thread that computes: such a thread should yield now and then.
//!
//! A blocked thread is a [`Waker`]: everything that waits in this system is written as a
//! poll with a waker, and [`wait`] turns that into a blocking call with a deadline.

mod local;
mod sched;
mod stack;
mod switch;
mod timer;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::num::NonZeroU64;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use core::task::{Poll, Waker};

use spin::Mutex;

use crate::boot::image;
use local::Locals;
use stack::Stack;

pub use local::{AccessError, LocalKey};
pub use sched::{add_idle_hook, yield_now};
pub use timer::Timer;

/// Stack of a thread unless [`Builder::stack_size`] says otherwise: with its guard page, a
/// thousand fit into a domain of 64 MiB and leave it 10 MiB.
pub const DEFAULT_STACK_BYTES: usize = 48 * 1024;
/// The least that makes sense: formatting and a backtrace need a few KiB.
pub const MIN_STACK_BYTES: usize = 16 * 1024;

/// A handle to a thread. It may outlive the thread; it keeps its name, not its stack.
#[derive(Clone)]
pub struct Thread(Arc<Inner>);

/// The number of a thread: no other thread of this domain has it or had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(NonZeroU64);

impl ThreadId {
    /// As a number.
    pub fn as_u64(self) -> NonZeroU64 {
        self.0
    }
}

struct Inner {
    id: ThreadId,
    name: Option<String>,
    /// Set by `unpark`, taken by `park`.
    token: AtomicBool,
    /// Whether the thread waits for its token and is in no queue.
    parked: AtomicBool,
    /// Where its stack pointer was when it was switched away.
    saved_rsp: AtomicUsize,
    /// Where its stack is, for as long as it runs. The scheduler owns the stack.
    stack: Range<usize>,
    locals: Locals,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        Thread(self).unpark();
    }
}

impl core::fmt::Debug for Thread {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish()
    }
}

impl Thread {
    fn new(name: Option<String>, stack: Range<usize>) -> Thread {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let id = NonZeroU64::new(NEXT_ID.fetch_add(1, Ordering::Relaxed));
        Thread(Arc::new(Inner {
            id: ThreadId(id.expect("a domain ends before it has made 2^64 threads")),
            name,
            token: AtomicBool::new(false),
            parked: AtomicBool::new(false),
            saved_rsp: AtomicUsize::new(0),
            stack,
            locals: Locals::new(),
        }))
    }

    /// A number that no other thread of this domain has or had.
    pub fn id(&self) -> ThreadId {
        self.0.id
    }

    /// The name given at [`Builder::name`].
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Lets the thread's present or next [`park`] return.
    pub fn unpark(&self) {
        self.0.token.store(true, Ordering::Release);
        if self.0.parked.swap(false, Ordering::AcqRel) {
            sched::make_ready(self.clone());
        }
    }

    /// A waker that unparks the thread.
    pub fn waker(&self) -> Waker {
        Waker::from(self.0.clone())
    }
}

/// Why a thread was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The stack that could not be allocated.
    pub stack_bytes: usize,
}

impl core::fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "no memory for a stack of {} bytes", self.stack_bytes)
    }
}

impl core::error::Error for OutOfMemory {}

/// Settings of a thread to be.
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
    stack_bytes: Option<usize>,
}

impl Builder {
    /// The defaults: no name, a stack of [`DEFAULT_STACK_BYTES`].
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the thread, for panics and faults.
    pub fn name(mut self, name: String) -> Builder {
        self.name = Some(name);
        self
    }

    /// Size of the stack in bytes, rounded up to pages and to [`MIN_STACK_BYTES`].
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_bytes = Some(bytes);
        self
    }

    /// Starts a thread that runs `f`.
    pub fn spawn<F, T>(self, f: F) -> Result<JoinHandle<T>, OutOfMemory>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: `f` is 'static.
        unsafe { self.spawn_unchecked(f) }
    }

    /// As [`Builder::spawn`], for closures that borrow.
    ///
    /// # Safety
    /// The thread must have ended before anything that `f` borrows does.
    pub unsafe fn spawn_unchecked<'a, F, T>(self, f: F) -> Result<JoinHandle<T>, OutOfMemory>
    where
        F: FnOnce() -> T + Send + 'a,
        T: Send + 'a,
    {
        // SAFETY: passed on.
        unsafe { self.spawn_unchecked_then(f, || {}) }
    }

    /// As [`Builder::spawn_unchecked`]; when the thread has done all that could touch what `f`
    /// borrows, it calls `then`.
    ///
    /// # Safety
    /// `then` must have begun before anything that `f` borrows ends. That includes what the result
    /// borrows, unless the handle is forgotten.
    pub unsafe fn spawn_unchecked_then<'a, F, T, E>(
        self,
        f: F,
        then: E,
    ) -> Result<JoinHandle<T>, OutOfMemory>
    where
        F: FnOnce() -> T + Send + 'a,
        T: Send + 'a,
        E: FnOnce() + Send + 'static,
    {
        let bytes = self
            .stack_bytes
            .unwrap_or(DEFAULT_STACK_BYTES)
            .max(MIN_STACK_BYTES);
        let stack = Stack::new(bytes).ok_or(OutOfMemory { stack_bytes: bytes })?;
        let packet = Arc::new(Packet {
            result: Mutex::new(None),
            joiner: Mutex::new(None),
        });
        let entry: Box<dyn FnOnce() + Send + 'a> = {
            let packet = packet.clone();
            Box::new(move || {
                let result = f();
                current().0.locals.destroy();
                *packet.result.lock() = Some(result);
                let joiner = packet.joiner.lock().take();
                // If nobody will join, this drops the result.
                drop(packet);
                then();
                if let Some(joiner) = joiner {
                    joiner.wake();
                }
            })
        };
        // SAFETY: only the lifetime changes; the caller sees to it that the thread, and so
        // the closure, ends in time.
        let entry = unsafe {
            core::mem::transmute::<Box<dyn FnOnce() + Send + 'a>, Box<dyn FnOnce() + Send>>(entry)
        };
        let thread = Thread::new(self.name, stack.range());
        sched::start(thread.clone(), stack, entry);
        Ok(JoinHandle { thread, packet })
    }
}

struct Packet<T> {
    result: Mutex<Option<T>>,
    joiner: Mutex<Option<Waker>>,
}

/// Waits for a thread and takes its result; dropping it lets the thread go on by itself.
pub struct JoinHandle<T> {
    thread: Thread,
    packet: Arc<Packet<T>>,
}

impl<T> core::fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("JoinHandle")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

impl<T> JoinHandle<T> {
    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.packet.result.lock().is_some()
    }

    /// Waits for the end of the thread. A thread that panics ends the domain, so there is
    /// always a result.
    pub fn join(self) -> T {
        let result = wait(None, |waker| {
            *self.packet.joiner.lock() = Some(waker.clone());
            match self.packet.result.lock().take() {
                Some(result) => Poll::Ready(result),
                None => Poll::Pending,
            }
        });
        result.expect("a wait without deadline ends with a result")
    }
}

/// Starts a thread with the default settings.
///
/// # Panics
/// When there is no memory for its stack; [`Builder::spawn`] returns an error instead.
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f).expect("spawn a thread")
}

/// The thread that calls this.
pub fn current() -> Thread {
    sched::current().expect("threads exist")
}

/// The current thread's name, or number, for reports of panics and faults: takes no lock
/// that could be held and allocates nothing.
pub(crate) struct CurrentName;

impl core::fmt::Display for CurrentName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match sched::try_current() {
            Some(thread) => match thread.name() {
                Some(name) => f.write_str(name),
                None => write!(f, "#{}", thread.id().as_u64()),
            },
            None => f.write_str("unknown"),
        }
    }
}

/// The current thread's stack, for backtraces: as [`CurrentName`], at any time.
pub(crate) fn current_stack() -> Range<usize> {
    sched::try_current().map_or(boot_stack(), |thread| thread.0.stack.clone())
}

/// The main thread runs on the stack of the boot.
fn boot_stack() -> Range<usize> {
    image::stack_bottom()..image::stack_top()
}

/// Makes what runs now the main thread.
pub(crate) fn init() {
    sched::init(Thread::new(Some("main".into()), boot_stack()));
    timer::init();
}

/// Waits until [`Thread::unpark`] was called for the current thread since the last return.
/// May return without reason; look at what you wait for.
pub fn park() {
    let inner = &current().0;
    inner.parked.store(true, Ordering::Release);
    if inner.token.swap(false, Ordering::AcqRel) {
        inner.parked.store(false, Ordering::Release);
        return;
    }
    sched::reschedule();
    inner.token.store(false, Ordering::Release);
}

/// As [`park`], but returns at `deadline_ns` of [`crate::time::monotonic_ns`] at the latest.
pub fn park_until(deadline_ns: u64) {
    let _timer = Timer::new(deadline_ns, current().waker());
    park();
}

/// Sleeps until system time `deadline_ns`.
pub fn sleep_until(deadline_ns: u64) {
    wait::<()>(Some(deadline_ns), |_| Poll::Pending);
}

/// Blocks the thread on a poll: calls `poll` with the thread's waker until it is ready or
/// system time `deadline_ns` is reached (`None`).
pub fn wait<T>(deadline_ns: Option<u64>, mut poll: impl FnMut(&Waker) -> Poll<T>) -> Option<T> {
    let thread = current();
    let waker = thread.waker();
    let mut parked = false;
    let result = loop {
        if let Poll::Ready(value) = poll(&waker) {
            break Some(value);
        }
        if deadline_ns.is_some_and(|deadline| crate::time::monotonic_ns() >= deadline) {
            break None;
        }
        let _timer = deadline_ns.map(|deadline| Timer::new(deadline, waker.clone()));
        parked = true;
        park();
    };
    if parked {
        // Among the wake-ups used here may have been one meant for the thread's own next
        // `park`: that one returns once without reason rather than wait for it for ever.
        thread.0.token.store(true, Ordering::Release);
    }
    result
}
