//! An echo server of embassy tasks: the crates embassy-executor and embassy-time, unchanged, with
//! `rt::net::aio`'s sockets.
//!
//! ```text
//! $ cargo boot run embassy-echo -- 7777
//! listening at 0.0.0.0:7777
//! 4 bytes echoed
//! ```
//!
//! As on a microcontroller a fixed number of tasks serves, four connections at once; one that says
//! nothing for five seconds is closed.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::sync::Arc;

use embassy_executor::Spawner;
use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use rt::io::{Error, ErrorKind, Result};
use rt::net::aio::{TcpListener, TcpStream};
use rt::{compat, env, println};

/// How many connections are served at once.
const TASKS: usize = 4;
/// How long a connection may say nothing.
const PATIENCE: Duration = Duration::from_secs(5);

#[rt::main]
fn main() -> Result<()> {
    let usage = || Error::new(ErrorKind::InvalidInput, "usage: embassy-echo PORT");
    let port: u16 = env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .ok_or_else(usage)?;
    compat::embassy::run(|spawner| {
        spawner.spawn(listen(spawner, port).expect("a task for the listener"));
    })
}

#[embassy_executor::task]
async fn listen(spawner: Spawner, port: u16) {
    let listener = match TcpListener::bind(("0.0.0.0", port)).await {
        Ok(listener) => Arc::new(listener),
        Err(error) => return println!("port {port}: {error}"),
    };
    println!("listening at 0.0.0.0:{port}");
    for _ in 0..TASKS {
        spawner.spawn(serve(listener.clone()).expect("a task for each connection"));
    }
}

#[embassy_executor::task(pool_size = TASKS)]
async fn serve(listener: Arc<TcpListener>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => match echo(stream).await {
                Ok(count) => println!("{count} bytes echoed"),
                Err(error) => println!("a connection ended: {error}"),
            },
            Err(error) => return println!("nothing is accepted any more: {error}"),
        }
    }
}

async fn echo(mut stream: TcpStream) -> Result<usize> {
    let mut bytes = [0; 1024];
    let mut total = 0;
    loop {
        let reading = with_timeout(PATIENCE, stream.read(&mut bytes));
        match reading.await {
            Ok(Ok(0)) => return Ok(total),
            Ok(Ok(count)) => {
                stream.write_all(&bytes[..count]).await?;
                total += count;
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(ErrorKind::TimedOut.into()),
        }
    }
}
