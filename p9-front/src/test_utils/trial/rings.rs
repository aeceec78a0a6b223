//! Any bytes as a backend with rings.

use alloc::vec::Vec;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use xen_front::ring::words;

use super::{Noise, Operation, server};
use crate::Config;
use crate::test_utils::{Manner, Rig, Shared};

/// Turns of the backend after which there must be an end. More than any operation needs, and enough
/// for time to pass where nothing comes.
const TURNS: usize = 20_000;
/// Half a call's time, in nanoseconds.
const PATIENCE_NS: u64 = 61_000_000_000;

/// What the bytes say, one after the other; then zeros.
struct Bytes<'d>(&'d [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }
}

/// Lets bytes decide: which operation, what the server says, which answers are lost, doubled, cut or
/// have something else before them, and what the backend does to its words of the ring.
///
/// # Panics
/// If the client does not come to an end, or the session breaks the rules of the rings.
pub fn fuzz_rings(data: &[u8]) {
    let Some(([operation, shape], rest)) = data.split_first_chunk() else {
        return;
    };
    let operation = Operation::ALL[usize::from(*operation) % Operation::ALL.len()];
    let manner = match shape >> 4 {
        0 => Manner::Eager,
        piece => Manner::Pieces(usize::from(piece) * 29),
    };
    let rings = u32::from(shape % 3) + 1;
    let (noise, mischief) = rest.split_at(rest.len() / 2);
    let mut rig = Rig::new(Config::default(), rings, 2, manner, u32::MAX - 5000);
    rig.server = server();
    rig.server.set_noise(Noise::new(noise));
    let shared = Shared::new(rig);
    let end = run(
        &shared,
        operation.perform(shared.clone()),
        &mut Bytes(mischief),
    );
    assert!(end.is_some(), "{operation:?} does not end");
    // And whatever it left under way comes to an end too, or is left to its silence.
    for _ in 0..5 {
        turn(&mut shared.rig(), &mut Bytes(&[]));
        shared.rig().advance(PATIENCE_NS);
    }
}

fn run<T>(shared: &Shared, future: impl Future<Output = T>, mischief: &mut Bytes<'_>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..TURNS {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return Some(result);
        }
        let mut rig = shared.rig();
        if !turn(&mut rig, mischief) {
            rig.advance(PATIENCE_NS);
        }
    }
    None
}

/// One turn of the backend; false if nothing was done.
fn turn(rig: &mut Rig, mischief: &mut Bytes<'_>) -> bool {
    rig.idle();
    if rig.session.fault().is_some() {
        return false; // It is not to be looked at any more.
    }
    let Rig { peer, server, .. } = rig;
    let busy = peer.serve(|message| {
        let answer = server.answer(message);
        match mischief.next() {
            0..=199 => answer,
            200..=209 => Vec::new(),
            210..=219 => [answer.as_slice(), &answer].concat(),
            220..=229 => answer[..answer.len() / 2].to_vec(),
            more => {
                let before: Vec<u8> = (229..more).map(|_| mischief.next()).collect();
                [before, answer].concat()
            }
        }
    });
    let ring = usize::from(mischief.next());
    let ring = peer.ring(ring % peer.rings());
    let (in_prod, out_cons) = ring.marks();
    let by = u32::from(mischief.next());
    // Only what is impossible: to what is possible but not so, the backend falls victim itself.
    match mischief.next() {
        0..=239 => {}
        240..=245 => ring.raise(),
        246..=250 => {
            let beyond = in_prod.wrapping_add(ring.array() + 1 + by);
            ring.set_word(words::IN_PROD, beyond);
            ring.raise();
        }
        251.. => {
            ring.set_word(words::OUT_CONS, out_cons.wrapping_sub(1 + by));
            ring.raise();
        }
    }
    rig.deliver();
    busy
}
