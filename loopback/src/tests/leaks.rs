//! Closing everything leaves nothing behind.

use std::prelude::v1::*;
use std::{format, vec};

use proptest::prelude::*;

use super::{address, listen, pair, watch, write};
use crate::{How, Interest, ListenOptions, Loopback, SocketId, Stats};

#[test]
fn a_thousand_connections_leave_nothing() {
    let mut net = Loopback::new();
    let listener = listen(&mut net, "0.0.0.0:80");
    let with_listener = net.stats();
    assert_eq!((with_listener.sockets, with_listener.ports), (1, 1));
    for round in 0..1000 {
        let client = net.connect(address("127.0.0.1:80")).expect("a listener");
        let server = net.try_accept(listener).expect("a connection");
        write(&mut net, client, "unread");
        watch(&mut net, client, Interest::Read);
        let order = [(client, server), (server, client)][round % 2];
        net.close(order.0).expect("open");
        net.close(order.1).expect("open");
        net.take_wakes().wake();
        assert_eq!(net.stats(), with_listener);
    }
}

#[test]
fn a_second_close_says_so() {
    let mut net = Loopback::new();
    let (client, _) = pair(&mut net);
    assert!(net.close(client).is_ok() && net.close(client).is_err());
}

/// Anything that somebody may do, with sockets chosen by number.
#[derive(Clone, Debug)]
enum Step {
    Listen(u16, usize),
    Connect(u16),
    Accept(usize),
    Write(usize, usize),
    Read(usize, usize),
    Shutdown(usize, bool),
    Bind(u16),
    Peer(usize, u16),
    Send(usize, u16),
    Receive(usize),
    Watch(usize),
    Linger(usize),
    Close(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (port, socket, bytes) = (0..4_u16, 0..40_usize, 0..100_000_usize);
    prop_oneof![
        (port.clone(), 0..3_usize).prop_map(|(port, backlog)| Step::Listen(port, backlog)),
        port.clone().prop_map(Step::Connect),
        socket.clone().prop_map(Step::Accept),
        (socket.clone(), bytes.clone()).prop_map(|(id, bytes)| Step::Write(id, bytes)),
        (socket.clone(), bytes).prop_map(|(id, bytes)| Step::Read(id, bytes)),
        (socket.clone(), any::<bool>()).prop_map(|(id, both)| Step::Shutdown(id, both)),
        port.clone().prop_map(Step::Bind),
        (socket.clone(), port.clone()).prop_map(|(id, port)| Step::Peer(id, port)),
        (socket.clone(), port).prop_map(|(id, port)| Step::Send(id, port)),
        socket.clone().prop_map(Step::Receive),
        socket.clone().prop_map(Step::Watch),
        socket.clone().prop_map(Step::Linger),
        socket.prop_map(Step::Close),
    ]
}

/// Does it; errors are fine.
fn play(net: &mut Loopback, open: &mut Vec<SocketId>, step: &Step) {
    let at = |port: u16| address(&format!("127.0.0.1:{port}"));
    let id = |number: usize| open.get(number % open.len().max(1)).copied();
    let mut buffer = vec![1; 100_000];
    match *step {
        Step::Listen(port, backlog) => {
            let options = ListenOptions {
                backlog,
                ..ListenOptions::default()
            };
            open.extend(net.listen(at(port), options));
        }
        Step::Connect(port) => open.extend(net.connect(at(port))),
        Step::Bind(port) => open.extend(net.bind_datagram(at(port), false)),
        Step::Accept(number) => {
            let accepted = id(number).and_then(|id| net.try_accept(id).ok());
            open.extend(accepted);
        }
        Step::Close(number) => {
            if let Some(id) = id(number) {
                net.close(id).expect("open");
                open.retain(|other| *other != id);
            }
        }
        Step::Write(number, bytes) => {
            let _ = id(number).map(|id| net.try_write(id, &buffer[..bytes]));
        }
        Step::Read(number, bytes) => {
            let _ = id(number).map(|id| net.try_read(id, &mut buffer[..bytes]));
        }
        Step::Shutdown(number, both) => {
            let how = if both { How::Both } else { How::Write };
            let _ = id(number).map(|id| net.shutdown(id, how));
        }
        Step::Peer(number, port) => {
            let _ = id(number).map(|id| net.set_peer(id, Some(at(port))));
        }
        Step::Send(number, port) => {
            let to = (port > 0).then(|| at(port));
            let _ = id(number).map(|id| net.try_send_to(id, &buffer[..1000], to));
        }
        Step::Receive(number) => {
            let _ = id(number).map(|id| net.try_receive_from(id, &mut buffer, true));
        }
        Step::Watch(number) => {
            let _ = id(number).map(|id| watch(net, id, Interest::Read));
        }
        Step::Linger(number) => {
            let _ = id(number).map(|id| net.options(id).map(|it| it.linger_ns = Some(0)));
        }
    }
    net.take_wakes().wake();
}

proptest! {
    #[test]
    fn whatever_was_done_closing_all_leaves_nothing(steps in proptest::collection::vec(step(), 1..200)) {
        let mut net = Loopback::new();
        let mut open = Vec::new();
        for step in &steps {
            play(&mut net, &mut open, step);
            // Every handle stays good.
            for id in &open {
                prop_assert!(net.readiness(*id).is_ok() && net.local_addr(*id).is_ok());
            }
        }
        for id in open {
            net.close(id).expect("open");
        }
        net.take_wakes().wake();
        let dropped_datagrams = net.stats().dropped_datagrams;
        prop_assert_eq!(net.stats(), Stats { dropped_datagrams, ..Stats::default() });
    }
}
