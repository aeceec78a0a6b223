//! The workers' threads, and the data side as the control side sees it.
//!
//! One thread per processor in the daemon's own network namespace, and one for each further
//! namespace: a thread belongs to one namespace, and its sockets to that. A device is served by
//! one of them for as long as its session lasts, and by the same one again after that.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use mio::{Poll, Waker};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::counters::Counters;
use crate::platform::Platform;
use crate::resolve::{Resolver, Ticket};
use crate::sessions::{Connection, DeviceId, Ending, SessionEvent, Sessions};
use crate::worker::tokens::Subject;
use crate::worker::{Message, Worker};

/// What a thread does first, having its files and its namespace: lock itself in, say.
pub type Enter = Arc<dyn Fn(Thread) -> io::Result<()> + Send + Sync>;
/// Called after every news for the control side.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The kinds of threads there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// Serves frontends.
    Worker,
    /// Resolves names.
    Resolver,
}

/// How many threads, and where.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Threads in the daemon's own network namespace; at least one.
    pub workers: usize,
    /// Further network namespaces: files such as `/run/netns/blue`.
    pub namespaces: Vec<PathBuf>,
}

/// A worker, from outside.
struct Handle {
    messages: Sender<Message>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    fn tell(&self, message: Message) {
        // A worker only ends when it was told to, or with the process.
        if self.messages.send(message).is_ok()
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a worker cannot be woken");
        }
    }
}

/// All workers.
pub struct Pool {
    workers: Vec<Handle>,
    /// How many of them are in the daemon's own namespace; they come first.
    plain: usize,
    namespaces: Vec<PathBuf>,
    assigned: Arc<Mutex<HashMap<DeviceId, usize>>>,
    events: Receiver<SessionEvent>,
    late: Sender<SessionEvent>,
    wake: Wake,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts the threads. `platform` is called here, once per worker: devices are opened before
    /// any thread gives up its rights.
    ///
    /// # Errors
    /// A device, a namespace or a thread that cannot be had.
    pub fn start<P: Platform + Send>(
        layout: &Layout,
        mut platform: impl FnMut() -> io::Result<P>,
        enter: &Enter,
        wake: Wake,
        counters: &Arc<Counters>,
    ) -> io::Result<Self> {
        let (late, events) = channel();
        let plain = layout.workers.max(1);
        let mut places = vec![None; plain];
        places.extend(layout.namespaces.iter().cloned().map(Some));
        let mut starts = Vec::new();
        let mut workers = Vec::new();
        for place in places {
            let (messages, inbox) = channel();
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), Subject::Messages.token())?);
            workers.push(Handle {
                messages,
                waker,
                thread: None,
            });
            starts.push((place, poll, platform()?, inbox));
        }
        let mut pool = Self {
            workers: Vec::new(),
            plain,
            namespaces: layout.namespaces.clone(),
            assigned: Arc::default(),
            events,
            late,
            wake,
        };
        let resolver = Arc::new(pool.resolver(enter, &workers)?);
        let (entered, results) = channel();
        for (number, (place, poll, platform, inbox)) in starts.into_iter().enumerate() {
            let (late, wake) = (pool.late.clone(), Arc::clone(&pool.wake));
            let report = move |event| {
                if late.send(event).is_ok() {
                    wake();
                }
            };
            let (counters, resolver) = (Arc::clone(counters), Arc::clone(&resolver));
            let (enter, entered) = (Arc::clone(enter), entered.clone());
            let thread = std::thread::Builder::new().name(format!("worker-{number}"));
            let thread = thread.spawn(move || {
                let start = || {
                    if let Some(place) = &place {
                        enter_namespace(place)?;
                    }
                    enter(Thread::Worker)?;
                    let report = Box::new(report);
                    Worker::new(poll, platform, inbox, report, counters, Some(resolver))
                };
                match start() {
                    Ok(worker) => {
                        let _ = entered.send(Ok(()));
                        serve(worker);
                    }
                    Err(error) => {
                        let _ = entered.send(Err(error));
                    }
                }
            })?;
            workers[number].thread = Some(thread);
        }
        let count = workers.len();
        pool.workers = workers;
        for _ in 0..count {
            let ready = results.recv();
            ready.map_err(|_| io::Error::other("a worker ended at its start"))??;
        }
        Ok(pool)
    }

    fn resolver(&self, enter: &Enter, workers: &[Handle]) -> io::Result<Resolver> {
        let assigned = Arc::clone(&self.assigned);
        let doors: Vec<_> = workers
            .iter()
            .map(|worker| (worker.messages.clone(), Arc::clone(&worker.waker)))
            .collect();
        let doors = Mutex::new(doors);
        let deliver = move |ticket: Ticket, answer| {
            let assigned = assigned.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(&index) = assigned.get(&ticket.device) else {
                return;
            };
            let doors = doors.lock().unwrap_or_else(PoisonError::into_inner);
            let (messages, waker) = &doors[index];
            if messages.send(Message::Resolved(ticket, answer)).is_ok() {
                let _ = waker.wake();
            }
        };
        let enter = Arc::clone(enter);
        let enter = move || {
            if let Err(error) = enter(Thread::Resolver) {
                tracing::error!(%error, "the resolver is not locked in");
            }
        };
        Resolver::new(Box::new(enter), Box::new(deliver))
    }

    /// Which worker serves a device in this namespace.
    fn place(&self, device: DeviceId, namespace: Option<&Path>) -> Result<usize, String> {
        let Some(namespace) = namespace else {
            let hasher = BuildHasherDefault::<DefaultHasher>::default();
            let hash = usize::try_from(hasher.hash_one(device) >> 33).expect("31 bits");
            return Ok(hash % self.plain);
        };
        let known = self.namespaces.iter().position(|one| one == namespace);
        let known = known.map(|index| self.plain + index);
        known.ok_or_else(|| {
            format!(
                "the network namespace {} was not in the configuration when the daemon started",
                namespace.display()
            )
        })
    }

    /// Has the workers end, each when its sessions have ended and the sockets that guests
    /// released have sent what they had, or their time is over.
    pub fn stop(&self) {
        for worker in self.workers.iter() {
            worker.tell(Message::Stop);
        }
    }

    /// After [`stop`](Self::stop): whether they have.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        let ended = |worker: &Handle| worker.thread.as_ref().is_none_or(JoinHandle::is_finished);
        self.workers.iter().all(ended)
    }
}

