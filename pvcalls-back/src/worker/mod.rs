//! A worker: one thread, one event queue, and the sessions it serves. Nothing in it waits but the
//! queue itself, and no two workers share anything but counters.
//!
//! A turn: what the operating system reports (sockets, event channels, messages) is noted and
//! small things are done; then sockets with work waiting get a piece of it each, session by
//! session, socket by socket; then answers are published and event channels opened again. As long
//! as work waits, the queue is only looked at, not waited for.

pub(crate) mod core;
pub(crate) mod orphans;
pub(crate) mod timers;
pub(crate) mod tokens;

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Poll};
use rustix::event::epoll::{self, EventData, EventFlags};
use slab::Slab;

use crate::counters::Counters;
use crate::platform::{Pending, Platform};
use crate::resolve::{Answer, Resolver, Ticket};
use crate::session::Session;
use crate::sessions::{Connection, DeviceId, Ending, SessionEvent};
use core::{Core, Target};
use timers::Due;
use tokens::{SESSIONS_MAX, Subject};

/// Sockets that get their piece before the queue is looked at again.
const PIECES_PER_TURN: usize = 16;
/// Events taken from the queue at a time.
const EVENTS_PER_TURN: usize = 256;

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// Serve a frontend.
    Open(DeviceId, Connection),
    /// End a session.
    Close(DeviceId, Ending),
    /// The resolver's answer.
    Resolved(Ticket, Answer),
    /// End the worker, once its sessions have ended.
    Stop,
}

/// Where a worker's news go.
pub(crate) type Report = Box<dyn Fn(SessionEvent) + Send>;

/// A worker, before and while it runs.
pub(crate) struct Worker<P: Platform> {
    poll: Poll,
    core: Core<P>,
    sessions: Slab<Session<P::Mapping>>,
    devices: HashMap<DeviceId, usize>,
    /// Sessions that broke and whose owner knows.
    reported: Vec<DeviceId>,
    messages: Receiver<Message>,
    report: Report,
    counters: Arc<Counters>,
    ports: Vec<u32>,
    /// Event channels may have been raised.
    channels: bool,
    stopping: bool,
}

impl<P: Platform> Worker<P> {
    pub(crate) fn new(
        poll: Poll,
        platform: P,
        messages: Receiver<Message>,
        report: Report,
        counters: Arc<Counters>,
        resolver: Option<Arc<Resolver>>,
    ) -> io::Result<Self> {
        let registry = poll.registry().try_clone()?;
        // By level, not by edge as everything else: the kernel's ring of events wakes nobody for
        // what comes while it is being read. So one read per turn is enough.
        epoll::add(
            registry.as_fd(),
            platform.events(),
            EventData::new_u64(u64::try_from(Subject::Channels.token().0).expect("64 bits")),
            EventFlags::IN,
        )?;
        Ok(Self {
            poll,
            core: Core::new(platform, registry, resolver),
            sessions: Slab::new(),
            devices: HashMap::new(),
            reported: Vec::new(),
            messages,
            report,
            counters,
            ports: Vec::new(),
            // Before anybody listened, even.
            channels: true,
            stopping: false,
        })
    }

