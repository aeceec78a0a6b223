//! Async streams against an echo server at the address that the second argument names.

use alloc::vec;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embedded_io_async::{Read as _, Write as _};
use futures_util::future::join;
use rt::io::ErrorKind;
use rt::net::aio::{self, TcpStream};
use rt::task;
use rt::time::Duration;
use rt::{env, println};

/// More than a data ring holds.
const BULK_BYTES: usize = 1 << 20;

pub(crate) fn all() {
    let server = env::args().nth(2).expect("the server's address");
    task::block_on(async {
        both_ways(&server).await;
        println!("streams: both ways");
        owned_halves(&server).await;
        println!("streams: owned halves");
        waiting(&server).await;
        println!("streams: waiting");
        many(&server).await;
        println!("streams: many");
        errors().await;
        println!("streams: errors");
    });
    conversions(&server);
}

fn pattern() -> Vec<u8> {
    let mut state = 1_u32;
    let step = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    core::iter::repeat_with(step).take(BULK_BYTES).collect()
}

/// One task reads and writes at once through two references, and through borrowed halves.
async fn both_ways(server: &str) {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let sent = pattern();
    let mut received = vec![0; BULK_BYTES];
    {
        let (mut reader, mut writer) = (&stream, &stream);
        let (written, read) = join(writer.write_all(&sent), reader.read_exact(&mut received)).await;
        written.unwrap();
        read.unwrap();
    }
    assert!(sent == received, "an echo of {BULK_BYTES} bytes");

    received.fill(0);
    let (mut reader, mut writer) = stream.split();
    let (written, read) = join(writer.write_all(&sent), reader.read_exact(&mut received)).await;
    written.unwrap();
    read.unwrap();
    assert!(sent == received, "an echo of {BULK_BYTES} bytes");
}

/// Halves in tasks of the other thread, and together again.
async fn owned_halves(server: &str) {
    let stream = TcpStream::connect(server).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let writing = task::spawn(async move {
        writer.write_all(&pattern()).await.unwrap();
        writer
    });
    let reading = task::spawn(async move {
        let mut received = vec![0; BULK_BYTES];
        reader.read_exact(&mut received).await.unwrap();
        (reader, received)
    });
    let (reader, received) = reading.await.unwrap();
    assert!(received == pattern(), "an echo of {BULK_BYTES} bytes");
    let mut stream = reader.reunite(writing.await.unwrap()).unwrap();
    stream.write_all(b"again").await.unwrap();
    let mut again = [0; 5];
    stream.read_exact(&mut again).await.unwrap();
    assert_eq!(&again, b"again");
}

/// A read that is given up takes nothing; `readable` and `peek` take nothing either.
async fn waiting(server: &str) {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let mut byte = [0];
    let short = Duration::from_millis(20);
    assert!(task::timeout(short, stream.read(&mut byte)).await.is_err());
    assert!(task::timeout(short, stream.readable()).await.is_err());
    stream.writable().await.unwrap();
    // A future that was polled, not just made.
    {
        let mut reading = pin!(stream.read(&mut byte));
        poll_fn(|context| {
            assert!(reading.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    stream.write_all(b"xy").await.unwrap();
    stream.readable().await.unwrap();
    assert_eq!(stream.peek(&mut byte).await.unwrap(), 1);
    let mut both = [0; 2];
    stream.read_exact(&mut both).await.unwrap();
    assert_eq!((byte, both), (*b"x", *b"xy"));
}

/// Many connections in one thread.
async fn many(server: &str) {
    let handles: Vec<_> = (0..32_u32)
        .map(|number| {
            let server = alloc::string::String::from(server);
            task::spawn(async move {
                let mut stream = TcpStream::connect(&server).await.unwrap();
                for round in 0..20_u32 {
                    let sent = (number * 1000 + round).to_be_bytes();
                    stream.write_all(&sent).await.unwrap();
                    let mut received = [0; 4];
                    stream.read_exact(&mut received).await.unwrap();
                    assert_eq!(sent, received);
                }
            })
        })
        .collect();
    for handle in handles {
        handle.await.unwrap();
    }
}

/// std's kinds of errors; a connect that is given up.
async fn errors() {
    let refused = TcpStream::connect("192.0.2.1:9").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let nonsense = TcpStream::connect("nonsense").await.unwrap_err();
    assert_eq!(nonsense.kind(), ErrorKind::InvalidInput);
    let literal = aio::lookup_host("192.0.2.1", 80).await.unwrap();
    assert_eq!(literal, ["192.0.2.1:80".parse().unwrap()]);
    // Nobody answers there.
    let connecting = TcpStream::connect("192.0.2.77:80");
    let result = task::timeout(Duration::from_millis(50), connecting).await;
    assert!(!matches!(result, Ok(Ok(_))), "{result:?}");
}

/// Async to blocking and back, with the same bytes.
fn conversions(server: &str) {
    use rt::io::{Read as _, Write as _};
    let stream = task::block_on(TcpStream::connect(server)).unwrap();
    let mut blocking = rt::net::TcpStream::from(stream);
    blocking.write_all(b"abc").unwrap();
    let mut bytes = [0; 3];
    blocking.read_exact(&mut bytes[..1]).unwrap();
    let mut stream = TcpStream::from(blocking);
    task::block_on(async {
        stream.read_exact(&mut bytes[1..]).await.unwrap();
    });
    assert_eq!(&bytes, b"abc");
    println!("streams: conversions");
}
