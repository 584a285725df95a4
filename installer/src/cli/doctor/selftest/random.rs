//! Numbers that a seed decides.

use std::time::Duration;

/// A generator (SplitMix64): small, and the same on every machine.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers of one purpose under a seed.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut random = Self(seed ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or(0)
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A time below `most`, in microseconds.
    pub(super) fn within(&mut self, most: Duration) -> Duration {
        let micros = usize::try_from(most.as_micros()).unwrap_or(usize::MAX);
        Duration::from_micros(self.below(micros) as u64)
    }

    /// So many short words.
    pub(super) fn words(&mut self, count: usize) -> String {
        let letters = b"abcdefghijkmnpqrstuvwxyz";
        let mut letter = || char::from(letters.get(self.below(letters.len())).copied().unwrap_or(b'x'));
        let words: Vec<String> = (0..count).map(|_| (0..5).map(|_| letter()).collect()).collect();
        words.join(" ")
    }
}
