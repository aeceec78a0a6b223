//! Listeners: queues, lines before them, and ports.

use std::prelude::v1::*;

use super::{address, listen, read, watch, woken, write};
use crate::{Error, Interest, ListenOptions, Loopback, TryError};

const BLOCKED: TryError = TryError::WouldBlock;

fn with_backlog(net: &mut Loopback, backlog: usize) -> crate::SocketId {
    let options = ListenOptions {
        backlog,
        ..ListenOptions::default()
    };
    net.listen(address("127.0.0.1:80"), options).expect("free")
}

#[test]
fn an_accept_waits_for_a_connection() {
    let mut net = Loopback::new();
    let listener = listen(&mut net, "127.0.0.1:80");
    assert_eq!(net.try_connect(listener), Ok(()));
    assert_eq!(net.try_accept(listener), Err(BLOCKED));
    assert!(!net.readiness(listener).expect("open").readable);
    let accepter = watch(&mut net, listener, Interest::Read);
    let client = net.connect(address("127.0.0.1:80")).expect("a listener");
    assert_eq!(woken(&mut net, &accepter), 1);
    assert!(net.readiness(listener).expect("open").readable);
    // What is written before the accept is there after it, and so is the end.
    write(&mut net, client, "early");
    net.close(client).expect("open");
    let server = net.try_accept(listener).expect("a connection");
    assert_eq!(read(&mut net, server), Ok("early".into()));
    assert_eq!(read(&mut net, server), Ok("".into()));
    assert_eq!(net.try_accept(listener), Err(BLOCKED));
}

#[test]
fn a_full_queue_makes_connects_wait_in_order() {
    let mut net = Loopback::new();
    let listener = with_backlog(&mut net, 2);
    let clients: Vec<_> = (0..5)
        .map(|_| net.connect(address("127.0.0.1:80")).expect("a listener"))
        .collect();
    assert_eq!(net.try_connect(clients[1]), Ok(()));
    assert_eq!(net.try_connect(clients[2]), Err(BLOCKED));
    assert_eq!(
        net.try_write(clients[2], b"x"),
        Err(Error::NotConnected.into())
    );
    assert_eq!(net.peer_addr(clients[2]), Err(Error::NotConnected));
    let waiting = watch(&mut net, clients[2], Interest::Connect);
    let behind = watch(&mut net, clients[3], Interest::Connect);
    // One gives up meanwhile.
    net.close(clients[3]).expect("open");
    let mut accepted = Vec::new();
    accepted.push(net.try_accept(listener).expect("a connection"));
    assert_eq!((woken(&mut net, &waiting), behind.count()), (1, 1));
    assert_eq!(net.try_connect(clients[2]), Ok(()));
    assert_eq!(net.try_connect(clients[4]), Err(BLOCKED));
    while let Ok(next) = net.try_accept(listener) {
        accepted.push(next);
    }
    let peers: Vec<_> = accepted.iter().map(|id| net.peer_addr(*id)).collect();
    let names: Vec<_> = [0, 1, 2, 4].map(|at| net.local_addr(clients[at])).into();
    assert_eq!(peers, names);
}

#[test]
fn closing_a_listener_ends_what_waits_for_it_and_nothing_else() {
    let mut net = Loopback::new();
    let listener = with_backlog(&mut net, 1);
    let to = address("127.0.0.1:80");
    let first = net.connect(to).expect("a listener");
    let served = net.try_accept(listener).expect("a connection");
    let queued = net.connect(to).expect("a listener");
    let in_line = net.connect(to).expect("a listener");
    let accepter = watch(&mut net, listener, Interest::Read);
    let waiting = watch(&mut net, in_line, Interest::Connect);
    net.close(listener).expect("open");
    assert_eq!((woken(&mut net, &accepter), waiting.count()), (1, 1));
    assert_eq!(net.try_accept(listener), Err(Error::NoSuchSocket.into()));
    assert_eq!(read(&mut net, queued), Err(Error::ConnectionReset.into()));
    let refused = TryError::Failed(Error::ConnectionRefused);
    assert_eq!(net.try_connect(in_line), Err(refused));
    assert_eq!(net.connect(to), Err(Error::ConnectionRefused));
    write(&mut net, first, "still here");
    assert_eq!(read(&mut net, served), Ok("still here".into()));
    // The port is free, although connections to it are open.
    listen(&mut net, "127.0.0.1:80");
}

#[test]
fn a_port_in_use_is_told() {
    let mut net = Loopback::new();
    let options = ListenOptions::default();
    let all = listen(&mut net, "0.0.0.0:80");
    for at in ["127.0.0.1:80", "0.0.0.0:80", "[::]:80"] {
        assert_eq!(net.listen(address(at), options), Err(Error::AddrInUse));
    }
    let only_v6 = ListenOptions {
        only_v6: true,
        ..options
    };
    let six = net
        .listen(address("[::]:80"), only_v6)
        .expect("IPv6's is free");
    assert_eq!(
        net.connect(address("[::ffff:127.0.0.1]:80")).map(drop),
        Ok(())
    );
    assert!(net.try_accept(all).is_ok());
    assert!(net.connect(address("[::1]:80")).is_ok());
    assert!(net.try_accept(six).is_ok());
    net.close(all).expect("open");
    listen(&mut net, "127.0.0.1:80");
    assert_eq!(
        net.listen(address("192.0.2.1:80"), options),
        Err(Error::AddrNotAvailable)
    );
}

#[test]
fn a_port_of_one_who_connected_is_taken_until_it_closes() {
    let mut net = Loopback::new();
    listen(&mut net, "127.0.0.1:80");
    let client = net.connect(address("127.0.0.1:80")).expect("a listener");
    let own = net.local_addr(client).expect("a name");
    let options = ListenOptions::default();
    assert_eq!(net.listen(own, options), Err(Error::AddrInUse));
    net.close(client).expect("open");
    assert!(net.listen(own, options).is_ok());
}

#[test]
fn port_0_gives_free_ports() {
    let mut net = Loopback::new();
    let mut ports = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let id = listen(&mut net, "127.0.0.1:0");
        ports.insert(net.local_addr(id).expect("a name").port());
    }
    assert_eq!(ports.len(), 100);
    assert!(!ports.contains(&0));
}