impl Sessions for Pool {
    fn open(&mut self, device: DeviceId, connection: Connection) {
        let namespace = connection.settings.namespace.as_deref();
        match self.place(device, namespace) {
            Ok(index) => {
                let mut assigned = self.assigned.lock().unwrap_or_else(PoisonError::into_inner);
                assigned.insert(device, index);
                self.workers[index].tell(Message::Open(device, connection));
            }
            Err(reason) => {
                let _ = self.late.send(SessionEvent::Failed(device, reason));
                (self.wake)();
            }
        }
    }

    fn close(&mut self, device: DeviceId, ending: Ending) {
        let assigned = self.assigned.lock().unwrap_or_else(PoisonError::into_inner);
        match assigned.get(&device) {
            Some(&index) => self.workers[index].tell(Message::Close(device, ending)),
            None => {
                let _ = self.late.send(SessionEvent::Closed(device));
                (self.wake)();
            }
        }
    }

    fn next_event(&mut self) -> Option<SessionEvent> {
        let event = self.events.try_recv().ok()?;
        if let SessionEvent::Closed(device) | SessionEvent::Failed(device, _) = &event {
            let mut assigned = self.assigned.lock().unwrap_or_else(PoisonError::into_inner);
            assigned.remove(device);
        }
        Some(event)
    }
}

/// A thread's work. A worker that cannot go on takes the process with it: its guests would hang,
/// and a new process serves them again.
fn serve<P: Platform>(worker: Worker<P>) {
    let work = std::panic::AssertUnwindSafe(|| worker.run());
    match std::panic::catch_unwind(work) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "a worker's event queue failed; ending");
            std::process::abort();
        }
        Err(_) => {
            tracing::error!("a worker panicked; ending");
            std::process::abort();
        }
    }
}

fn enter_namespace(path: &Path) -> io::Result<()> {
    let explain = |error: io::Error| {
        let path = path.display();
        io::Error::new(error.kind(), format!("network namespace {path}: {error}"))
    };
    let file = File::open(path).map_err(explain)?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|error| explain(error.into()))
}
