//! The traits of the ecosystem, used as generic code does, between sockets of this guest.

use alloc::vec;
use core::net::SocketAddr;

use futures_util::future::join;
use rt::io::ErrorKind;
use rt::net::{Stack, aio};
use rt::random::Entropy;
use rt::{println, task};

/// More than a data ring holds.
const BULK_BYTES: usize = 300_000;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(crate) fn all() {
    task::block_on(async {
        listeners().await;
        println!("traits: listeners");
        edge(&Stack::new()).await;
        println!("traits: edge-nal");
        nal_async(&Stack::new()).await;
        println!("traits: embedded-nal-async");
        datagrams(&Stack::new()).await;
        println!("traits: datagrams");
    });
    nal(&mut Stack::new());
    println!("traits: embedded-nal");
    random();
    println!("traits: rand_core");
}

/// An async listener, alone and turned into a blocking one and back.
async fn listeners() {
    use embedded_io_async::{Read as _, Write as _};
    let listener = aio::TcpListener::bind(address(0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    assert_ne!(at.port(), 0);
    let (connected, accepted) = join(aio::TcpStream::connect(at), listener.accept()).await;
    let (mut one, (mut other, peer)) = (connected.unwrap(), accepted.unwrap());
    assert_eq!(peer, one.local_addr().unwrap());
    one.write_all(b"abc").await.unwrap();
    let mut bytes = [0; 3];
    other.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"abc");
    assert!(!one.nodelay().await.unwrap());
    one.set_nodelay(true).await.unwrap();
    assert!(one.nodelay().await.unwrap());
    let short = rt::time::Duration::from_secs(2);
    one.set_linger(Some(short)).await.unwrap();
    assert_eq!(one.linger().await.unwrap(), Some(short));
    assert!(one.take_error().unwrap().is_none());

    let blocking = rt::net::TcpListener::from(listener);
    let accepting = task::spawn_blocking(move || blocking.accept().map(|_| blocking));
    let _one = aio::TcpStream::connect(at).await.unwrap();
    let listener = aio::TcpListener::from(accepting.await.unwrap().unwrap());
    // An accept that is given up has taken nothing.
    let given_up = task::timeout(rt::time::Duration::from_millis(5), listener.accept()).await;
    assert!(given_up.is_err());
    let (connected, accepted) = join(aio::TcpStream::connect(at), listener.accept()).await;
    assert!(connected.is_ok() && accepted.is_ok());
    drop(listener);
    let refused = aio::TcpStream::connect(at).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

/// As edge-net's crates use a stack.
async fn edge<S>(stack: &S)
where
    S: edge_nal::TcpConnect + edge_nal::TcpBind + edge_nal::Dns,
{
    use edge_nal::io::{Read as _, Write as _};
    use edge_nal::{
        AddrType, Close, Readable as _, TcpAccept as _, TcpShutdown as _, TcpSplit as _,
    };
    let at = address(7101);
    let acceptor = stack.bind(at).await.unwrap();
    let server = async {
        let (_, mut socket) = acceptor.accept().await.unwrap();
        socket.readable().await.unwrap();
        let mut bytes = vec![0; 4096];
        let (mut reader, mut writer) = socket.split();
        loop {
            match reader.read(&mut bytes).await.unwrap() {
                0 => break,
                count => writer.write_all(&bytes[..count]).await.unwrap(),
            }
        }
        drop((reader, writer));
        socket.close(Close::Both).await.unwrap();
    };
    let client = async {
        let mut socket = stack.connect(at).await.unwrap();
        let sent = vec![7; BULK_BYTES];
        let mut received = vec![0; BULK_BYTES];
        let (mut reader, mut writer) = socket.split();
        let (wrote, read) = join(writer.write_all(&sent), reader.read_exact(&mut received)).await;
        wrote.unwrap();
        read.unwrap();
        drop((reader, writer));
        assert!(sent == received);
        socket.close(Close::Write).await.unwrap();
        socket.close(Close::Read).await.unwrap();
        socket.abort().await.unwrap();
    };
    join(server, client).await;
    let name = stack.get_host_by_name("localhost", AddrType::IPv4).await;
    assert_eq!(name.unwrap(), address(0).ip());
    let literal = stack.get_host_by_name("192.0.2.1", AddrType::IPv6).await;
    assert!(literal.is_err(), "there is no IPv6 address");
}

/// As reqwless and others use it.
async fn nal_async<S>(stack: &S)
where
    S: embedded_nal_async::TcpConnect + embedded_nal_async::Dns,
{
    use embedded_io::Error as _;
    use embedded_nal_async::AddrType;
    let refused = stack.connect(address(7102)).await.map(drop).unwrap_err();
    assert_eq!(refused.kind(), embedded_io::ErrorKind::ConnectionRefused);
    let name = stack.get_host_by_name("localhost", AddrType::IPv4).await;
    assert_eq!(name.unwrap(), address(0).ip());
    let mut bytes = [0; 255];
    let reverse = stack.get_host_by_address(address(0).ip(), &mut bytes).await;
    assert!(reverse.is_err());
}

/// Both generations' datagrams, to each other.
async fn datagrams<S>(stack: &S)
where
    S: embedded_nal_async::UdpStack + edge_nal::UdpBind,
{
    use edge_nal::{MulticastV4 as _, UdpBind, UdpReceive as _, UdpSend as _, UdpSplit as _};
    use embedded_nal_async::{ConnectedUdp as _, UdpStack};
    let at = address(7105);
    let mut bound = UdpBind::bind(stack, at).await.unwrap();
    let connecting = UdpStack::connect_from(stack, address(0), at);
    let (local, mut connected) = connecting.await.unwrap();
    assert_ne!(local.port(), 0);
    connected.send(b"to you").await.unwrap();
    let mut bytes = [0; 16];
    let (mut receiver, mut sender) = bound.split();
    let (count, from) = receiver.receive(&mut bytes).await.unwrap();
    assert_eq!(
        (&bytes[..count], from.port()),
        (&b"to you"[..], local.port())
    );
    sender.send(from, b"and back").await.unwrap();
    let count = connected.receive_into(&mut bytes).await.unwrap();
    assert_eq!(&bytes[..count], b"and back");
    drop((receiver, sender));
    let group = [224, 0, 0, 251].into();
    assert!(bound.join_v4(group, [0, 0, 0, 0].into()).await.is_err());
    assert!(stack.bind_multiple(address(7106)).await.is_err());
}

/// As code of the `nb` generation uses it: by polling.
fn nal<S, K>(stack: &mut S)
where
    S: embedded_nal::TcpFullStack<TcpSocket = K> + embedded_nal::Dns,
{
    use embedded_nal::nb::{self, block};
    use embedded_nal::{TcpError as _, TcpErrorKind};
    let mut listener = stack.socket().unwrap();
    stack.bind(&mut listener, 7103).unwrap();
    stack.listen(&mut listener).unwrap();
    let mut client = stack.socket().unwrap();
    assert!(matches!(
        stack.accept(&mut listener),
        Err(nb::Error::WouldBlock)
    ));
    block!(stack.connect(&mut client, address(7103))).unwrap();
    let (mut server, _) = block!(stack.accept(&mut listener)).unwrap();
    let mut bytes = [0; 16];
    let nothing = stack.receive(&mut server, &mut bytes);
    assert!(matches!(nothing, Err(nb::Error::WouldBlock)));
    assert_eq!(block!(stack.send(&mut client, b"polled")).unwrap(), 6);
    assert_eq!(block!(stack.receive(&mut server, &mut bytes)).unwrap(), 6);
    assert_eq!(&bytes[..6], b"polled");
    stack.close(client).unwrap();
    let end = block!(stack.receive(&mut server, &mut bytes)).unwrap_err();
    assert_eq!(end.kind(), TcpErrorKind::PipeClosed);
    let mut nobody = stack.socket().unwrap();
    let refused = block!(stack.connect(&mut nobody, address(7104)));
    assert!(refused.is_err());
    let kind = embedded_nal::AddrType::IPv4;
    assert_eq!(
        block!(stack.get_host_by_name("localhost", kind.clone())).unwrap(),
        address(0).ip()
    );
}

/// Both generations of rand_core see numbers that are not the same twice.
fn random() {
    fn old(random: &mut (impl rand_core_06::RngCore + rand_core_06::CryptoRng)) -> [u8; 33] {
        let mut bytes = [0; 33];
        random.fill_bytes(&mut bytes);
        bytes
    }
    fn new(random: &mut impl rand_core::CryptoRng) -> u64 {
        random.next_u64()
    }
    let mut entropy = Entropy::new().unwrap();
    let first = old(&mut entropy);
    assert_ne!(first, old(&mut entropy));
    assert_ne!(first[25..], [0; 8]);
    assert_ne!(new(&mut entropy), new(&mut entropy));
}
