//! The other user of xenstore, in dom0: does at the same time, and fast, what store-probe does in a
//! guest.
//!
//! ```text
//! store-peer count PATH TIMES    counts the node up, in as many transactions; prints how often they were tried
//! store-peer storm PATH TIMES    writes the node so often, and then "end"
//! store-peer children PATH TIMES makes so many children below the node, and then the child "end"
//! ```

use anyhow::{Context, Result, bail};
use xen_dev::store::{Store, StoreError};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [command, path, times] = args.as_slice() else {
        bail!("usage: store-peer count|storm|children PATH TIMES");
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
