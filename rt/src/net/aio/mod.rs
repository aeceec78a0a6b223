//! Sockets for async code: the blocking ones' other face.
//!
//! ```ignore
//! use embedded_io_async::{Read, Write};
//! use rt::net::aio::TcpListener;
//! use rt::task;
//!
//! task::block_on(async {
//!     let listener = TcpListener::bind("0.0.0.0:7").await?;
//!     loop {
//!         let (stream, _) = listener.accept().await?;
//!         task::spawn(async move {
//!             let (mut reader, mut writer) = (&stream, &stream);
//!             let mut bytes = [0; 4096];
//!             while let Ok(count @ 1..) = reader.read(&mut bytes).await {
//!                 if writer.write_all(&bytes[..count]).await.is_err() {
//!                     break;
//!                 }
//!             }
//!         });
//!     }
//! })
//! ```
//!
//! They are types of their own, since the same names wait in two ways; `From` turns each into the
//! blocking one and back. Any executor will do. Reading and writing are the traits of
//! embedded-io-async, for the types and for references to them, so that a stream need not be split
//! to be read and written at once; [`TcpStream::split`] and [`TcpStream::into_split`] are for code
//! that wants halves.
//!
//! A future that is dropped has done nothing: no bytes are lost, no connection is accepted. Several
//! tasks may wait for the same socket. Time-outs and non-blocking mode of the blocking types mean
//! nothing here: use [`crate::task::timeout`].

mod io;
mod listener;
mod lookup;
mod options;
mod split;
mod stream;
mod udp;

use crate::io::{Error, ErrorKind, Result};

pub use listener::TcpListener;
pub use lookup::lookup_host;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use stream::TcpStream;
pub use udp::UdpSocket;

/// What addresses that are tried one after the other come to, when none succeeded: the last failure.
fn none_worked<T>(last: Option<Error>) -> Result<T> {
    Err(last.unwrap_or_else(|| {
        Error::new(
            ErrorKind::InvalidInput,
            "could not resolve to any addresses",
        )
    }))
}
