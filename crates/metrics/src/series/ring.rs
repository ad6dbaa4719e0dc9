//! Steps of one length, the latest ones.

use std::collections::VecDeque;

use crate::series::digest::{Digest, EMPTY, Step};

/// How long a ring's steps are, and how many it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Seconds in a step.
    pub(crate) step: u64,
    /// Steps that it keeps; a few more than are promised, for the one that is not over and for periods that are not
    /// aligned with it.
    pub(crate) kept: u64,
}

/// Steps of one length. Steps have numbers: the seconds since the epoch at their beginning, by the length of a step.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) shape: Shape,
    /// Steps that are over, up to the one before `newest`.
    steps: VecDeque<Step>,
    /// The newest step, which is added to.
    open: Digest,
    /// Its number; `None` before the first sample.
    newest: Option<u64>,
    /// The second from which on nothing was ever dropped.
    whole_from: u64,
    /// Bytes that the steps point to.
    held: usize,
}

impl Ring {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape, steps: VecDeque::new(), open: Digest::default(), newest: None, whole_from: 0, held: 0 }
    }

    /// Changes the step that `second` is in. One that is older than all that are kept is not there to change.
    pub(crate) fn change(&mut self, second: u64, change: impl FnOnce(&mut Digest)) {
        let number = second / self.shape.step;
        let newest = *self.newest.get_or_insert(number);
        if number > newest {
            self.roll(newest, number);
        }
        if number >= newest {
            return change(&mut self.open);
        }
        let back = newest - number;
        if back >= self.shape.kept {
            return;
        }
        while (self.steps.len() as u64) < back {
            self.steps.push_front(EMPTY); // before the first sample that came
        }
        let position = self.steps.len() - back as usize; // `back` is at most the length by now
        let mut digest = self.steps[position].unpack();
        change(&mut digest);
        let step = digest.pack();
        self.held = self.held + step.bytes() - self.steps[position].bytes();
        self.steps[position] = step;
    }

    /// Makes `number` the newest step, after `newest`.
    fn roll(&mut self, newest: u64, number: u64) {
        self.append(self.open.pack(), newest + 1);
        self.open.clear();
        let skipped = number - newest - 1;
        if skipped >= self.shape.kept {
            if !self.steps.iter().all(Step::is_empty) {
                self.whole_from = (newest + 1) * self.shape.step;
            }
            self.steps.clear();
            self.held = 0;
        } else {
            (0..skipped).for_each(|skip| self.append(EMPTY, newest + 2 + skip));
        }
        self.newest = Some(number);
    }

    /// Puts a step behind the others, and drops the first one when there are enough. `next` is the number after it.
    fn append(&mut self, step: Step, next: u64) {
        if self.steps.len() == self.steps.capacity() {
            // Grows in small bites: a doubling would cost up to twice the memory for a ring that is nearly full.
            let most = self.shape.kept as usize - self.steps.len().min(self.shape.kept as usize - 1);
            self.steps.reserve_exact((self.steps.len() / 4).max(8).min(most));
        }
        self.held += step.bytes();
        self.steps.push_back(step);
        if self.steps.len() as u64 >= self.shape.kept {
            let first = next - self.steps.len() as u64;
            if let Some(dropped) = self.steps.pop_front().filter(|dropped| !dropped.is_empty()) {
                self.held -= dropped.bytes();
                self.whole_from = (first + 1) * self.shape.step;
            }
        }
    }

    /// Whether nothing of what came since `second` was dropped.
    pub(crate) fn covers(&self, second: u64) -> bool {
        second >= self.whole_from
    }

    /// What the steps that begin from `from` to before `to` (in seconds) hold together.
    pub(crate) fn read(&self, from: u64, to: u64, spread: bool) -> Digest {
        let mut sum = Digest::default();
        let Some(newest) = self.newest else { return sum };
        let oldest = newest - self.steps.len() as u64;
        let (from, to) = (from.div_ceil(self.shape.step).max(oldest), to.div_ceil(self.shape.step));
        for number in from..to.min(newest) {
            sum.merge(&self.steps[(number - oldest) as usize], spread);
        }
        if (from..to).contains(&newest) {
            sum.absorb(&self.open);
        }
        sum
    }

    /// Every step that is not empty with its number, the oldest first.
    pub(crate) fn each(&self, mut to: impl FnMut(u64, &Digest)) {
        let Some(newest) = self.newest else { return };
        let oldest = newest - self.steps.len() as u64;
        for (number, step) in (oldest..).zip(&self.steps) {
            if !step.is_empty() {
                to(number, &step.unpack());
            }
        }
        if self.open.count > 0 {
            to(newest, &self.open);
        }
    }

    /// What came before `second` may be missing.
    pub(crate) fn is_whole_from(&mut self, second: u64) {
        self.whole_from = self.whole_from.max(second);
    }

    /// Bytes of memory that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.held + self.steps.capacity() * size_of::<Step>() + self.open.spread.capacity() * size_of::<(i16, u32)>()
    }
}
