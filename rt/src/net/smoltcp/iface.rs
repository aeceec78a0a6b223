//! Who moves the bytes: what stands for smoltcp's interface.

use alloc::vec::Vec;
use core::task::Waker;

use kernel::thread;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::HardwareAddress;

use super::phy::Host;
use super::tcp_socket::Socket;

pub use smoltcp::iface::PollResult;

/// Settings of an interface; none of them means anything to the host.
#[derive(Clone, Debug)]
pub struct Config {
    /// Not looked at: nothing here is guessed from it.
    pub random_seed: u64,
}

impl Config {
    /// The address is not looked at: the host has addresses, the guest has none.
    #[must_use]
    pub fn new(_address: HardwareAddress) -> Config {
        Config { random_seed: 0 }
    }
}

/// What [`Socket::connect`] wants to be given.
#[derive(Debug, Default)]
pub struct Context(());

/// Moves bytes between sockets and the host.
#[derive(Debug)]
pub struct Interface {
    context: Context,
}

impl Interface {
    /// Makes one; any number is fine.
    pub fn new(_config: Config, _device: &mut Host, _now: Instant) -> Interface {
        Interface {
            context: Context(()),
        }
    }

    /// For [`Socket::connect`].
    pub fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Does what can be done for each socket without waiting. From now on this thread is woken when
    /// there is more to do: see [`wait`](super::phy::wait).
    pub fn poll(
        &mut self,
        _timestamp: Instant,
        device: &mut Host,
        sockets: &mut SocketSet<'_>,
    ) -> PollResult {
        let waker = device.waker();
        match self.poll_with(&waker, sockets) {
            PollResult::None => {
                // smoltcp may be polled in a loop that never waits: others must get on all the same.
                thread::yield_now();
                self.poll_with(&waker, sockets)
            }
            changed => changed,
        }
    }

    /// As [`Interface::poll`], but wakes a task rather than this thread: for an async loop.
    pub fn poll_with(&mut self, waker: &Waker, sockets: &mut SocketSet<'_>) -> PollResult {
        let mut changed = false;
        for (_, socket) in sockets.iter_mut() {
            changed |= socket.poll(waker);
        }
        match changed {
            true => PollResult::SocketStateChanged,
            false => PollResult::None,
        }
    }

    /// How long nothing has to be done unless something happens: zero if a socket was given work
    /// since it was polled, else for ever (`None`).
    pub fn poll_delay(&mut self, _now: Instant, sockets: &SocketSet<'_>) -> Option<Duration> {
        let work = sockets.iter().any(|(_, socket)| socket.has_work());
        work.then_some(Duration::ZERO)
    }

    /// [`Interface::poll_delay`] as a point of time.
    pub fn poll_at(&mut self, now: Instant, sockets: &SocketSet<'_>) -> Option<Instant> {
        self.poll_delay(now, sockets).map(|_| now)
    }
}

/// Names a socket in a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketHandle(usize);

/// Room for a socket.
#[derive(Debug, Default)]
pub struct SocketStorage<'a>(Option<Socket<'a>>);

impl SocketStorage<'_> {
    /// Nothing is there yet.
    pub const EMPTY: Self = Self(None);
}

/// Sockets by handle.
#[derive(Debug)]
pub struct SocketSet<'a>(Vec<SocketStorage<'a>>);

/// What can be in a set: TCP sockets.
pub trait AnySocket<'a> {
    /// To put it in.
    fn upcast(self) -> Socket<'a>;
    /// To look at it.
    fn downcast<'b>(socket: &'b Socket<'a>) -> &'b Self;
    /// To use it.
    fn downcast_mut<'b>(socket: &'b mut Socket<'a>) -> &'b mut Self;
}

impl<'a> AnySocket<'a> for Socket<'a> {
    fn upcast(self) -> Socket<'a> {
        self
    }

    fn downcast<'b>(socket: &'b Socket<'a>) -> &'b Self {
        socket
    }

    fn downcast_mut<'b>(socket: &'b mut Socket<'a>) -> &'b mut Self {
        socket
    }
}

impl<'a> SocketSet<'a> {
    /// A set; it grows by itself.
    #[must_use]
    pub fn new(storage: Vec<SocketStorage<'a>>) -> SocketSet<'a> {
        SocketSet(storage)
    }

    /// Adds a socket.
    pub fn add<T: AnySocket<'a>>(&mut self, socket: T) -> SocketHandle {
        let socket = SocketStorage(Some(socket.upcast()));
        let free = self.0.iter().position(|place| place.0.is_none());
        match free {
            Some(index) => {
                self.0[index] = socket;
                SocketHandle(index)
            }
            None => {
                self.0.push(socket);
                SocketHandle(self.0.len() - 1)
            }
        }
    }

    /// A socket.
    ///
    /// # Panics
    /// When the handle is not one of this set.
    pub fn get<T: AnySocket<'a>>(&self, handle: SocketHandle) -> &T {
        let place = self.0.get(handle.0).and_then(|place| place.0.as_ref());
        T::downcast(place.expect("handle does not refer to a valid socket"))
    }

    /// A socket, to be used.
    ///
    /// # Panics
    /// When the handle is not one of this set.
    pub fn get_mut<T: AnySocket<'a>>(&mut self, handle: SocketHandle) -> &mut T {
        let place = self.0.get_mut(handle.0).and_then(|place| place.0.as_mut());
        T::downcast_mut(place.expect("handle does not refer to a valid socket"))
    }

    /// Takes a socket out. Dropping it closes it.
    ///
    /// # Panics
    /// When the handle is not one of this set.
    pub fn remove(&mut self, handle: SocketHandle) -> Socket<'a> {
        let place = self.0.get_mut(handle.0).and_then(|place| place.0.take());
        place.expect("handle does not refer to a valid socket")
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (SocketHandle, &Socket<'a>)> {
        let places = self.0.iter().enumerate();
        places.filter_map(|(index, place)| Some((SocketHandle(index), place.0.as_ref()?)))
    }

    /// All of them, to be used.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (SocketHandle, &mut Socket<'a>)> {
        let places = self.0.iter_mut().enumerate();
        places.filter_map(|(index, place)| Some((SocketHandle(index), place.0.as_mut()?)))
    }
}
