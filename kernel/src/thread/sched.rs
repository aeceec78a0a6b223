//! The scheduler: who runs next, and what happens when nobody can.
//!
//! [`reschedule`] is the one path: handle events, wake what is due, then switch to the first
//! ready thread; when there is none, tell peers what they do not know yet (idle hooks),
//! look once more, and block in Xen. It runs on the stack of the thread that waits; there
//! is no idle thread.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use spin::Mutex;

use super::stack::Stack;
use super::{Thread, ThreadId, switch, timer};
use crate::event;

/// A thread that has not ended, its stack (not main's) and what it runs first.
struct Live {
    /// Kept, since a switch saves the stack pointer in it.
    _thread: Thread,
    _stack: Option<Stack>,
    entry: Option<Box<dyn FnOnce() + Send>>,
}

/// What belongs to one vCPU. There is one now; a second gets its own.
struct Vcpu {
    current: Option<Thread>,
    ready: VecDeque<Thread>,
    /// A thread that ended: its stack can go once another one runs.
    ended: Option<Live>,
}

static VCPU: Mutex<Vcpu> = Mutex::new(Vcpu {
    current: None,
    ready: VecDeque::new(),
    ended: None,
});

/// All threads by number, with their stacks: a stack lives as long as its thread runs, whoever
/// holds a handle to it or may wake it.
static LIVE: Mutex<BTreeMap<ThreadId, Live>> = Mutex::new(BTreeMap::new());

static IDLE_HOOKS: Mutex<Vec<fn()>> = Mutex::new(Vec::new());

pub(super) fn init(main: Thread) {
    LIVE.lock().insert(
        main.id(),
        Live {
            _thread: main.clone(),
            _stack: None,
            entry: None,
        },
    );
    VCPU.lock().current = Some(main);
}

pub(super) fn current() -> Option<Thread> {
    VCPU.lock().current.clone()
}

/// As [`current`], but not if the scheduler itself is what failed.
pub(super) fn try_current() -> Option<Thread> {
    VCPU.try_lock()?.current.clone()
}

pub(super) fn make_ready(thread: Thread) {
    VCPU.lock().ready.push_back(thread);
}

/// Calls `hook` whenever no thread is ready and the vCPU is about to block, and before a
/// thread gives way to another: the place to tell peers what was not announced yet.
pub fn add_idle_hook(hook: fn()) {
    IDLE_HOOKS.lock().push(hook);
}

pub(super) fn start(thread: Thread, stack: Stack, entry: Box<dyn FnOnce() + Send>) {
    // SAFETY: the stack is new: nobody uses it, its top is page aligned, and it has at
    // least MIN_STACK_BYTES.
    let rsp = unsafe { switch::prepare(stack.top(), thread_entry) };
    thread.0.saved_rsp.store(rsp, Ordering::Relaxed);
    LIVE.lock().insert(
        thread.id(),
        Live {
            _thread: thread.clone(),
            _stack: Some(stack),
            entry: Some(entry),
        },
    );
    make_ready(thread);
}

extern "C" fn thread_entry() -> ! {
    bury();
    let id = super::current().id();
    let entry = LIVE.lock().get_mut(&id).and_then(|live| live.entry.take());
    entry.expect("a thread starts once")();
    let ended = LIVE.lock().remove(&id);
    VCPU.lock().ended = ended;
    loop {
        reschedule();
    }
}

/// Lets every other ready thread run first.
pub fn yield_now() {
    let thread = super::current();
    make_ready(thread);
    reschedule();
}

/// Runs other threads until the current one is taken from the ready queue again. Who calls
/// this has put it there, or made sure that somebody will, or ends.
pub(super) fn reschedule() {
    loop {
        if event::pending() {
            event::dispatch();
        }
        timer::fire();
        run_hooks();
        if let Some(next) = next_ready() {
            switch_to(next);
            return;
        }
        if !event::pending() {
            timer::arm();
            event::block::block();
        }
    }
}

fn next_ready() -> Option<Thread> {
    VCPU.lock().ready.pop_front()
}

fn run_hooks() {
    for index in 0.. {
        let hook = IDLE_HOOKS.lock().get(index).copied();
        match hook {
            Some(hook) => hook(),
            None => return,
        }
    }
}

fn switch_to(next: Thread) {
    let resume = next.0.saved_rsp.load(Ordering::Relaxed);
    let save = {
        let mut vcpu = VCPU.lock();
        let id = next.id();
        let previous = vcpu.current.replace(next).expect("somebody runs");
        if previous.id() == id {
            return;
        }
        previous.0.saved_rsp.as_ptr()
    };
    // SAFETY: `resume` is where the thread was switched away or prepared, and it runs
    // nowhere else, since it was in the ready queue. `save` points into the `Inner` of the
    // thread that runs until here, which LIVE or `ended` keeps.
    unsafe { switch::switch(save, resume) };
    bury();
}

/// Frees the stack of a thread that ended, from another one's stack.
fn bury() {
    let ended = VCPU.lock().ended.take();
    drop(ended);
}
