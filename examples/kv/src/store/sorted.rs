//! Texts by their scores.

use alloc::collections::{BTreeMap, BTreeSet};
use core::cmp::Ordering;

use super::{Bytes, Memory, Refused};

/// What a member costs beside its bytes, which are there twice.
const COST: usize = 176;

/// A score: any number, infinite ones too, but not "no number".
#[derive(Clone, Copy, Debug)]
struct Score(f64);

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Texts, each once, by their scores and, where those are the same, by themselves.
#[derive(Debug, Default)]
pub struct Sorted {
    scores: BTreeMap<Bytes, Score>,
    order: BTreeSet<(Score, Bytes)>,
    cost: usize,
}

impl Sorted {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// The score of `member`.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).map(|score| score.0)
    }

    /// All, the lowest score first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> + Clone {
        self.order
            .iter()
            .map(|(score, member)| (&**member, score.0))
    }

    /// Gives `member` the score `score`; whether it is new. Zero has no sign, and "no number"
    /// counts as zero: who takes scores from outside refuses it before.
    pub fn add(&mut self, member: &[u8], score: f64, memory: &mut Memory) -> Result<bool, Refused> {
        let score = Score(if score == 0.0 || score.is_nan() {
            0.0
        } else {
            score
        });
        if let Some(old) = self.scores.get_mut(member) {
            if *old != score
                && let Some((_, member)) = self.order.take(&(*old, member.into()))
            {
                self.order.insert((score, member));
                *old = score;
            }
            return Ok(false);
        }
        memory.take(COST + 2 * member.len())?;
        self.cost += COST + 2 * member.len();
        self.scores.insert(member.into(), score);
        self.order.insert((score, member.into()));
        Ok(true)
    }

    /// Takes `member` out; whether it was in it.
    pub fn remove(&mut self, member: &[u8], memory: &mut Memory) -> bool {
        let Some((member, score)) = self.scores.remove_entry(member) else {
            return false;
        };
        self.taken(&member, memory);
        self.order.remove(&(score, member))
    }

    /// Takes the one with the lowest score, or with the highest.
    pub fn pop(&mut self, lowest: bool, memory: &mut Memory) -> Option<(Bytes, f64)> {
        let (score, member) = match lowest {
            true => self.order.pop_first(),
            false => self.order.pop_last(),
        }?;
        self.scores.remove(&member);
        self.taken(&member, memory);
        Some((member, score.0))
    }

    fn taken(&mut self, member: &[u8], memory: &mut Memory) {
        memory.give_back(COST + 2 * member.len());
        self.cost -= COST + 2 * member.len();
    }

    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    #[cfg(test)]
    pub(super) fn audit(&self) -> usize {
        assert_eq!(self.scores.len(), self.order.len());
        for (score, member) in &self.order {
            assert_eq!(self.scores[member], *score);
        }
        self.scores
            .keys()
            .map(|member| COST + 2 * member.len())
            .sum()
    }
}
