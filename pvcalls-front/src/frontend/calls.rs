//! Calls of sockets that are there: half-close, options, a default peer.

use core::task::Waker;

use super::Frontend;
use crate::calls::{Asked, Outcome, Value};
use crate::commands::{Answer, Full, Owner};
use crate::errno::Errno;
use crate::error::{SocketError, TryError};
use crate::features::Features;
use crate::options::Call;
use crate::platform::Platform;
use crate::socket::{Kind, Names, Shut, Socket, State};
use crate::units::{CallId, SocketId};
use crate::wire::{Extra, Request, family};

impl<P: Platform> Frontend<P> {
    /// Asks something of a socket that is open; [`try_call`](Self::try_call) tells the answer.
    ///
    /// What is refused here was not sent. The id is the caller's until
    /// [`try_call`](Self::try_call) gives an outcome or [`drop_call`](Self::drop_call) gives it up.
    /// An answer that takes longer than [`Config::call_timeout_ns`](crate::Config::call_timeout_ns)
    /// fails the call with [`SocketError::TimedOut`].
    ///
    /// From an ending of the way out on ([`Call::Shutdown`]), writes fail at once with
    /// [`SocketError::WriteEnded`]; bytes written before go out. From one of the way in on,
    /// reads that find nothing give 0. A backend without `feature-shutdown` can end both
    /// directions (what was written goes out, then it is released; what came in can be read) and
    /// the way in (as on Linux, what comes later can be read when it is there), but not the
    /// way out as long as the way in is open.
    ///
    /// # Errors
    /// [`SocketError::NoSuchSocket`]; [`SocketError::Unsupported`] if the backend does not offer
    /// what this needs; [`SocketError::NotConnected`] before the socket is open, for a shutdown
    /// also when it is no stream or its connection is gone; [`SocketError::Away`] for one that waits
    /// for the device; the reason of the failure of a socket that failed;
    /// [`SocketError::NoSuchOption`], [`SocketError::BadValue`]; [`SocketError::TooManyCalls`].
    pub fn call(&mut self, id: SocketId, call: Call, now_ns: u64) -> Result<CallId, SocketError> {
        let (features, away) = (self.features, self.broken.is_some());
        let socket = self.socket(id)?;
        let offered = features.contains(call.needs());
        let alone = match call {
            Call::Shutdown(how) if how.reading() || socket.shut.contains(Shut::IN) => !offered,
            _ if !offered => return Err(SocketError::Unsupported(call.needs())),
            _ => false,
        };
        let open = matches!(socket.state(), State::Open | State::Draining);
        // One that survives outages waits for the device.
        let not_yet = match away {
            true => SocketError::Away,
            false => SocketError::NotConnected,
        };
        let (kind, family_of_socket) = (socket.role.kind(), socket.role.family());
        match call {
            Call::Shutdown(_) if kind != Kind::Stream || !open => {
                return Err(SocketError::NotConnected);
            }
            _ if !open => return Err(socket.failure.unwrap_or(not_yet)),
            Call::Shutdown(_) => {}
            Call::SetOption(option, value) => option.check(kind, family_of_socket, Some(value))?,
            Call::GetOption(option) => option.check(kind, family_of_socket, None)?,
            Call::SetPeer(_) if kind != Kind::Datagram => return Err(SocketError::NoSuchOption),
            Call::SetPeer(to) if family(&to) != family_of_socket => {
                return Err(SocketError::BadValue);
            }
            Call::SetPeer(_) => {}
        }
        let ends = match call {
            Call::Shutdown(how) => Shut::from(how) - socket.shut,
            _ => Shut::empty(),
        };
        let asked = Asked::Socket { id, call, ends };
        let deadline_ns = now_ns.saturating_add(self.config.call_timeout_ns);
        let limit = self.config.calls;
        let number = self.calls.insert(asked, deadline_ns, limit)?;
        if let Call::Shutdown(how) = call {
            if let Ok(socket) = self.socket(id) {
                socket.shut(how.into());
            }
            // The backend is not made to guess how much was written.
            self.announce(id.place(), now_ns);
            if alone {
                // First: with nothing to send the socket may be released here and now, and that
                // would end a call that is open.
                self.calls.end(number, Ok(Value::Number(0)));
                self.shut_down_alone(id, now_ns);
            }
        }
        self.pump();
        Ok(number)
    }

    /// Ends a stream without a command for it, if the caller has ended both directions.
    fn shut_down_alone(&mut self, id: SocketId, now_ns: u64) {
        let linger_ns = self.config.linger_ns;
        let Ok(socket) = self.socket(id) else { return };
        if !socket.shut.is_all() || socket.state() != State::Open {
            return;
        }
        // What came in until now can still be read.
        socket.rescue();
        socket.salvage.end.get_or_insert(Errno::ENOTCONN);
        socket.linger_ns = linger_ns;
        socket.deadline_ns = now_ns.saturating_add(linger_ns);
        socket.set_state(State::Draining); // 4
        self.service(id.place(), now_ns);
    }

