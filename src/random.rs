//! Random numbers that are the same on every machine and in every version: Steele, Lea and Flood's
//! SplitMix64 (2014). A seed is a hash of the purpose of the numbers.

use sha2::{Digest, Sha256};

/// A generator of random numbers; its state is at first the seed.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number uniformly distributed in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of mean 0 and variance 1, approximately normal: the sum of twelve uniform ones
    /// (Irwin and Hall) less 6. Unlike logarithms and cosines, sums give the same bits on every
    /// machine.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// A whole number uniformly distributed in 0..n.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

/// The seed of a random choice for this purpose.
pub(crate) fn seed_of(purpose: &str) -> u64 {
    let hash = Sha256::digest(purpose);
    u64::from_le_bytes(std::array::from_fn(|i| hash[i]))
}

/// The seed for a class in the photo with this id, in a run with the seed `run`.
pub(crate) fn seed_of_class(run: u64, id: &str, class: usize) -> u64 {
    seed_of(&format!("{run}/{id}/{class}"))
}
