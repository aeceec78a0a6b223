//! An HTTP server: the crate picoserve, unchanged, on `rt::net::aio`; a task for each connection.
//!
//! ```text
//! $ cargo boot run http-picoserve -- 8080
//! listening at 0.0.0.0:8080
//! ```
//!
//! `GET /` counts, `GET /hello/NAME` greets, `POST /echo` sends back what it got.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicU32, Ordering};

use picoserve::routing::{get, parse_path_segment, post};
use picoserve::{Config, Router, Server};
use rt::io::{Error, ErrorKind, Result};
use rt::net::aio::TcpListener;
use rt::net::stack::picoserve::Timer;
use rt::{env, println, task};

/// The longest request, in bytes.
const REQUEST_BYTES: usize = 16 * 1024;

static CONFIG: Config = Config::const_default().keep_connection_alive();
static VISITS: AtomicU32 = AtomicU32::new(0);

#[rt::main]
fn main() -> Result<()> {
    let usage = || Error::new(ErrorKind::InvalidInput, "usage: http-picoserve PORT");
    let port: u16 = env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .ok_or_else(usage)?;
    task::block_on(serve(port))
}

async fn serve(port: u16) -> Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    println!("listening at {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        task::spawn_local(async move {
            let app = Router::new()
                .route("/", get(|| async { visit() }))
                .route(
                    ("/hello", parse_path_segment::<String>()),
                    get(|name: String| async move { format!("Hello, {name}!\n") }),
                )
                .route("/echo", post(|body: String| async move { body }));
            let mut buffer = alloc::vec![0; REQUEST_BYTES];
            let server = Server::custom(&app, Timer, &CONFIG, &mut buffer);
            match server.serve(stream).await {
                Ok(served) => println!("{} requests answered", served.handled_requests_count),
                Err(error) => println!("a connection ended: {error}"),
            }
        });
    }
}

fn visit() -> String {
    let count = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
    format!("You are visitor {count}.\n")
}
