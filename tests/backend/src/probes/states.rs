//! xenbus states and keys: closing and coming back, and what nobody should write there.

use alloc::vec::Vec;
use core::net::SocketAddrV4;

use rt::io::Result;
use rt::kernel::xenstore;
use rt::println;

use crate::channel::pause;
use crate::device::{
    CLOSED, CLOSING, CONNECTED, Device, FRONT, INIT_WAIT, INITIALISED, INITIALISING, STEP_MS,
};
use crate::ensure;
use crate::pattern::Random;
use crate::socket::Stream;

fn works(device: &mut Device, echo: SocketAddrV4) -> Result<()> {
    let mut stream = Stream::connect(device, echo, 1)?;
    stream.ring.echo(b"it works")?;
    stream.release(device)
}

/// Connected, 5, 6, 1, 3, 4: three times, once with a socket open.
pub(crate) fn reconnect(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    works(&mut device, echo)?;
    for _ in 0..2 {
        device.reconnect()?;
        works(&mut device, echo)?;
    }
    let mut open = Stream::connect(&mut device, echo, 1)?;
    open.ring.echo(b"before")?;
    device.reconnect()?;
    let mapped = open.ring.still_mapped();
    ensure!(mapped == 0, "{mapped} pages are mapped after closing");
    works(&mut device, echo)?;
    println!("came back three times");
    device.finish()
}

/// From Connected straight to Initialising, as a guest whose kernel was restarted.
pub(crate) fn short_cut(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    works(&mut device, echo)?;
    let mut open = Stream::connect(&mut device, echo, 1)?;
    open.ring.echo(b"before")?;
    device.set_state(INITIALISING)?;
    device.wait_for_state(&[INIT_WAIT], STEP_MS)?;
    let mapped = open.ring.still_mapped();
    ensure!(mapped == 0, "{mapped} pages are mapped after InitWait");
    device.renew()?;
    device.bring_up()?;
    works(&mut device, echo)?;
    println!("came back by the short cut");
    device.finish()
}

/// Closes whatever there is, and connects with good keys.
fn recover(device: &mut Device, echo: SocketAddrV4) -> Result<()> {
    device.set_state(CLOSED)?;
    device.wait_for_state(&[CLOSED], STEP_MS)?;
    device.renew()?;
    device.set_state(INITIALISING)?;
    device.bring_up()?;
    works(device, echo)
}

/// Ring keys that make no sense: the backend refuses, and takes good ones afterwards.
pub(crate) fn garbage_keys(echo: SocketAddrV4) -> Result<()> {
    let mut device = Device::open()?;
    works(&mut device, echo)?;
    let long = [b'9'; 1500];
    let values: [(&str, &[u8]); 17] = [
        ("port", b""),
        ("port", b"0"),
        ("port", b"-1"),
        ("port", b"4294967295"),
        ("port", b"4294967296"),
        ("port", b"99999999999999999999"),
        ("port", b"nonsense"),
        ("port", b"1\n2"),
        ("port", b"\xff\xfe\x00\x80"),
        ("port", &long),
        ("ring-ref", b""),
        ("ring-ref", b"-5"),
        ("ring-ref", b"4294967295"),
        ("ring-ref", b"100000000000"),
        ("ring-ref", b"%n%s/../.."),
        ("ring-ref", b"\x00\x01"),
        ("ring-ref", &long),
    ];
    for (key, value) in values {
        device.set_state(CLOSED)?;
        device.wait_for_state(&[CLOSED], STEP_MS)?;
        device.renew()?;
        device.set_state(INITIALISING)?;
        device.wait_for_state(&[INIT_WAIT], STEP_MS)?;
        let ring = device.ring();
        let good_port = alloc::format!("{}", ring.channel().port());
        let good_reference = alloc::format!("{}", ring.reference());
        device.write("port", good_port.as_bytes())?;
        device.write("ring-ref", good_reference.as_bytes())?;
        device.write("version", b"1")?;
        device.write(key, value)?;
        device.set_state(INITIALISED)?;
        let state = device.wait_for_state(&[CLOSING, CLOSED], STEP_MS)?;
        println!("{key} of {} bytes: state {state}", value.len());
    }
    recover(&mut device, echo)?;
    // No key at all.
    device.set_state(CLOSED)?;
    device.wait_for_state(&[CLOSED], STEP_MS)?;
    device.renew()?;
    device.set_state(INITIALISING)?;
    device.wait_for_state(&[INIT_WAIT], STEP_MS)?;
    for key in ["port", "ring-ref"] {
        let _ = xenstore::rm(&alloc::format!("{FRONT}/{key}"));
    }
    device.set_state(INITIALISED)?;
    device.wait_for_state(&[CLOSING, CLOSED], STEP_MS)?;
    recover(&mut device, echo)?;
    // Features that are something else than 1 are not in force and harm nothing.
    device.set_state(CLOSED)?;
    device.wait_for_state(&[CLOSED], STEP_MS)?;
    device.renew()?;
    for (name, value) in [
        ("feature-names", &b"2"[..]),
        ("feature-shutdown", b"yes"),
        ("feature-udp", b""),
        ("feature-alive", b"\xff"),
        ("feature-event-idx", &long),
        ("feature-resolve", b"1 "),
        ("version", b"7"),
    ] {
        device.write(name, value)?;
    }
    device.set_state(INITIALISING)?;
    device.bring_up()?;
    works(&mut device, echo)?;
    println!("garbage in xenstore is refused");
    device.finish()
}

/// States without order, `count` of them, some with keys and none waited for.
pub(crate) fn flip(echo: SocketAddrV4, count: usize) -> Result<()> {
    let mut device = Device::open()?;
    works(&mut device, echo)?;
    let mut random = Random::new(3);
    let texts: Vec<&[u8]> = [
        &b"0"[..],
        b"1",
        b"2",
        b"3",
        b"4",
        b"5",
        b"6",
        b"7",
        b"8",
        b"99",
        b"-1",
        b"",
        b"x",
        b"4294967297",
        b"\xff",
    ]
    .into();
    for _ in 0..count {
        match random.below(20) {
            0 => device.publish()?,
            1 => pause(30),
            2 => {
                let _ = xenstore::rm(&alloc::format!("{FRONT}/state"));
            }
            _ => {
                let limit = u32::try_from(texts.len()).expect("few");
                device.write("state", texts[random.below(limit) as usize])?;
            }
        }
    }
    // The backend may still be working on old states: it is done when 1 is answered with 2.
    device.set_state(CLOSED)?;
    device.wait_for_state(&[CLOSED], STEP_MS)?;
    pause(500);
    let state = device.backend_state();
    ensure!(state == CLOSED, "state {state} while we are Closed");
    recover(&mut device, echo)?;
    ensure!(device.backend_state() == CONNECTED, "not connected");
    println!("{count} states later it works");
    device.finish()
}
