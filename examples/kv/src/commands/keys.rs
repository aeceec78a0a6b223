//! Commands on keys, whatever they stand for.

use super::{Context, Effect, Failure, Result, array, int, is};
use crate::reply::{self, Digits};
use crate::resp::Args;

pub(super) fn del(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let removed = args
        .from(1)
        .filter(|key| context.store.remove(key, context.now))
        .count();
    reply::count(context.out, removed);
    Ok(if removed > 0 {
        Effect::Changed
    } else {
        Effect::None
    })
}

pub(super) fn exists(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let there = args
        .from(1)
        .filter(|key| context.store.get(key, context.now).is_some());
    reply::count(context.out, there.count());
    Ok(Effect::None)
}

pub(super) fn kind(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let value = context.store.get(args.get(1), context.now);
    reply::simple(context.out, value.map_or("none", |value| value.kind()));
    Ok(Effect::None)
}

/// `KEYS`: all of them, or those that start in a certain way. Other patterns are an error.
pub(super) fn keys(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let pattern = args.get(1);
    let start = pattern.strip_suffix(b"*").unwrap_or(pattern);
    let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
    if start.iter().any(special) {
        return Err(Failure::Text("ERR KEYS knows only patterns like `start*`"));
    }
    let any_end = start.len() < pattern.len();
    let store = &*context.store;
    let found: alloc::vec::Vec<&[u8]> = store
        .keys(context.now)
        .filter(|key| key.starts_with(start) && (any_end || key.len() == start.len()))
        // Each takes some bytes of the answer, which has a limit.
        .take(super::MOST_REPLY / reply::BULK_FRAME)
        .collect();
    array(context.out, found.iter().copied())?;
    Ok(Effect::None)
}

pub(super) fn expire(context: &mut Context<'_>, args: Args<'_>) -> Result {
    end_in(context, args, 1000, true)
}

pub(super) fn pexpire(context: &mut Context<'_>, args: Args<'_>) -> Result {
    end_in(context, args, 1, true)
}

pub(super) fn expireat(context: &mut Context<'_>, args: Args<'_>) -> Result {
    end_in(context, args, 1000, false)
}

pub(super) fn pexpireat(context: &mut Context<'_>, args: Args<'_>) -> Result {
    end_in(context, args, 1, false)
}

/// A time that has been removes the key at once, as in Redis.
fn end_in(context: &mut Context<'_>, args: Args<'_>, unit_ms: i64, from_now: bool) -> Result {
    let base = match from_now {
        true => i64::try_from(context.now).map_err(|_| Failure::BadTime)?,
        false => 0,
    };
    let ms = int(args.get(2))?
        .checked_mul(unit_ms)
        .and_then(|ms| ms.checked_add(base))
        .ok_or(Failure::BadTime)?;
    let deadline = u64::try_from(ms).unwrap_or(0);
    let there = context
        .store
        .set_deadline(args.get(1), Some(deadline), context.now)?;
    reply::integer(context.out, i64::from(there));
    if !there {
        return Ok(Effect::None);
    }
    let key = args.get(1);
    match context.store.deadline(key, context.now) {
        None => context.note([b"DEL", key]),
        Some(_) => context.note([b"PEXPIREAT", key, Digits::of(ms).text()]),
    }
    Ok(Effect::Changed)
}

pub(super) fn ttl(context: &mut Context<'_>, args: Args<'_>) -> Result {
    // Rounded, as in Redis.
    left(context, args, |ms| (ms + 500) / 1000)
}

pub(super) fn pttl(context: &mut Context<'_>, args: Args<'_>) -> Result {
    left(context, args, |ms| ms)
}

fn left(context: &mut Context<'_>, args: Args<'_>, unit: fn(u64) -> u64) -> Result {
    let left = match context.store.deadline(args.get(1), context.now) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline)) => {
            i64::try_from(unit(deadline.saturating_sub(context.now))).unwrap_or(i64::MAX)
        }
    };
    reply::integer(context.out, left);
    Ok(Effect::None)
}

pub(super) fn persist(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.get(1), context.now);
    let had = context.store.deadline(key, now).flatten().is_some();
    if had {
        context.store.set_deadline(key, None, now)?;
    }
    reply::integer(context.out, i64::from(had));
    Ok(if had { Effect::Changed } else { Effect::None })
}

pub(super) fn dbsize(context: &mut Context<'_>, _: Args<'_>) -> Result {
    reply::count(context.out, context.store.len());
    Ok(Effect::None)
}

pub(super) fn flush(context: &mut Context<'_>, args: Args<'_>) -> Result {
    if args.len() == 2 && !is(args.get(1), "ASYNC") && !is(args.get(1), "SYNC") {
        return Err(Failure::Syntax);
    }
    context.store.clear();
    reply::simple(context.out, "OK");
    Ok(Effect::Changed)
}
