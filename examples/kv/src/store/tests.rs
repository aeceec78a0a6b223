//! Whatever is done, the memory is counted right and never beyond the limit.

use super::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

/// One thing that a client may do.
#[derive(Clone, Debug)]
enum Act {
    Set(Vec<u8>),
    Append(Vec<u8>),
    Push(Vec<u8>, bool),
    Pop(bool),
    Add(Vec<u8>),
    Take,
    Name(Vec<u8>, Vec<u8>),
    Unname(Vec<u8>),
    Score(Vec<u8>, i8),
    Lowest(bool),
    Remove,
    Deadline(Option<u8>),
    Wait(u8),
    Clear,
}

fn act() -> impl Strategy<Value = Act> {
    let text = || prop::collection::vec(b'a'..b'd', 0..3);
    let long = prop::collection::vec(any::<u8>(), 0..400);
    prop_oneof![
        4 => long.clone().prop_map(Act::Set),
        4 => long.prop_map(Act::Append),
        4 => (text(), any::<bool>()).prop_map(|(text, front)| Act::Push(text, front)),
        2 => any::<bool>().prop_map(Act::Pop),
        4 => text().prop_map(Act::Add),
        2 => Just(Act::Take),
        4 => (text(), text()).prop_map(|(name, text)| Act::Name(name, text)),
        2 => text().prop_map(Act::Unname),
        4 => (text(), any::<i8>()).prop_map(|(text, score)| Act::Score(text, score)),
        2 => any::<bool>().prop_map(Act::Lowest),
        2 => Just(Act::Remove),
        2 => any::<Option<u8>>().prop_map(Act::Deadline),
        2 => any::<u8>().prop_map(Act::Wait),
        1 => Just(Act::Clear),
    ]
}

fn play(store: &mut Store, key: &[u8], act: &Act, now: &mut u64) -> Result<(), Refused> {
    let at = *now;
    match act {
        Act::Set(text) => store.set(key, text, at),
        Act::Append(text) => store.change(key, at, |old: &mut Text, m| old.append(text, m)),
        Act::Push(text, front) => {
            store.change(key, at, |list: &mut List, m| list.push(text, *front, m))
        }
        Act::Pop(front) => store
            .change(key, at, |list: &mut List, m| Ok(list.pop(*front, m)))
            .map(drop),
        Act::Add(text) => store
            .change(key, at, |set: &mut Set, m| set.add(text, m))
            .map(drop),
        Act::Take => store
            .change_present(key, at, |set: &mut Set, m| Ok(set.pop(m)))
            .map(drop),
        Act::Name(name, text) => store
            .change(key, at, |hash: &mut Hash, m| hash.set(name, text, m))
            .map(drop),
        Act::Unname(name) => store
            .change(key, at, |hash: &mut Hash, m| Ok(hash.remove(name, m)))
            .map(drop),
        Act::Score(text, score) => {
            let score = f64::from(*score);
            store
                .change(key, at, |sorted: &mut Sorted, m| sorted.add(text, score, m))
                .map(drop)
        }
        Act::Lowest(lowest) => store
            .change(key, at, |sorted: &mut Sorted, m| Ok(sorted.pop(*lowest, m)))
            .map(drop),
        Act::Remove => {
            store.remove(key, at);
            Ok(())
        }
        Act::Deadline(after) => {
            let deadline = after.map(|after| at + u64::from(after));
            store.set_deadline(key, deadline, at).map(drop)
        }
        Act::Wait(time) => {
            *now += u64::from(*time);
            Ok(())
        }
        Act::Clear => {
            store.clear();
            Ok(())
        }
    }
}

proptest! {
    #[test]
    fn memory_is_counted(acts in prop::collection::vec((0..5u8, act()), 0..60)) {
        let mut store = Store::new(4000);
        let mut now = 1000;
        for (key, act) in &acts {
            let _ = play(&mut store, &[*key], act, &mut now);
            prop_assert_eq!(store.memory().used(), store.audit());
            store.expire(now);
            prop_assert_eq!(store.memory().used(), store.audit());
        }
        store.clear();
        prop_assert_eq!(store.memory().used(), 0);
    }
}

#[test]
fn a_full_store_refuses_and_stays_as_it_is() {
    let mut store = Store::new(1000);
    store.set(b"a", b"text", 0).unwrap();
    let used = store.memory().used();
    let long = [0; 1000];
    assert_eq!(store.set(b"a", &long, 0), Err(Refused::OutOfMemory));
    assert_eq!(store.set(b"b", &long, 0), Err(Refused::OutOfMemory));
    let pushed = store.change(b"c", 0, |list: &mut List, m| {
        list.push(b"1", true, m)?;
        list.push(&long, true, m)
    });
    assert_eq!(pushed, Err(Refused::OutOfMemory));
    assert_eq!(store.memory().used(), used);
    assert_eq!(store.len(), 1);
    assert_eq!(
        store.read::<Text>(b"a", 0).unwrap().unwrap().bytes(),
        b"text"
    );
}

#[test]
fn time_ends_keys() {
    let mut store = Store::new(100_000);
    for key in 0..100u8 {
        store.set(&[key], b"x", 0).unwrap();
        store
            .set_deadline(&[key], Some(10 + u64::from(key)), 0)
            .unwrap();
    }
    assert!(store.get(&[5], 14).is_some());
    assert!(store.get(&[5], 15).is_none());
    assert_eq!(store.deadline(&[5], 15), None);
    // Set anew, it has no deadline any more.
    store.set(&[99], b"y", 50).unwrap();
    assert_eq!(store.deadline(&[99], 50), Some(None));
    for _ in 0..7 {
        store.expire(1000);
    }
    assert_eq!(store.len(), 1);
    assert_eq!(store.memory().used(), store.audit());
    // A deadline that has been removes.
    assert_eq!(store.set_deadline(&[99], Some(3), 50), Ok(true));
    assert!(store.is_empty());
    assert_eq!(store.set_deadline(&[99], Some(3), 50), Ok(false));
}

#[test]
fn a_key_keeps_its_kind() {
    let mut store = Store::new(10_000);
    store
        .change(b"k", 0, |list: &mut List, m| list.push(b"1", true, m))
        .unwrap();
    assert_eq!(store.read::<Text>(b"k", 0).unwrap_err(), Refused::WrongKind);
    let changed = store.change(b"k", 0, |set: &mut Set, m| set.add(b"1", m));
    assert_eq!(changed, Err(Refused::WrongKind));
    // Empty, it is gone, and may become something else.
    store
        .change(b"k", 0, |list: &mut List, m| Ok(list.pop(true, m)))
        .unwrap();
    assert!(store.get(b"k", 0).is_none());
    store
        .change(b"k", 0, |set: &mut Set, m| set.add(b"1", m))
        .unwrap();
    assert_eq!(store.get(b"k", 0).unwrap().kind(), "set");
}

#[test]
fn scores_order_members() {
    let mut store = Store::new(10_000);
    let scores = [
        (&b"b"[..], 2.0),
        (b"a", f64::INFINITY),
        (b"c", -0.0),
        (b"d", 0.0),
        (b"b", -1.0),
    ];
    for (member, score) in scores {
        store
            .change(b"z", 0, |sorted: &mut Sorted, m| {
                sorted.add(member, score, m)
            })
            .unwrap();
    }
    let sorted = store.read::<Sorted>(b"z", 0).unwrap().unwrap();
    let order: Vec<&[u8]> = sorted.iter().map(|(member, _)| member).collect();
    assert_eq!(order, [&b"b"[..], b"c", b"d", b"a"]);
    assert_eq!(sorted.score(b"b"), Some(-1.0));
}
