//! The other user of xenstore, in dom0: does at the same time, and fast, what store-probe does in a
//! guest.
//!
//! ```text
//! store-peer count PATH TIMES    counts the node up, in as many transactions; prints how often they were tried
//! store-peer storm PATH TIMES    writes the node so often, and then "end"
//! store-peer children PATH TIMES makes so many children below the node, and then the child "end"
//! store-peer books DOMID         prints what xenstored counts for a domain: nodes, watches, transactions, ...
//! ```

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result, bail, ensure};
use xen_dev::store::{SOCKET, Store, StoreError};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, domain] = args.as_slice()
        && command == "books"
    {
        print!("{}", control(&["quota", domain])?);
        return Ok(());
    }
    let [command, path, times] = args.as_slice() else {
        bail!("usage: store-peer count|storm|children PATH TIMES | books DOMID");
    };
    let times: u32 = times.parse()?;
    let mut store = Store::open()?;
    match command.as_str() {
        "count" => count(&mut store, path, times),
        "storm" => {
            for n in 0..times {
                store.write(path, n.to_string().as_bytes())?;
            }
            Ok(store.write(path, b"end")?)
        }
        "children" => {
            for n in 0..times {
                store.write(&format!("{path}/a-child-with-a-long-name-{n}"), b"1")?;
            }
            Ok(store.write(&format!("{path}/end"), b"1")?)
        }
        other => bail!("no such command: {other}"),
    }
}

fn count(store: &mut Store, path: &str, times: u32) -> Result<()> {
    let mut tries = 0;
    for n in 0..times {
        // The store tries a transaction some times; others that count must not make it give up.
        loop {
            let counted = store.transaction(|store| {
                tries += 1;
                let value = store.read(path)?.unwrap_or_default();
                let text = String::from_utf8_lossy(&value);
                let count: u32 = text.trim().parse().unwrap_or(0);
                store.write(path, (count + 1).to_string().as_bytes())
            });
            match counted {
                Ok(()) => break,
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error).with_context(|| format!("count {n}")),
            }
        }
    }
    println!("{times} transactions in {tries} tries");
    Ok(())
}

fn is_conflict(error: &StoreError) -> bool {
    error.errno().is_some_and(|errno| errno.name() == "EAGAIN")
}

/// Asks xenstored about itself, as xenstore-control does.
fn control(words: &[&str]) -> Result<String> {
    const CONTROL: u32 = 0;
    let payload: Vec<u8> = words
        .iter()
        .flat_map(|word| [word.as_bytes(), b"\0"].concat())
        .collect();
    let length = u32::try_from(payload.len())?;
    let header: Vec<u8> = [CONTROL, 1, 0, length]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let mut socket = UnixStream::connect(SOCKET).context(SOCKET)?;
    socket.write_all(&[header, payload].concat())?;
    let mut words = [0; 16];
    socket.read_exact(&mut words)?;
    let word = |n: usize| u32::from_le_bytes(std::array::from_fn(|byte| words[4 * n + byte]));
    let mut reply = vec![0; usize::try_from(word(3))?];
    socket.read_exact(&mut reply)?;
    let reply = String::from_utf8_lossy(&reply).replace('\0', "\n");
    ensure!(word(0) == CONTROL, "xenstored refuses: {}", reply.trim());
    Ok(reply)
}
