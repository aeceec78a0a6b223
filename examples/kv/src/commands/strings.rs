//! Commands on texts.

use super::{Context, Effect, Failure, MOST_REPLY, Result, int, is, must_fit};
use crate::reply::{self, Digits};
use crate::resp::{Args, MOST_BYTES};
use crate::store::{Refused, Text};

/// A time in seconds or milliseconds, from now or since 1970, as milliseconds since 1970. Redis
/// refuses what is not positive, and what overflows.
fn deadline(context: &Context<'_>, arg: &[u8], unit_ms: i64, from_now: bool) -> Result<u64> {
    let time = int(arg)?;
    if time <= 0 {
        return Err(Failure::BadTime);
    }
    let ms = time
        .checked_mul(unit_ms)
        .and_then(|ms| u64::try_from(ms).ok());
    let base = if from_now { context.now } else { 0 };
    // Redis' times have a sign.
    ms.and_then(|ms| ms.checked_add(base))
        .filter(|ms| i64::try_from(*ms).is_ok())
        .ok_or(Failure::BadTime)
}

pub(super) fn set(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (mut until, mut keep, mut only_new, mut only_old, mut give_old) =
        (None, false, false, false, false);
    let mut index = 3;
    while index < args.len() {
        let option = args.get(index);
        let unit_ms = match option {
            option if is(option, "EX") || is(option, "EXAT") => 1000,
            option if is(option, "PX") || is(option, "PXAT") => 1,
            _ => 0,
        };
        if unit_ms > 0 {
            index += 1;
            if index >= args.len() || until.is_some() || keep {
                return Err(Failure::Syntax);
            }
            let from_now = option.len() == 2;
            until = Some(deadline(context, args.get(index), unit_ms, from_now)?);
        } else if is(option, "NX") {
            only_new = true;
        } else if is(option, "XX") {
            only_old = true;
        } else if is(option, "GET") {
            give_old = true;
        } else if is(option, "KEEPTTL") && until.is_none() {
            keep = true;
        } else {
            return Err(Failure::Syntax);
        }
        index += 1;
    }
    if only_new && only_old {
        return Err(Failure::Syntax);
    }
    let (key, now) = (args.get(1), context.now);
    let there = context.store.get(key, now).is_some();
    if give_old {
        answer(context, key)?;
    }
    if there && only_new || !there && only_old {
        if !give_old {
            reply::null(context.out);
        }
        return Ok(Effect::None);
    }
    if keep {
        until = context.store.deadline(key, now).flatten();
    }
    if until.is_some() {
        // The deadline is paid for as well, or nothing is done.
        must_fit(context, args)?;
    }
    context.store.set(key, args.get(2), now)?;
    if until.is_some() {
        context.store.set_deadline(key, until, now)?;
    }
    if !give_old {
        reply::simple(context.out, "OK");
    }
    note_text(context, key, args.get(2), until);
    Ok(Effect::Changed)
}

/// Records that `key` stands for `text` until then: without conditions, which held.
fn note_text(context: &mut Context<'_>, key: &[u8], text: &[u8], until: Option<u64>) {
    match until {
        None => context.note([b"SET", key, text]),
        Some(_) if context.store.get(key, context.now).is_none() => context.note([b"DEL", key]),
        Some(ms) => {
            let ms = Digits::of(i64::try_from(ms).unwrap_or(i64::MAX));
            context.note([b"SET", key, text, b"PXAT", ms.text()]);
        }
    }
}

pub(super) fn setnx(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.get(1), context.now);
    if context.store.get(key, now).is_some() {
        reply::integer(context.out, 0);
        return Ok(Effect::None);
    }
    context.store.set(key, args.get(2), now)?;
    reply::integer(context.out, 1);
    Ok(Effect::Changed)
}

pub(super) fn setex(context: &mut Context<'_>, args: Args<'_>) -> Result {
    set_until(context, args, 1000)
}

pub(super) fn psetex(context: &mut Context<'_>, args: Args<'_>) -> Result {
    set_until(context, args, 1)
}

fn set_until(context: &mut Context<'_>, args: Args<'_>, unit_ms: i64) -> Result {
    let (key, now) = (args.get(1), context.now);
    let until = deadline(context, args.get(2), unit_ms, true)?;
    must_fit(context, args)?;
    context.store.set(key, args.get(3), now)?;
    context.store.set_deadline(key, Some(until), now)?;
    reply::simple(context.out, "OK");
    note_text(context, key, args.get(3), Some(until));
    Ok(Effect::Changed)
}

