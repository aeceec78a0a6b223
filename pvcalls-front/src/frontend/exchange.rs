//! Commands of sockets: which queue they wait in, when they are sent, what their answers do. The
//! numbers in the comments are those of the diagram in `socket.rs`.

use alloc::collections::VecDeque;

use super::Frontend;
use crate::commands::{Answer, Full, Owner};
use crate::error::SocketError;
use crate::features::Features;
use crate::platform::Platform;
use crate::socket::{Names, Role, Slot, State};
use crate::wire::{Command, Request};

impl<P: Platform> Frontend<P> {
    /// An answer came for a command of this socket.
    pub(super) fn answer(&mut self, answer: Answer, now_ns: u64) {
        let Answer {
            command,
            owner,
            result,
        } = answer;
        let id = match owner {
            Owner::Socket(id) => id,
            Owner::Call(call) => return self.answer_call(call, &answer),
        };
        if command == Command::Connect {
            self.connecting -= 1;
            self.drain_wakers.wake();
        }
        let place = id.place();
        let Some(socket) = self.sockets.get(id) else {
            return; // A backend that answers the RELEASE of a CONNECT before the CONNECT.
        };
        if matches!(
            command,
            Command::Connect | Command::Accept | Command::Attach
        ) {
            socket.connect_out = false;
        }
        if command == Command::Accept {
            self.on_accept(id, result, now_ns);
            return;
        }
        if socket.listener().is_some() {
            self.answer_listener(place, command, result, now_ns);
            return;
        }
        match (command, socket.state()) {
            // It was cancelled, and RELEASE is on its way.
            (Command::Connect | Command::Attach, State::Releasing) => {
                self.counters.late += 1;
                return;
            }
            (Command::Socket, State::Creating) => {}
            // CONNECT was sent with it, and has its answer, or was cancelled.
            (Command::Socket, _) => return,
            _ => {}
        }
        socket.slot = Slot::None;
        let names = self.features.contains(Features::NAMES);
        let abandoned = socket.abandoned();
        if abandoned && command != Command::Release {
            self.counters.late += 1;
        }
        if socket.is_datagram() && command != Command::Release {
            self.datagram_step(place, command, result, now_ns);
            return;
        }
        match (command, result) {
            (Command::Socket, Ok(_)) if !abandoned => {
                socket.set_state(State::Opening); // 2
                if socket.connect_out {
                    socket.slot = Slot::Sent;
                } else {
                    self.queue(place);
                }
            }
            (Command::Socket, Err(errno)) if socket.connect_out => {
                socket.fail(SocketError::Remote(errno));
                self.release(place); // 6: whatever CONNECT is answered.
            }
            (Command::Socket, Err(errno)) => {
                socket.fail(SocketError::Remote(errno));
                self.finish(place, now_ns); // 5
            }
            (Command::Connect, Ok(extra)) if !abandoned => {
                if names {
                    let (local, peer) = socket.role.known_names();
                    socket.names = Names::told(extra.names(), local, peer, false);
                }
                socket.set_state(State::Open); // 3
                self.service(place, now_ns);
            }
            (Command::Connect, Err(errno)) => {
                socket.fail(SocketError::Remote(errno));
                self.release(place); // 6
            }
            (Command::Socket | Command::Connect, Ok(_)) => self.release(place), // 6
            (Command::Release, result) => {
                match result {
                    Ok(_) => self.pool_ring(place),
                    Err(errno) => log::warn!("{id}: RELEASE failed: {errno}"),
                }
                self.finish(place, now_ns); // 9
                self.mend_slots(now_ns);
            }
            (command, _) => debug_assert!(false, "{command:?} is not sent for sockets"),
        }
    }

    /// Puts a socket into the queue for the command of its state.
    pub(super) fn queue(&mut self, place: usize) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        socket.slot = Slot::Queued;
        match socket.request().map(|request| request.command()) {
            Some(Command::Release) => self.releases.push_back(place),
            Some(command) if command.waits() => self.waiting.push_back(place),
            _ => self.prompt.push_back(place),
        }
    }

    /// Sends what is queued, as far as there is room. Every entry point that may have queued
    /// something calls it last.
    pub(super) fn pump(&mut self) {
        let mut notify = self.send_queue(|it| &mut it.releases);
        // Both are answered at once. Whichever goes first and takes what room there is lets the
        // other go first the next time.
        let calls_first = self.calls.first;
        let before = self.outstanding();
        if calls_first {
            notify |= self.send_calls();
        } else {
            notify |= self.send_queue(|it| &mut it.prompt);
        }
        self.calls.first ^= self.outstanding() != before;
        if calls_first {
            notify |= self.send_queue(|it| &mut it.prompt);
        } else {
            notify |= self.send_calls();
        }
        notify |= self.send_queue(|it| &mut it.accepts);
        // Likewise.
        if calls_first {
            notify |= self.send_lookups();
            notify |= self.send_queue(|it| &mut it.waiting);
        } else {
            notify |= self.send_queue(|it| &mut it.waiting);
            notify |= self.send_lookups();
        }
        if notify && let Some(commands) = &self.commands {
            self.platform.notify(commands.port());
        }
    }

    /// Sends what is in one queue of sockets; true if the backend must be told.
    fn send_queue(&mut self, queue: fn(&mut Self) -> &mut VecDeque<usize>) -> bool {
        let mut notify = false;
        while let Some(&place) = queue(self).front() {
            let Ok(tell) = self.send(place) else { break };
            notify |= tell;
            queue(self).pop_front();
        }
        notify
    }

    fn send(&mut self, place: usize) -> Result<bool, Full> {
        // The place may have changed hands or state since it was queued; then there is nothing
        // to do for this entry, or the present command is as welcome here as later.
        let socket = self.sockets.at(place);
        let Some(socket) = socket.filter(|socket| socket.slot == Slot::Queued) else {
            return Ok(false);
        };
        if socket.state() == State::Releasing {
            self.keep_ring_if_usual(place);
        }
        let Some(request) = self.request(place) else {
            return Ok(false);
        };
        let connect = request.command() == Command::Connect;
        let accept = request.command() == Command::Accept;
        let one_by_one = !self.features.contains(Features::CANCEL);
        if connect && one_by_one && self.connecting >= self.config.connects_in_flight {
            return Err(Full);
        }
        let commands = self.commands.as_mut().ok_or(Full)?;
        let Some(socket) = self.sockets.at(place) else {
            return Ok(false);
        };
        let owner = Owner::Socket(socket.id);
        let mut notify = commands.send(&request, owner)?;
        socket.slot = Slot::Sent;
        socket.connect_out |= connect || accept || request.command() == Command::Attach;
        self.connecting += u32::from(connect);
        // Right behind it, to a backend that can cancel: one answer less to wait for.
        if request.command() == Command::Socket
            && !one_by_one
            && let Some(connect) = socket.connect_request()
            && let Ok(tell) = commands.send(&connect, owner)
        {
            socket.connect_out = true;
            self.connecting += 1;
            notify |= tell;
        }
        Ok(notify)
    }
    /// The command that the present state of a socket is about.
    fn request(&mut self, place: usize) -> Option<Request> {
        let socket = self.sockets.at(place)?;
        let (Role::Accepted { listener, .. }, State::Opening) = (&socket.role, socket.state())
        else {
            return socket.request();
        };
        let listener = *listener;
        let at = self.sockets.get(listener)?.listening()?;
        self.sockets.at(place)?.accept_request(at)
    }
}
