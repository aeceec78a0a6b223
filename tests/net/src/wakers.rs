//! Wakers are foreign code: with one of them a socket may go, while the driver is at work.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use crate::resources::one;
use crate::streams::same;
use rt::io::{Read, Result, Write};
use rt::net::{self, SocketAddr, TcpStream, aio};
use rt::sync::Mutex;
use rt::{println, thread};

/// Holds a stream: until it is woken, or until it is dropped.
struct Holder {
    stream: Mutex<Option<TcpStream>>,
    when_woken: bool,
}

impl Wake for Holder {
    fn wake(self: Arc<Self>) {
        if self.when_woken {
            let stream = self.stream.lock().expect("nothing is poisoned").take();
            drop(stream);
        }
    }
}

/// Streams that are dropped by a waker's wake, and by a waker's drop, are closed, and all else goes
/// on.
pub(crate) fn check(echo: SocketAddr) -> Result<()> {
    for when_woken in [true, false] {
        let held = TcpStream::connect(echo)?;
        let mut watched = TcpStream::connect(echo)?;
        let waker = Waker::from(Arc::new(Holder {
            stream: Mutex::new(Some(held)),
            when_woken,
        }));
        let reader = aio::TcpStream::from(watched.try_clone()?);
        {
            // Registers the waker, and gives up: the driver has the last one then.
            let mut readable = Box::pin(reader.readable());
            let polled = readable.as_mut().poll(&mut Context::from_waker(&waker));
            same(
                "nothing is there yet",
                matches!(polled, Poll::Pending),
                true,
            )?;
        }
        drop(waker);
        same("both are open", sockets(), 2)?;

        watched.write_all(b"hello")?;
        let mut bytes = [0; 5];
        watched.read_exact(&mut bytes)?;
        same("what came", &bytes, b"hello")?;
        for _ in 0..100 {
            if sockets() == 1 {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        same("one is closed", sockets(), 1)?;
        drop((watched, reader));
        for _ in 0..100 {
            if sockets() == 0 {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        same("all are closed", sockets(), 0)?;
        one(echo, 1)?;
        while sockets() > 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    println!("wakers may hold sockets");
    Ok(())
}

fn sockets() -> usize {
    net::stats().map_or(0, |stats| stats.sockets)
}
