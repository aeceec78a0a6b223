//! Commands on lists, sets and hashes.

use alloc::vec::Vec;

use super::{Context, Effect, Failure, MOST_REPLY, Result, array, count_arg, int, must_fit, range};
use crate::reply::{self, Digits};
use crate::resp::Args;
use crate::store::{Bytes, Hash, List, Memory, Set};

fn changed(any: bool) -> Effect {
    if any { Effect::Changed } else { Effect::None }
}

pub(super) fn lpush(context: &mut Context<'_>, args: Args<'_>) -> Result {
    push(context, args, true)
}

pub(super) fn rpush(context: &mut Context<'_>, args: Args<'_>) -> Result {
    push(context, args, false)
}

fn push(context: &mut Context<'_>, args: Args<'_>, front: bool) -> Result {
    must_fit(context, args)?;
    let (key, now) = (args.get(1), context.now);
    let length = context.store.change(key, now, |list: &mut List, memory| {
        for item in args.from(2) {
            list.push(item, front, memory)?;
        }
        Ok(list.len())
    })?;
    reply::count(context.out, length);
    Ok(Effect::Changed)
}

pub(super) fn lpop(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let pop = |list: &mut List, memory: &mut Memory| list.pop(true, memory);
    take(context, args, reply::null_array, List::len, pop, note_count)
}

pub(super) fn rpop(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let pop = |list: &mut List, memory: &mut Memory| list.pop(false, memory);
    take(context, args, reply::null_array, List::len, pop, note_count)
}

/// As many as there were, which may be fewer than asked for.
fn note_count(context: &mut Context<'_>, args: Args<'_>, items: &[Bytes]) {
    let count = Digits::of(i64::try_from(items.len()).unwrap_or(i64::MAX));
    context.note([args.get(0), args.get(1), count.text()]);
}

/// Which ones it took: Redis would take others.
fn note_members(context: &mut Context<'_>, args: Args<'_>, items: &[Bytes]) {
    let head = [&b"SREM"[..], args.get(1)].into_iter();
    let record = head.chain(items.iter().map(|item| &**item));
    context.journal.note(context.store, record);
}

/// `SPOP`: the first in their order, where Redis takes any.
pub(super) fn spop(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let none = |out: &mut Vec<u8>| reply::array(out, 0);
    take(context, args, none, Set::len, Set::pop, note_members)
}

/// Takes one element and answers with it, or with an array of as many as asked for.
fn take<K: crate::store::Kind>(
    context: &mut Context<'_>,
    args: Args<'_>,
    none: fn(&mut Vec<u8>),
    length: fn(&K) -> usize,
    mut pop: impl FnMut(&mut K, &mut Memory) -> Option<Bytes>,
    note: fn(&mut Context<'_>, Args<'_>, &[Bytes]),
) -> Result {
    let count = count_arg(args)?;
    let (key, now) = (args.get(1), context.now);
    let Some(there) = context.store.read::<K>(key, now)?.map(length) else {
        match count {
            Some(_) => none(context.out),
            None => reply::null(context.out),
        }
        return Ok(Effect::None);
    };
    let Some(count) = count else {
        let item = context
            .store
            .change(key, now, |value: &mut K, memory| Ok(pop(value, memory)))?;
        let item = item.unwrap_or_default();
        reply::bulk(context.out, &item);
        note(context, args, &[item]);
        return Ok(Effect::Changed);
    };
    // Fewer than asked for if their answer would be too long.
    let items = context.store.change(key, now, |value: &mut K, memory| {
        let (mut items, mut bytes) = (Vec::new(), 0);
        while items.len() < count.min(there) && bytes < MOST_REPLY {
            let item = pop(value, memory).unwrap_or_default();
            bytes += item.len() + reply::BULK_FRAME + size_of::<Bytes>();
            items.push(item);
        }
        Ok(items)
    })?;
    reply::array(context.out, items.len());
    items.iter().for_each(|item| reply::bulk(context.out, item));
    if items.is_empty() {
        return Ok(Effect::None);
    }
    note(context, args, &items);
    Ok(Effect::Changed)
}

pub(super) fn llen(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let list = context.store.read::<List>(args.get(1), context.now)?;
    reply::count(context.out, list.map_or(0, List::len));
    Ok(Effect::None)
}

pub(super) fn lindex(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let index = int(args.get(2))?;
    let list = context.store.read::<List>(args.get(1), context.now)?;
    let item = list.and_then(|list| {
        let (place, _) = range(index, i64::MAX, list.len())?;
        // From before the front there is no way to it.
        let far = index < 0 && index.unsigned_abs() > u64::try_from(list.len()).ok()?;
        list.get(place).filter(|_| !far)
    });
    match item {
        Some(item) => reply::bulk(context.out, item),
        None => reply::null(context.out),
    }
    Ok(Effect::None)
}

