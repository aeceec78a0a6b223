//! From an address to an open socket, polled.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::task::{Poll, Waker};

use kernel::thread::{self, Timer};
use kernel::time::monotonic_ns;
use loopback::Reach;

use super::local::Local;
use super::remote::Remote;
use super::{Kind, Socket};
use crate::io::{self, ErrorKind};
use crate::net::driver::Start;
use crate::net::local;
use crate::net::options::Options;

/// A socket on its way to be open: connecting, binding, or beginning to listen. Dropping it gives up.
#[derive(Debug)]
pub(crate) struct Opening {
    what: What,
    options: Options,
    deadline_ns: Option<u64>,
    /// Ends the waiting at the deadline, where nobody else does.
    timer: Option<Timer>,
    stage: Stage,
    /// Of a socket on all addresses: the half that is in this guest.
    inside: Option<Local>,
    /// How often the host chose a port that is taken in this guest.
    clashes: u32,
}

/// How often the host is asked for another port.
const MOST_CLASHES: u32 = 16;

#[derive(Clone, Copy, Debug)]
enum What {
    Connect(SocketAddr),
    Listen(SocketAddr),
    Datagrams(SocketAddr),
}

#[derive(Debug)]
enum Stage {
    /// What may fail in this guest comes before the host is asked.
    First,
    /// Everything is in this guest.
    Here,
    /// The device must be up first.
    Device(Start),
    /// The host, or another socket of this guest, does its part.
    Open(Option<Socket>),
}

impl Opening {
    /// Connects. The time for it begins now.
    pub(crate) fn connect(to: SocketAddr, options: &Options) -> Opening {
        Opening::new(What::Connect(to), options)
    }

    /// Listens. The time for it begins now.
    pub(crate) fn listen(at: SocketAddr, options: &Options) -> Opening {
        Opening::new(What::Listen(at), options)
    }

    /// Binds a datagram socket. The time for it begins now.
    pub(crate) fn datagrams(at: SocketAddr, options: &Options) -> Opening {
        Opening::new(What::Datagrams(at), options)
    }

    fn new(what: What, options: &Options) -> Opening {
        let here = match what {
            What::Connect(to) => local::is_own(to.ip()),
            What::Listen(at) | What::Datagrams(at) => local::reach(at.ip()) == Reach::Guest,
        };
        Opening {
            what,
            options: options.clone(),
            deadline_ns: options.deadline_ns(),
            timer: None,
            stage: match here {
                true => Stage::Here,
                false => Stage::First,
            },
            inside: None,
            clashes: 0,
        }
    }

    /// Ready when the socket is open, or why not. Not to be polled after that.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<io::Result<Arc<Socket>>> {
        loop {
            match &mut self.stage {
                Stage::First => {
                    self.open_inside_first()?;
                    self.stage = Stage::Device(Start::default());
                }
                Stage::Here => self.stage = Stage::Open(Some(self.begin_here()?)),
                Stage::Device(start) => match start.poll(waker) {
                    Poll::Ready(up) => {
                        up?;
                        self.stage = Stage::Open(Some(self.begin()?));
                    }
                    Poll::Pending => return self.pend(waker),
                },
                Stage::Open(socket) => {
                    let opened = socket.as_ref().expect("polled until it is ready");
                    let Poll::Ready(outcome) = opened.poll_open(waker) else {
                        return match opened.kind {
                            // The driver keeps the deadline: it knows what a connect given up
                            // still holds.
                            Kind::Remote(_) => Poll::Pending,
                            Kind::Local(_) => self.pend(waker),
                        };
                    };
                    let mut socket = socket.take().expect("it was there");
                    outcome?;
                    if !self.open_inside_too(&mut socket)? {
                        self.stage = Stage::Device(Start::default());
                        continue;
                    }
                    return Poll::Ready(Ok(Arc::new(socket)));
                }
            }
        }
    }

    /// The address, if it is that of a listener or datagram socket on all addresses.
    fn everywhere(&self) -> Option<SocketAddr> {
        match self.what {
            What::Listen(at) | What::Datagrams(at) => {
                (local::reach(at.ip()) == Reach::Both).then_some(at)
            }
            What::Connect(_) => None,
        }
    }

    /// Takes the port in this guest, if it is known: the host need not be asked if it is in use.
    fn open_inside_first(&mut self) -> io::Result<()> {
        if let Some(at) = self.everywhere().filter(|at| at.port() != 0) {
            self.inside = Some(self.open_inside(at)?);
        }
        Ok(())
    }

    /// Has a socket on all addresses be there for this guest, too. `false` if the host is to choose
    /// another port.
    fn open_inside_too(&mut self, socket: &mut Socket) -> io::Result<bool> {
        let Some(at) = self.everywhere() else {
            return Ok(true);
        };
        if self.inside.is_none() {
            let chosen = match (socket.local_addr(), self.what) {
                (Ok(local), _) => SocketAddr::new(at.ip(), local.port()),
                // One that the host has not bound yet has no port that anybody could send to.
                (Err(_), What::Datagrams(_)) => return Ok(true),
                (Err(error), _) => return Err(error),
            };
            match self.open_inside(chosen) {
                Ok(inside) => self.inside = Some(inside),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    self.clashes += 1;
                    return match self.clashes {
                        MOST_CLASHES => Err(error),
                        _ => Ok(false),
                    };
                }
                Err(error) => return Err(error),
            }
        }
        socket.inside = self.inside.take();
        Ok(true)
    }

    /// Opens the half that is in this guest.
    fn open_inside(&self, at: SocketAddr) -> io::Result<Local> {
        match self.what {
            What::Connect(_) => Local::connect(at),
            What::Listen(_) => Local::listen(at, &self.options),
            What::Datagrams(_) => Local::bind_datagram(at),
        }
    }

    /// Pending until the deadline.
    fn pend<T>(&mut self, waker: &Waker) -> Poll<io::Result<T>> {
        let Some(deadline_ns) = self.deadline_ns else {
            return Poll::Pending;
        };
        if monotonic_ns() >= deadline_ns {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        self.timer = Some(Timer::new(deadline_ns, waker.clone()));
        Poll::Pending
    }

    /// Blocks until the socket is open.
    pub(in crate::net) fn wait(mut self) -> io::Result<Arc<Socket>> {
        let opened = thread::wait(None, |waker| self.poll(waker));
        opened.expect("a wait without deadline ends with a result")
    }

    /// Begins what is in this guest alone.
    fn begin_here(&self) -> io::Result<Socket> {
        let local = match self.what {
            What::Connect(at) | What::Listen(at) | What::Datagrams(at) => self.open_inside(at)?,
        };
        Ok(Socket::new(Kind::Local(local)))
    }

    /// The device is up: begins.
    fn begin(&self) -> io::Result<Socket> {
        let (options, deadline_ns) = (&self.options, self.deadline_ns);
        let remote = match self.what {
            What::Connect(to) => Remote::connect(to, options, deadline_ns)?,
            What::Listen(at) => Remote::listen(at, options, deadline_ns)?,
            What::Datagrams(at) => Remote::bind_datagram(at, options, deadline_ns)?,
        };
        Ok(Socket::new(Kind::Remote(remote)))
    }
}
