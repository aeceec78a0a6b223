//! An HTTP server: the crate edge-http, unchanged, on `rt::net::Stack`; four connections at once.
//!
//! ```text
//! $ cargo boot run http-edge -- 8080
//! listening at 0.0.0.0:8080
//! ```
//!
//! `GET /` greets, `POST /echo` sends back what it got.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::fmt::{Debug, Display};
use core::net::{Ipv4Addr, SocketAddr};

use edge_http::Method;
use edge_http::io::Error as HttpError;
use edge_http::io::server::{Connection, DefaultServer, Handler};
use embedded_io_async::{Read, Write};
use rt::io::{Error, ErrorKind, Result};
use rt::net::aio::TcpListener;
use rt::{env, println, task};

/// How long a connection may be idle.
const IDLE_MS: u32 = 10_000;

#[rt::main]
fn main() -> Result<()> {
    let usage = || Error::new(ErrorKind::InvalidInput, "usage: http-edge PORT");
    let port: u16 = env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .ok_or_else(usage)?;
    task::block_on(serve(port))
}

async fn serve(port: u16) -> Result<()> {
    let at = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
    let listener = TcpListener::bind(at).await?;
    println!("listening at {}", listener.local_addr()?);
    let mut server = Box::new(DefaultServer::new());
    let serving = server.run(Some(IDLE_MS), listener, Pages);
    serving
        .await
        .map_err(|error| Error::new(ErrorKind::Other, alloc::format!("{error:?}")))
}

struct Pages;

impl Handler for Pages {
    type Error<E>
        = HttpError<E>
    where
        E: Debug;

    async fn handle<T, const N: usize>(
        &self,
        _task: impl Display + Copy,
        connection: &mut Connection<'_, T, N>,
    ) -> core::result::Result<(), HttpError<T::Error>>
    where
        T: Read + Write,
    {
        let headers = connection.headers()?;
        let text = [("Content-Type", "text/plain")];
        match (headers.method, headers.path) {
            (Method::Get, "/") => {
                connection.initiate_response(200, Some("OK"), &text).await?;
                connection.write_all(b"Hello from a guest!\n").await
            }
            (Method::Post, "/echo") => {
                let mut body = alloc::vec::Vec::new();
                let mut part = [0; 1024];
                loop {
                    match connection.read(&mut part).await? {
                        0 => break,
                        count => body.extend_from_slice(&part[..count]),
                    }
                }
                connection.initiate_response(200, Some("OK"), &text).await?;
                connection.write_all(&body).await
            }
            _ => {
                let reason = Some("Not Found");
                connection.initiate_response(404, reason, &text).await
            }
        }
    }
}