/// Answers with the text of `key`, or with none.
fn answer(context: &mut Context<'_>, key: &[u8]) -> Result<()> {
    match context.store.read::<Text>(key, context.now)? {
        Some(text) => reply::bulk(context.out, text.bytes()),
        None => reply::null(context.out),
    }
    Ok(())
}

pub(super) fn get(context: &mut Context<'_>, args: Args<'_>) -> Result {
    answer(context, args.get(1))?;
    Ok(Effect::None)
}

pub(super) fn getset(context: &mut Context<'_>, args: Args<'_>) -> Result {
    answer(context, args.get(1))?;
    context.store.set(args.get(1), args.get(2), context.now)?;
    note_text(context, args.get(1), args.get(2), None);
    Ok(Effect::Changed)
}

pub(super) fn getdel(context: &mut Context<'_>, args: Args<'_>) -> Result {
    answer(context, args.get(1))?;
    match context.store.remove(args.get(1), context.now) {
        true => {
            context.note([b"DEL", args.get(1)]);
            Ok(Effect::Changed)
        }
        false => Ok(Effect::None),
    }
}

pub(super) fn mset(context: &mut Context<'_>, args: Args<'_>) -> Result {
    if args.len().is_multiple_of(2) {
        return Err(Failure::Text(
            "ERR wrong number of arguments for 'mset' command",
        ));
    }
    must_fit(context, args)?;
    let mut rest = args.from(1);
    while let (Some(key), Some(text)) = (rest.next(), rest.next()) {
        context.store.set(key, text, context.now)?;
    }
    reply::simple(context.out, "OK");
    Ok(Effect::Changed)
}

pub(super) fn mget(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (store, now) = (&*context.store, context.now);
    let text = |key| store.read::<Text>(key, now).ok().flatten();
    let lengths = args
        .from(1)
        .map(|key| text(key).map_or(0, |text| text.bytes().len()) + reply::BULK_FRAME);
    if lengths.sum::<usize>() > MOST_REPLY {
        return Err(Failure::TooLong);
    }
    reply::array(context.out, args.len() - 1);
    for key in args.from(1) {
        match text(key) {
            Some(text) => reply::bulk(context.out, text.bytes()),
            None => reply::null(context.out),
        }
    }
    Ok(Effect::None)
}

pub(super) fn append(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, more) = (args.get(1), args.get(2));
    let length = context
        .store
        .change(key, context.now, |text: &mut Text, memory| {
            // As long as what a single request could set.
            if text.bytes().len() + more.len() > MOST_BYTES {
                return Err(Refused::OutOfMemory);
            }
            text.append(more, memory)?;
            Ok(text.bytes().len())
        })?;
    reply::count(context.out, length);
    Ok(Effect::Changed)
}

pub(super) fn strlen(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let text = context.store.read::<Text>(args.get(1), context.now)?;
    reply::count(context.out, text.map_or(0, |text| text.bytes().len()));
    Ok(Effect::None)
}

pub(super) fn incr(context: &mut Context<'_>, args: Args<'_>) -> Result {
    add(context, args.get(1), 1)
}

pub(super) fn decr(context: &mut Context<'_>, args: Args<'_>) -> Result {
    add(context, args.get(1), -1)
}

pub(super) fn incrby(context: &mut Context<'_>, args: Args<'_>) -> Result {
    add(context, args.get(1), int(args.get(2))?)
}

pub(super) fn decrby(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let by = int(args.get(2))?.checked_neg();
    let by = by.ok_or(Failure::Text("ERR decrement would overflow"))?;
    add(context, args.get(1), by)
}

fn add(context: &mut Context<'_>, key: &[u8], by: i64) -> Result {
    let old = match context.store.read::<Text>(key, context.now)? {
        Some(text) => int(text.bytes())?,
        None => 0,
    };
    let new = old.checked_add(by).ok_or(Failure::Overflow)?;
    let digits = Digits::of(new);
    // Not `Store::set`, which forgets the deadline.
    context
        .store
        .change(key, context.now, |text: &mut Text, memory| {
            text.set(digits.text(), memory)
        })?;
    reply::integer(context.out, new);
    Ok(Effect::Changed)
}
