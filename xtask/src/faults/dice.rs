//! Moments and choices that come again with the same seed.

use std::time::Duration;

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed and purpose.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let folded = purpose
            .bytes()
            .fold(seed, |folded, byte| (folded ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(folded)
    }

    /// A number below `bound`; zero when that is zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)).checked_rem(bound).unwrap_or(0)
    }

    /// An index of something that has `length` elements.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// Between `least` and `most`, to the millisecond.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(0);
        least + Duration::from_millis(self.below(span + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_purpose_give_the_same_numbers() {
        let drawn = |seed, purpose| {
            let mut dice = Dice::new(seed, purpose);
            [dice.below(1_000), dice.below(1_000), dice.below(1_000)]
        };
        assert_eq!(drawn(1, "a"), drawn(1, "a"));
        assert_ne!(drawn(1, "a"), drawn(2, "a"));
        assert_ne!(drawn(1, "a"), drawn(1, "b"));
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut dice = Dice::new(7, "bound");
        assert!((0..1_000).all(|_| dice.below(3) < 3));
        assert_eq!(dice.below(0), 0);
        let (least, most) = (Duration::from_millis(5), Duration::from_millis(9));
        assert!((0..1_000).all(|_| (least..=most).contains(&dice.between(least, most))));
    }
}
