//! What is counted, shown: Prometheus' text format on a socket, and a reader of it.
//!
//! ```text
//!  counters ──▶ render ──▶ server ──▶ unix socket or TCP ──▶ Prometheus, curl, client ──▶ `pvcallsd top`
//! ```
//!
//! The server has a thread of its own. It reads counters, which are atomics, and takes the locks
//! around the lists of devices and sockets for as long as copying a list takes; it never waits for
//! the threads that move data, and they never wait for a reader of metrics.
//!
//! There is one way in for everybody: what `pvcallsd top` shows is what the endpoint says.

mod address;
pub mod client;
mod process;
mod render;
mod server;
mod text;

pub use address::{Address, DEFAULT_ADDRESS};
pub use process::Process;
pub use render::{Facts, SOCKET_SERIES, render};
pub use server::{Bound, Scrape, Server};
