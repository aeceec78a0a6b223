//! Tries every device of a Xen host, and says what it sees. Run it as root in dom0:
//!
//! ```sh
//! devices              # open everything, use xenstore
//! devices console ID   # also: map the console page of a PV guest, fail to bind its port
//! devices pvcalls ID   # also: be the PV Calls backend of a guest for a moment
//! ```
//!
//! It ends with "devices: all well", or with the first thing that was not as it should be.

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use xen_dev::store::WatchEvent;
use xen_dev::{EventChannels, GrantDevices, Mapping, Pending, Store};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut store = Store::open()?;
    let channels = EventChannels::open()?;
    let grants = GrantDevices::open(3)?;
    xenstore(&mut store)?;
    let mut none = [0; 4];
    expect(
        channels.pending(&mut none)? == Pending::Ports(0),
        "no event is pending",
    )?;
    expect(
        channels.notify(12345).is_err() && channels.unbind(12345).is_err(),
        "a port of nobody cannot be used",
    )?;
    match &arguments[..] {
        [] => {}
        [what, domain] if what == "console" => {
            console(&mut store, &channels, &grants, domain.parse()?)?;
        }
        [what, domain] if what == "pvcalls" => {
            pvcalls(&mut store, &channels, &grants, domain.parse()?)?;
        }
        _ => return Err("usage: devices [console ID | pvcalls ID]".into()),
    }
    expect(grants.mappings() == 0, "nothing stays mapped")?;
    println!("devices: all well");
    Ok(())
}

fn xenstore(store: &mut Store) -> Result<()> {
    let home = text(store, "domid")?;
    println!("this is domain {home}");
    expect(
        !store.exists("tool/devices/x")?,
        "a missing node is missing",
    )?;
    let token = store.watch("devices-test")?;
    let first = wait_for_event(store)?;
    expect(
        first == WatchEvent::Path("devices-test".to_owned()),
        "a watch fires at once",
    )?;
    store.transaction(|transaction| {
        transaction.write("devices-test/a", b"1")?;
        transaction.write("devices-test/b", b"2")
    })?;
    let mut seen = vec![wait_for_event(store)?, wait_for_event(store)?];
    seen.sort_by_key(|event| format!("{event:?}"));
    let path = |path: &str| WatchEvent::Path(path.to_owned());
    expect(
        seen == [path("devices-test/a"), path("devices-test/b")],
        "both writes are seen",
    )?;
    expect(
        store.directory("devices-test")? == ["a", "b"],
        "both are listed",
    )?;
    println!("permissions: {:?}", store.permissions("devices-test")?);
    // Somebody else, a second connection, changes what a transaction has read.
    let mut other = Store::open()?;
    let mut attempts = 0;
    store.transaction(|transaction| {
        attempts += 1;
        let value = transaction.read("devices-test/a")?;
        if attempts < 3 {
            other.write("devices-test/a", format!("other {attempts}").as_bytes())?;
        }
        transaction.write("devices-test/b", &value.unwrap_or_default())
    })?;
    expect(
        attempts == 3,
        "a transaction that lost a race is done again",
    )?;
    expect(
        text(store, "devices-test/b")? == "other 2",
        "with fresh values",
    )?;
    let failed = store.transaction(|transaction| {
        transaction.write("devices-test/b", b"never")?;
        transaction.write("devices test", b"")
    });
    expect(failed.is_err(), "work that fails fails the transaction")?;
    expect(
        text(store, "devices-test/b")? == "other 2",
        "without a trace",
    )?;
    store.unwatch(token)?;
    store.remove("devices-test")?;
    store.remove("devices-test")?;
    // More children than one message can list.
    for n in 0..300 {
        store.write(&format!("devices-test/a-rather-long-name-{n}"), b"")?;
    }
    let children = store.directory("devices-test")?;
    expect(children.len() == 300, "a long directory is listed whole")?;
    store.remove("devices-test")?;
    expect(!store.exists("devices-test")?, "all is removed")?;
    expect(store.is_domain_introduced(0)?, "dom0 is there")?;
    expect(!store.is_domain_introduced(31_000)?, "domain 31000 is not")
}

/// The toolstack grants the console page of a PV guest to dom0 as its entry 0.
fn console(
    store: &mut Store,
    channels: &EventChannels,
    grants: &GrantDevices,
    domain: u16,
) -> Result<()> {
    let mapping = grants.map(domain, &[0])?;
    // xen/io/console.h: the last bytes that the guest printed are in 2048 bytes at 1024; the
    // producer's index is at 3084.
    let produced = u32::from_le_bytes(copy(&mapping, 3084));
    println!("console of domain {domain}: {produced} bytes written so far");
    expect(produced > 0, "the guest has printed")?;
    let both = grants.map(domain, &[0, 0])?;
    expect(both.pages() == 2, "two pages in a row")?;
    expect(
        copy::<4>(&both, 4096 + 3084) == copy::<4>(&mapping, 3084),
        "the second page is the same page",
    )?;
    expect(grants.mappings() == 2, "two mappings")?;
    for bad in [&[500_000][..], &[0, 500_000], &[u32::MAX], &[]] {
        let error = grants.map(domain, bad).expect_err("a grant that is none");
        println!("grants {bad:?}: {error}");
        expect(error.raw_os_error().is_none_or(|n| n == 22), "EINVAL")?;
    }
    expect(
        grants.map(31_000, &[0]).is_err(),
        "a domain that does not exist has no grants",
    )?;
    expect(grants.mappings() == 2, "what failed is undone")?;
    expect(
        both.notify_on_unmap(Some(8192), None).is_err(),
        "a byte outside cannot be cleared",
    )?;
    expect(
        both.notify_on_unmap(None, Some(4000)).is_err(),
        "a port that is not bound cannot be notified",
    )?;
    // The first byte that was printed: long since taken.
    expect(copy(&mapping, 1024) != [0], "the first byte is there")?;
    both.notify_on_unmap(Some(4096 + 1024), None)?;
    drop(both);
    expect(copy(&mapping, 1024) == [0], "unmapping clears it")?;
    let port: u32 = text(store, &format!("/local/domain/{domain}/console/port"))?.parse()?;
    let error = channels.bind_interdomain(domain, port);
    let error = error.expect_err("xenconsoled has bound that port");
    println!("port {port}, which is bound already: {error}");
    let error = channels.bind_interdomain(31_000, 1);
    let error = error.expect_err("there is no such domain");
    println!("port of a domain that does not exist: {error}");
    Ok(())
}