    /// Serves until it is told to stop and the last session has ended.
    ///
    /// # Errors
    /// The event queue's, which leave nothing to go on with.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        while !(self.stopping && self.sessions.is_empty() && !self.core.orphans.need_us()) {
            self.turn(&mut events, None)?;
        }
        Ok(())
    }

    /// One turn: waits for something to do, at most as long as it is told, and does it.
    ///
    /// # Errors
    /// The event queue's.
    pub(crate) fn turn(
        &mut self,
        events: &mut Events,
        patience: Option<Duration>,
    ) -> io::Result<()> {
        self.wait(events, self.timeout(patience))?;
        if self.channels {
            self.channels = self.take_channels()?;
        }
        if std::mem::take(&mut self.core.connect_begun) {
            // A peer on this host has answered by now: its answer goes with the others, and the
            // guest is told once.
            self.wait(events, Some(Duration::ZERO))?;
        }
        self.take_messages();
        self.take_due();
        self.do_pieces();
        self.settle();
        Ok(())
    }

    /// Waits for events and handles those of sockets; of the others it takes note.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        self.core.now = Instant::now();
        for event in &*events {
            match Subject::of(event.token()) {
                Subject::Messages => {}
                Subject::Channels => self.channels = true,
                Subject::Orphan(index) => self.core.turn_orphan(index),
                Subject::Socket(key) => {
                    if let Some(session) = self.sessions.get_mut(key.session) {
                        session.on_socket(&mut self.core, key, event);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether work waits that nobody will tell of.
    pub(crate) fn has_work(&self) -> bool {
        self.channels || !self.core.ready.is_empty()
    }

    /// How long to wait for events: not at all while work waits, else until the next deadline.
    fn timeout(&self, patience: Option<Duration>) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        let next = self.core.timers.next();
        let until = next.map(|next| next.saturating_duration_since(Instant::now()));
        match (until, patience) {
            (Some(until), Some(patience)) => Some(until.min(patience)),
            (until, patience) => until.or(patience),
        }
    }

    /// Does what the control side asks for.
    fn take_messages(&mut self) {
        loop {
            match self.messages.try_recv() {
                Ok(Message::Open(device, connection)) => self.open(device, connection),
                Ok(Message::Close(device, ending)) => self.close(device, ending),
                Ok(Message::Resolved(ticket, answer)) => {
                    let index = self.devices.get(&ticket.device);
                    if let Some(session) = index.and_then(|&index| self.sessions.get_mut(index)) {
                        session.on_resolved(ticket.id, answer);
                    }
                }
                Ok(Message::Stop) => self.stopping = true,
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return;
                }
            }
        }
    }

    fn open(&mut self, device: DeviceId, connection: Connection) {
        if self.devices.contains_key(&device) || self.sessions.len() >= SESSIONS_MAX {
            let reason = "it is served already, or there are too many".to_owned();
            return (self.report)(SessionEvent::Failed(device, reason));
        }
        let entry = self.sessions.vacant_entry();
        let counters = self.counters.device(device);
        let index = entry.key();
        match Session::open(&mut self.core, index, device, connection, counters) {
            Ok(session) => {
                let session = entry.insert(session);
                self.devices.insert(device, index);
                // A frontend may have been early.
                session.serve(&mut self.core);
                (self.report)(SessionEvent::Opened(device));
            }
            Err(reason) => (self.report)(SessionEvent::Failed(device, reason)),
        }
    }

    fn close(&mut self, device: DeviceId, ending: Ending) {
        let index = self.devices.get(&device);
        match index.and_then(|&index| self.sessions.get_mut(index)) {
            Some(session) => session.close(&mut self.core, ending),
            None => (self.report)(SessionEvent::Closed(device)),
        }
    }

    /// Handles event channels that were raised. Whether more are known to wait; what came during
    /// the call is told by the queue.
    fn take_channels(&mut self) -> io::Result<bool> {
        self.ports.clear();
        let pending = self.core.platform.pending(&mut self.ports)?;
        if pending == Pending::Overrun {
            tracing::warn!("the kernel lost count of events; looking at every port");
            self.ports = self.core.all_ports();
        }
        let ports = std::mem::take(&mut self.ports);
        for &port in &ports {
            self.take_event(port);
        }
        self.ports = ports;
        Ok(pending == Pending::More)
    }

    /// Handles the event of one port.
    fn take_event(&mut self, port: u32) {
        let worked = match self.core.target(port) {
            Some(Target::Commands(index)) => {
                let session = self.sessions.get_mut(index);
                session.is_some_and(|session| session.on_commands(&mut self.core))
            }
            Some(Target::Socket(key)) => {
                let session = self.sessions.get_mut(key.session);
                session.is_some_and(|session| session.on_ring(&mut self.core, key))
            }
            Some(Target::Nobody) | None => return self.core.leave_silent(port),
        };
        self.core.handled(port, worked);
    }

    fn take_due(&mut self) {
        while let Some(due) = self.core.timers.take(self.core.now) {
            match due {
                Due::Commands(index) => {
                    if let Some(session) = self.sessions.get_mut(index) {
                        session.serve_again(&mut self.core);
                    }
                }
                Due::Unmask(port) => self.core.unmask_later(port),
                Due::Orphan(index) => self.core.orphans.expire(index),
                Due::Release(key) => {
                    if let Some(session) = self.sessions.get_mut(key.session) {
                        session.on_release_due(&mut self.core, key);
                    }
                }
            }
        }
    }

    /// Sockets with work waiting, session by session.
    fn do_pieces(&mut self) {
        for _ in 0..PIECES_PER_TURN {
            let Some(index) = self.core.ready.pop_front() else {
                return;
            };
            if let Some(session) = self.sessions.get_mut(index) {
                session.turn(&mut self.core);
            }
        }
    }

    /// Publishes answers, opens ports, and parts with sessions that have ended.
    fn settle(&mut self) {
        let mut ended = Vec::new();
        for (index, session) in &mut self.sessions {
            session.flush(&mut self.core);
            if session.is_closed() {
                ended.push(index);
            } else if let Some(reason) = session.broken()
                && !self.reported.contains(&session.device)
            {
                self.reported.push(session.device);
                (self.report)(SessionEvent::Broken(session.device, reason.to_owned()));
            }
        }
        for index in ended {
            let session = self.sessions.remove(index);
            let device = session.device;
            self.devices.remove(&device);
            self.reported.retain(|&one| one != device);
            session.finish(&mut self.core);
            (self.report)(SessionEvent::Closed(device));
        }
        self.core.unmask_handled();
    }
}