    /// The outcome of a call, which is over then. While there is none, `waker` is woken when it
    /// comes; the last one counts.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`]; [`SocketError::NoSuchCall`] for an id that is not, or not any
    /// more; else why it failed: the backend's error number, [`SocketError::TimedOut`], the device's
    /// fault, [`SocketError::NoSuchSocket`] if the socket was closed before the backend was asked,
    /// [`SocketError::BadAnswer`] for a value that cannot be.
    pub fn try_call(&mut self, call: CallId, waker: &Waker) -> Result<i64, TryError> {
        match self.calls.take(call, false, waker)? {
            Value::Number(number) => Ok(number),
            Value::Addresses(_) => Err(SocketError::NoSuchCall.into()),
        }
    }

    /// Gives a call up. The backend may still do what was asked, if it has been; its answer goes
    /// to nobody.
    pub fn drop_call(&mut self, call: CallId) {
        self.calls.give_up(call);
    }

    /// Sends the calls that are queued, as far as there is room; true if the backend must be told.
    pub(super) fn send_calls(&mut self) -> bool {
        let mut notify = false;
        while let Some(&id) = self.calls.queue.front() {
            let Ok(tell) = self.send_call(id) else { break };
            notify |= tell;
            self.calls.queue.pop_front();
        }
        notify
    }

    fn send_call(&mut self, id: CallId) -> Result<bool, Full> {
        let waits = self.calls.get(id).filter(|call| call.outcome.is_none());
        let Some(&Asked::Socket {
            id: socket, call, ..
        }) = waits.map(|call| &call.asked)
        else {
            return Ok(false);
        };
        let Some(request) = self.request_of(socket, call) else {
            self.calls.end(id, Err(SocketError::NoSuchSocket));
            return Ok(false);
        };
        let commands = self.commands.as_mut().ok_or(Full)?;
        let notify = commands.send(&request, Owner::Call(id))?;
        if let Some(call) = self.calls.get(id) {
            call.sent = true;
        }
        Ok(notify)
    }

    /// What to send; `None` if the backend does not know the socket any more.
    fn request_of(&mut self, id: SocketId, call: Call) -> Option<Request> {
        let socket = self.sockets.get(id)?;
        if !matches!(socket.state(), State::Open | State::Draining) {
            return None;
        }
        Some(match call {
            Call::Shutdown(how) => Request::Shutdown {
                id,
                how: how.number(),
                // Nothing is written behind it if this ends the way out.
                out_prod: socket.data.as_ref()?.output.prod(),
            },
            Call::SetOption(option, value) => Request::SetOption {
                id,
                option: option.number(),
                value,
            },
            Call::GetOption(option) => Request::GetOption {
                id,
                option: option.number(),
            },
            Call::SetPeer(to) => Request::Connect { id, to, ring: None },
        })
    }

    /// An answer came for a call.
    pub(super) fn answer_call(&mut self, id: CallId, answer: &Answer) {
        let Some(pending) = self.calls.get(id) else {
            debug_assert!(false, "a place is kept until the answer");
            return;
        };
        if !pending.owned || pending.outcome.is_some() {
            self.counters.late += 1;
        }
        let outcome = match &mut pending.asked {
            Asked::Socket {
                id: socket,
                call,
                ends,
            } => {
                let (socket, call, ends) = (*socket, *call, *ends);
                self.answer_of_socket(socket, call, ends, answer)
            }
            Asked::Host { family, page, .. } => {
                let (family, page) = (*family, page.take());
                match page {
                    Some(page) => self.answer_lookup(page, family, answer),
                    None => Err(SocketError::BadAnswer),
                }
            }
        };
        self.calls.end(id, outcome);
    }

    /// What the backend did is so, whether somebody waits for it or not.
    fn answer_of_socket(
        &mut self,
        socket: SocketId,
        call: Call,
        ends: Shut,
        answer: &Answer,
    ) -> Outcome {
        match answer.result {
            Ok(extra) => self.done(socket, call, &extra),
            Err(errno) => {
                // What was done here in the hope that the backend would follow is taken back.
                if let Some(socket) = self.sockets.get(socket) {
                    socket.shut -= ends;
                }
                Err(SocketError::Remote(errno))
            }
        }
    }

    fn done(&mut self, id: SocketId, call: Call, extra: &Extra) -> Outcome {
        let named = self.features.contains(Features::NAMES);
        match call {
            Call::Shutdown(how) => {
                if let Some(socket) = self.sockets.get(id) {
                    socket.shut(how.into());
                }
                Ok(Value::Number(0))
            }
            Call::SetOption(option, value) => {
                if let Some(datagrams) = { self.sockets.get(id) }.and_then(Socket::datagrams_mut) {
                    datagrams.note_option(option, value);
                }
                Ok(Value::Number(0))
            }
            Call::GetOption(option) => match extra.value() {
                value if option.may_be(value) => Ok(Value::Number(value)),
                value => {
                    log::warn!("{id}: the backend says that {option:?} is {value}");
                    Err(SocketError::BadAnswer)
                }
            },
            Call::SetPeer(to) => {
                if let Some(socket) = self.sockets.get(id) {
                    if let Some(datagrams) = socket.datagrams_mut() {
                        datagrams.peer = Some(to);
                    }
                    if named {
                        socket.names = Names::told(extra.names(), None, Some(to), true);
                    } else {
                        socket.names.set_peer(to);
                    }
                }
                Ok(Value::Number(0))
            }
        }
    }
}
