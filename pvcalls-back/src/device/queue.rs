//! What is to be looked at: each thing once, in the order of asking, some of it later.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use crate::sessions::DeviceId;

/// Something to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// Which domains have devices, and every device that is known.
    Area,
    /// Which devices a domain has.
    Domain(u16),
    /// Our own directory of a device.
    Back(DeviceId),
    /// The state of its frontend.
    Front(DeviceId),
    /// Whether its domain lives.
    Alive(DeviceId),
    /// What its machine wants done.
    Act(DeviceId),
}

/// Things to look at.
#[derive(Debug, Default)]
pub(super) struct Queue {
    now: VecDeque<Job>,
    /// The same jobs: one that waits is not asked for twice.
    waiting: BTreeSet<Job>,
    later: BTreeSet<(Instant, Job)>,
}

impl Queue {
    /// As soon as possible.
    pub(super) fn push(&mut self, job: Job) {
        if self.waiting.insert(job) {
            self.now.push_back(job);
        }
    }

    /// Not before `when`. Said twice, it happens at the earlier time.
    pub(super) fn push_at(&mut self, when: Instant, job: Job) {
        let earlier = self
            .later
            .iter()
            .any(|(at, other)| *other == job && *at <= when);
        if !earlier {
            self.later.retain(|(_, other)| *other != job);
            self.later.insert((when, job));
        }
    }

    /// The next thing to look at.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Job> {
        while let Some((when, job)) = self.later.first().copied()
            && when <= now
        {
            self.later.pop_first();
            self.push(job);
        }
        let job = self.now.pop_front()?;
        self.waiting.remove(&job);
        Some(job)
    }

    /// When there is something to look at: a time that is past for "now".
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        if self.now.is_empty() {
            self.later.first().map(|(when, _)| *when)
        } else {
            Some(now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_job_waits_once_and_in_order() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for _ in 0..10_000 {
            queue.push(Job::Domain(2));
            queue.push(Job::Domain(1));
        }
        assert_eq!(queue.due(now), Some(now));
        assert_eq!(queue.pop(now), Some(Job::Domain(2)));
        queue.push(Job::Domain(2));
        assert_eq!(queue.pop(now), Some(Job::Domain(1)));
        assert_eq!(queue.pop(now), Some(Job::Domain(2)));
        assert_eq!(queue.pop(now), None);
        assert_eq!(queue.due(now), None);
    }

    #[test]
    fn later_is_later_and_once() {
        let now = Instant::now();
        let (soon, late) = (now + Duration::from_secs(1), now + Duration::from_secs(2));
        let mut queue = Queue::default();
        queue.push_at(late, Job::Area);
        queue.push_at(soon, Job::Area);
        queue.push_at(late, Job::Area);
        assert_eq!(queue.due(now), Some(soon));
        assert_eq!(queue.pop(now), None);
        assert_eq!(queue.pop(soon), Some(Job::Area));
        assert_eq!(queue.pop(late), None);
    }
}