/// As a backend does it, up to the point where a frontend would be served, and back.
fn pvcalls(
    store: &mut Store,
    channels: &EventChannels,
    grants: &GrantDevices,
    domain: u16,
) -> Result<()> {
    let back = format!("backend/pvcalls/{domain}/0");
    let front = text(store, &format!("{back}/frontend"))?;
    store.transaction(|transaction| {
        transaction.write(&format!("{back}/versions"), b"1")?;
        transaction.write(&format!("{back}/max-page-order"), b"9")?;
        transaction.write(&format!("{back}/function-calls"), b"1")?;
        transaction.write(&format!("{back}/state"), b"2")
    })?;
    let state = format!("{front}/state");
    let token = store.watch(&state)?;
    while text(store, &state)? != "3" {
        wait_for_event(store)?;
    }
    store.unwatch(token)?;
    let ring_ref: u32 = text(store, &format!("{front}/ring-ref"))?.parse()?;
    let remote_port: u32 = text(store, &format!("{front}/port"))?.parse()?;
    let mapping = grants.map(domain, &[ring_ref])?;
    let port = channels.bind_interdomain(domain, remote_port)?;
    println!("ring {ring_ref}, port {remote_port} there and {port} here");
    expect(
        wait_for_port(channels)? == Some(port),
        "binding raises the event",
    )?;
    expect(
        wait_for_port(channels)?.is_none(),
        "and it is masked from then on",
    )?;
    channels.unmask(&[port, 4000])?;
    // The clear byte: the last one of the page, which no slot of the command ring uses... but
    // for slot 31, which is not in use yet.
    mapping.notify_on_unmap(Some(4095), Some(port))?;
    store.write(&format!("{back}/state"), b"4")?;
    // The frontend sends its first command when it sees the state.
    expect(wait_for_port(channels)? == Some(port), "the frontend sends")?;
    let produced = u32::from_le_bytes(copy(&mapping, 0));
    let command: [u8; 8] = copy(&mapping, 64);
    println!("{produced} requests, the first: {command:?}");
    expect(produced > 0, "there is a request")?;
    channels.notify(port)?;
    drop(mapping);
    channels.unbind(port)?;
    expect(
        channels.notify(port).is_err(),
        "a port that is closed cannot be used",
    )?;
    let error = grants.map(domain, &[ring_ref + 1000]);
    expect(error.is_err(), "a grant that was not given is none")
}

/// Copies bytes from memory that a guest may write meanwhile.
fn copy<const N: usize>(mapping: &Mapping, offset: usize) -> [u8; N] {
    assert!(offset + N <= mapping.pages() * 4096, "outside the mapping");
    std::array::from_fn(|n| {
        // SAFETY: inside the mapping, as checked, which lives.
        let byte = unsafe { mapping.base().add(offset + n) };
        // SAFETY: as above; volatile, since somebody else may write.
        unsafe { byte.read_volatile() }
    })
}

fn wait_for_event(store: &mut Store) -> Result<WatchEvent> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some((_, event)) = store.next_event()? {
            return Ok(event);
        }
        if !readable(store, until.saturating_duration_since(Instant::now()))? {
            return Err("no event of a watch in 20 s".into());
        }
    }
}

/// The next port with an event, waiting up to 2 s.
fn wait_for_port(channels: &EventChannels) -> Result<Option<u32>> {
    let mut ports = [0; 1];
    readable(channels, Duration::from_secs(2))?;
    match channels.pending(&mut ports)? {
        Pending::Ports(0) => Ok(None),
        Pending::Ports(_) => Ok(Some(ports[0])),
        Pending::Overflow => Err("events were lost".into()),
    }
}

fn readable(file: &impl std::os::fd::AsFd, limit: Duration) -> io::Result<bool> {
    let mut polled = [PollFd::new(file, PollFlags::IN)];
    let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
    Ok(rustix::event::poll(&mut polled, Some(&limit))? > 0)
}

fn text(store: &mut Store, path: &str) -> Result<String> {
    let value = store.read(path)?.ok_or_else(|| format!("no {path}"))?;
    Ok(String::from_utf8(value)?)
}

fn expect(is: bool, what: &str) -> Result<()> {
    println!("{} {what}", if is { "  " } else { "NOT:" });
    if is {
        Ok(())
    } else {
        Err(format!("not so: {what}").into())
    }
}
