//! Commands on sorted sets.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Context, Effect, Failure, MOST_REPLY, Result, count_arg, int, is, must_fit, range};
use crate::reply::{self, Digits};
use crate::resp::Args;
use crate::store::Sorted;

/// A score as it is written: the shortest text that means it.
fn text(score: f64) -> String {
    format!("{score}")
}

fn score(arg: &[u8]) -> Result<f64> {
    let text = core::str::from_utf8(arg).map_err(|_| Failure::NotAFloat)?;
    let score: f64 = text.parse().map_err(|_| Failure::NotAFloat)?;
    match score.is_nan() {
        true => Err(Failure::NotAFloat),
        false => Ok(score),
    }
}

/// `ZADD key score member ...`; its options are not supported.
pub(super) fn zadd(context: &mut Context<'_>, args: Args<'_>) -> Result {
    if ["NX", "XX", "GT", "LT", "CH", "INCR"]
        .iter()
        .any(|option| is(args.get(2), option))
    {
        return Err(Failure::Text("ERR options of ZADD are not supported"));
    }
    if !args.len().is_multiple_of(2) {
        return Err(Failure::Syntax);
    }
    // All scores before any member: one wrong score, and nothing is done.
    let mut scores = args.from(2).step_by(2);
    scores.try_for_each(|arg| score(arg).map(drop))?;
    must_fit(context, args)?;
    let (key, now) = (args.get(1), context.now);
    let new = context
        .store
        .change(key, now, |sorted: &mut Sorted, memory| {
            let (mut rest, mut new) = (args.from(2), 0);
            while let (Some(arg), Some(member)) = (rest.next(), rest.next()) {
                new += usize::from(sorted.add(member, score(arg).unwrap_or(0.0), memory)?);
            }
            Ok(new)
        })?;
    reply::count(context.out, new);
    Ok(Effect::Changed)
}

pub(super) fn zrem(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.get(1), context.now);
    let members = args.from(2);
    let removed = context
        .store
        .change_present(key, now, |sorted: &mut Sorted, memory| {
            Ok(members
                .filter(|member| sorted.remove(member, memory))
                .count())
        })?
        .unwrap_or(0);
    reply::count(context.out, removed);
    Ok(if removed > 0 {
        Effect::Changed
    } else {
        Effect::None
    })
}

pub(super) fn zcard(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let sorted = context.store.read::<Sorted>(args.get(1), context.now)?;
    reply::count(context.out, sorted.map_or(0, Sorted::len));
    Ok(Effect::None)
}

pub(super) fn zscore(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let sorted = context.store.read::<Sorted>(args.get(1), context.now)?;
    match sorted.and_then(|sorted| sorted.score(args.get(2))) {
        Some(score) => reply::bulk(context.out, text(score).as_bytes()),
        None => reply::null(context.out),
    }
    Ok(Effect::None)
}

/// `ZRANGE key start stop [WITHSCORES]`, by place.
pub(super) fn zrange(context: &mut Context<'_>, args: Args<'_>) -> Result {
    let (start, stop) = (int(args.get(2))?, int(args.get(3))?);
    let with_scores = match args.len() {
        4 => false,
        _ if is(args.get(4), "WITHSCORES") => true,
        _ => return Err(Failure::Syntax),
    };
    let sorted = context.store.read::<Sorted>(args.get(1), context.now)?;
    let places = sorted.and_then(|sorted| Some((sorted, range(start, stop, sorted.len())?)));
    let Some((sorted, (first, last))) = places else {
        reply::array(context.out, 0);
        return Ok(Effect::None);
    };
    let members = sorted.iter().skip(first).take(last - first + 1);
    // A score takes at most some 330 digits.
    let each = reply::BULK_FRAME
        + if with_scores {
            reply::BULK_FRAME + 332
        } else {
            0
        };
    if members
        .clone()
        .map(|(member, _)| member.len() + each)
        .sum::<usize>()
        > MOST_REPLY
    {
        return Err(Failure::TooLong);
    }
    let per_member = if with_scores { 2 } else { 1 };
    reply::array(context.out, (last - first + 1) * per_member);
    members.for_each(|(member, score)| {
        reply::bulk(context.out, member);
        if with_scores {
            reply::bulk(context.out, text(score).as_bytes());
        }
    });
    Ok(Effect::None)
}

pub(super) fn zpopmin(context: &mut Context<'_>, args: Args<'_>) -> Result {
    pop(context, args, true)
}

pub(super) fn zpopmax(context: &mut Context<'_>, args: Args<'_>) -> Result {
    pop(context, args, false)
}

fn pop(context: &mut Context<'_>, args: Args<'_>, lowest: bool) -> Result {
    let count = count_arg(args)?.unwrap_or(1);
    let (key, now) = (args.get(1), context.now);
    let there = context
        .store
        .read::<Sorted>(key, now)?
        .map_or(0, Sorted::len);
    // Fewer than asked for if their answer would be too long.
    let items = context
        .store
        .change_present(key, now, |sorted: &mut Sorted, memory| {
            let (mut items, mut bytes) = (Vec::new(), 0);
            while items.len() < count.min(there) && bytes < MOST_REPLY {
                let item = sorted.pop(lowest, memory).unwrap_or_default();
                bytes += item.0.len() + 2 * reply::BULK_FRAME + size_of_val(&item);
                items.push(item);
            }
            Ok(items)
        })?
        .unwrap_or_default();
    reply::array(context.out, 2 * items.len());
    for (member, score) in &items {
        reply::bulk(context.out, member);
        reply::bulk(context.out, text(*score).as_bytes());
    }
    if items.is_empty() {
        return Ok(Effect::None);
    }
    let taken = Digits::of(i64::try_from(items.len()).unwrap_or(i64::MAX));
    context.note([args.get(0), key, taken.text()]);
    Ok(Effect::Changed)
}