pub(super) fn lrange(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (start, stop) = (int(args.get(2))?, int(args.get(3))?);
    let list = context.store.read::<List>(args.get(1), context.now)?;
    let places = list.and_then(|list| Some((list, range(start, stop, list.len())?)));
    match places {
        Some((list, (first, last))) => array(context.out, list.range(first, last))?,
        None => reply::array(context.out, 0),
    }
    Ok(Effect::None)
}

pub(super) fn sadd(context: &mut Context<'_>, args: Args<'_>) -> Result {
    must_fit(context, args)?;
    let (key, now) = (args.get(1), context.now);
    let new = context.store.change(key, now, |set: &mut Set, memory| {
        let mut new = 0;
        for item in args.from(2) {
            new += usize::from(set.add(item, memory)?);
        }
        Ok(new)
    })?;
    reply::count(context.out, new);
    Ok(changed(new > 0))
}

pub(super) fn srem(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.get(1), context.now);
    let items = args.from(2);
    let removed = context
        .store
        .change_present(key, now, |set: &mut Set, memory| {
            Ok(items.filter(|item| set.remove(item, memory)).count())
        })?
        .unwrap_or(0);
    reply::count(context.out, removed);
    Ok(changed(removed > 0))
}

pub(super) fn scard(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let set = context.store.read::<Set>(args.get(1), context.now)?;
    reply::count(context.out, set.map_or(0, Set::len));
    Ok(Effect::None)
}

pub(super) fn sismember(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let set = context.store.read::<Set>(args.get(1), context.now)?;
    let there = set.is_some_and(|set| set.contains(args.get(2)));
    reply::integer(context.out, i64::from(there));
    Ok(Effect::None)
}

pub(super) fn smembers(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let set = context.store.read::<Set>(args.get(1), context.now)?;
    match set {
        Some(set) => array(context.out, set.iter())?,
        None => reply::array(context.out, 0),
    }
    Ok(Effect::None)
}

pub(super) fn hset(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let new = set_fields(context, args)?;
    reply::count(context.out, new);
    Ok(Effect::Changed)
}

/// `HMSET`: as `HSET`, with another answer. Redis' logs have it.
pub(super) fn hmset(context: &mut Context<'_>, args: Args<'_>) -> Result {
    set_fields(context, args)?;
    reply::simple(context.out, "OK");
    Ok(Effect::Changed)
}

/// Sets fields of a hash; how many are new.
fn set_fields(context: &mut Context<'_>, args: Args<'_>) -> Result<usize> {
    if !args.len().is_multiple_of(2) {
        return Err(Failure::Text(
            "ERR wrong number of arguments for 'hset' command",
        ));
    }
    must_fit(context, args)?;
    let (key, now) = (args.get(1), context.now);
    let new = context.store.change(key, now, |hash: &mut Hash, memory| {
        let (mut rest, mut new) = (args.from(2), 0);
        while let (Some(name), Some(text)) = (rest.next(), rest.next()) {
            new += usize::from(hash.set(name, text, memory)?);
        }
        Ok(new)
    })?;
    Ok(new)
}

pub(super) fn hget(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let hash = context.store.read::<Hash>(args.get(1), context.now)?;
    match hash.and_then(|hash| hash.get(args.get(2))) {
        Some(text) => reply::bulk(context.out, text),
        None => reply::null(context.out),
    }
    Ok(Effect::None)
}

pub(super) fn hdel(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.get(1), context.now);
    let names = args.from(2);
    let removed = context
        .store
        .change_present(key, now, |hash: &mut Hash, memory| {
            Ok(names.filter(|name| hash.remove(name, memory)).count())
        })?
        .unwrap_or(0);
    reply::count(context.out, removed);
    Ok(changed(removed > 0))
}

pub(super) fn hlen(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let hash = context.store.read::<Hash>(args.get(1), context.now)?;
    reply::count(context.out, hash.map_or(0, Hash::len));
    Ok(Effect::None)
}

pub(super) fn hexists(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let hash = context.store.read::<Hash>(args.get(1), context.now)?;
    let there = hash.is_some_and(|hash| hash.get(args.get(2)).is_some());
    reply::integer(context.out, i64::from(there));
    Ok(Effect::None)
}

pub(super) fn hgetall(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let hash = context.store.read::<Hash>(args.get(1), context.now)?;
    match hash {
        Some(hash) => array(
            context.out,
            hash.iter().flat_map(|(name, text)| [name, text]),
        )?,
        None => reply::array(context.out, 0),
    }
    Ok(Effect::None)
}
