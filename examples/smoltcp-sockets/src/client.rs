//! From smoltcp 0.14's examples/client.rs (0BSD): the part below "Create sockets" is the original's.
//! Changed: imports, the device, and the clock's `now`.

use alloc::borrow::ToOwned;
use alloc::vec;
use alloc::vec::Vec;
use core::str::{self, FromStr};

use log::debug;
use rt::net::smoltcp::iface::{Config, Interface, SocketSet};
use rt::net::smoltcp::phy::{Host, wait as phy_wait};
use rt::net::smoltcp::socket::tcp;
use rt::net::smoltcp::time::now;
use rt::net::smoltcp::wire::{HardwareAddress, IpAddress};

pub(crate) fn run(address: &str, port: &str) {
    let address = IpAddress::from_str(address).expect("invalid address format");
    let port = u16::from_str(port).expect("invalid port format");

    let mut device = Host::new();
    let config = Config::new(HardwareAddress::Ip);
    let mut iface = Interface::new(config, &mut device, now());

    // Create sockets
    let tcp_rx_buffer = tcp::SocketBuffer::new(vec![0; 1500]);
    let tcp_tx_buffer = tcp::SocketBuffer::new(vec![0; 1500]);
    let tcp_socket = tcp::Socket::new(tcp_rx_buffer, tcp_tx_buffer);
    let mut sockets = SocketSet::new(vec![]);
    let tcp_handle = sockets.add(tcp_socket);

    let socket = sockets.get_mut::<tcp::Socket>(tcp_handle);
    socket
        .connect(iface.context(), (address, port), 49500)
        .unwrap();

    let mut tcp_active = false;
    loop {
        let timestamp = now();
        iface.poll(timestamp, &mut device, &mut sockets);

        let socket = sockets.get_mut::<tcp::Socket>(tcp_handle);
        if socket.is_active() && !tcp_active {
            debug!("connected");
        } else if !socket.is_active() && tcp_active {
            debug!("disconnected");
            break;
        }
        tcp_active = socket.is_active();

        if socket.may_recv() {
            let data = socket
                .recv(|data| {
                    let mut data = data.to_owned();
                    if !data.is_empty() {
                        debug!(
                            "recv data: {:?}",
                            str::from_utf8(data.as_ref()).unwrap_or("(invalid utf8)")
                        );
                        data = data.split(|&b| b == b'\n').collect::<Vec<_>>().concat();
                        data.reverse();
                        data.extend(b"\n");
                    }
                    (data.len(), data)
                })
                .unwrap();
            if socket.can_send() && !data.is_empty() {
                debug!(
                    "send data: {:?}",
                    str::from_utf8(data.as_ref()).unwrap_or("(invalid utf8)")
                );
                socket.send_slice(&data[..]).unwrap();
            }
        } else if socket.may_send() {
            debug!("close");
            socket.close();
        }

        phy_wait(&device, iface.poll_delay(timestamp, &sockets));
    }
}
