//! Arithmetic for loops that become vector instructions: columns of numbers, 2ˣ, log₂ and sums.
//!
//! Exponentials and logarithms are to base 2, because they can be computed from the exponent bits
//! of a floating-point number.

/// The number of elements of a block.
pub(in crate::segment) const BLOCK: usize = 512;
/// The number of elements of the widest vector. On every machine, sums are split into as many
/// parts.
pub(in crate::segment) const LANES: usize = 16;

/// 1.5 · 2²³. Adding it to a number leaves no bits for a fraction, so that the lowest bits of the
/// sum are those of the nearest integer.
const ROUND: f32 = 12_582_912.0;

/// One number for each element of a block, aligned for vectors.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(in crate::segment) struct Column(pub(in crate::segment) [f32; BLOCK]);

impl Column {
    /// All zeros.
    pub(in crate::segment) const ZERO: Self = Self([0.0; BLOCK]);
}

/// 2ˣ for x ≤ 127, with a relative error below 2e-7; exact for whole numbers.
///
/// Below −64 the result is 2⁻⁶⁴, which is negligible, but far from the denormal numbers that make
/// sums slow.
///
/// 2ˣ = 2ⁿ · 2ᶠ with n = round(x) and f in −½..½. 2ᶠ is approximated by a polynomial of degree 5:
/// of those that begin with 1 + f ln 2, it has the least relative error, 1.05e-7.
#[inline(always)]
pub(in crate::segment) fn exp2(x: f32) -> f32 {
    let x = if x > -64.0 { x } else { -64.0 };
    let shifted = x + ROUND;
    let f = x - (shifted - ROUND);
    let mut power = 0.001_330_060_5;
    for coefficient in [
        0.009_669_691,
        0.055_505_585,
        0.240_222_83,
        std::f32::consts::LN_2,
        1.0,
    ] {
        power = power * f + coefficient;
    }
    // The exponent starts at bit 23.
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// log₂ x for positive, normal x, with an error below 1e-7 · max(1, |log₂ x|).
///
/// ```text
/// log₂ (2ⁿ · m) = n + (2 / ln 2) · atanh s,   m in √½..√2,   s = (m − 1) / (m + 1)
/// atanh s = s + s³/3 + s⁵/5 + …
/// ```
#[inline(always)]
pub(in crate::segment) fn log2(x: f32) -> f32 {
    let bits = x
        .to_bits()
        .wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let n = (bits.cast_signed() >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) + std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let mut series = 1.0 / 9.0;
    for coefficient in [1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
        series = series * square + coefficient;
    }
    n + 2.0 * std::f32::consts::LOG2_E * (s * series)
}

/// N sums. Each is split into [`LANES`] parts, so that the order of additions is the same on every
/// machine.
#[derive(Clone, Debug)]
pub(in crate::segment) struct Sums<const N: usize>([[f64; LANES]; N]);

impl<const N: usize> Sums<N> {
    /// Sums of nothing.
    pub(in crate::segment) const ZERO: Self = Self([[0.0; LANES]; N]);

    /// Adds the numbers of a block. Within the block they are added in f32, then in f64.
    #[inline(always)]
    pub(in crate::segment) fn add(&mut self, numbers: impl Fn(usize) -> [f32; N]) {
        let mut block = [[0.0; LANES]; N];
        for first in (0..BLOCK).step_by(LANES) {
            for lane in 0..LANES {
                for (sum, number) in block.iter_mut().zip(numbers(first + lane)) {
                    sum[lane] += number;
                }
            }
        }
        for (sums, lanes) in self.0.iter_mut().zip(block) {
            for (sum, number) in sums.iter_mut().zip(lanes) {
                *sum += f64::from(number);
            }
        }
    }

    /// The sums.
    pub(in crate::segment) fn totals(&self) -> [f64; N] {
        self.0.map(|lanes| lanes.iter().sum())
    }
}

/// The integer nearest to x, halves to even, for |x| < 2³¹.
///
/// `as i32` is defined for other numbers too, and so much slower that most of the gain of vectors
/// would be lost. Here the integer is composed of two halves, each of them small enough for
/// [`ROUND`].
#[inline(always)]
pub(in crate::segment) fn integer(x: f32) -> i32 {
    let upper = x * (1.0 / 65536.0) + ROUND;
    let lower = (x - (upper - ROUND) * 65536.0) + ROUND;
    let bits = |shifted: f32| {
        shifted
            .to_bits()
            .wrapping_sub(ROUND.to_bits())
            .cast_signed()
    };
    (bits(upper) << 16).wrapping_add(bits(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp2_is_accurate() {
        for i in -64_000..=126_000_i32 {
            let x = i as f32 / 1000.0;
            let exact = f64::from(x).exp2();
            assert!((f64::from(exp2(x)) - exact).abs() < 2e-7 * exact, "{x}");
        }
        assert_eq!(
            [-10.0, 0.0, 127.0].map(exp2),
            [-10.0, 0.0, 127.0].map(f32::exp2)
        );
        for x in [-64.0, -65.0, -1e30, f32::NEG_INFINITY, f32::NAN] {
            assert_eq!(exp2(x), 2f32.powi(-64));
        }
    }

    #[test]
    fn log2_is_accurate() {
        for i in (f32::MIN_POSITIVE.to_bits()..f32::INFINITY.to_bits()).step_by(9973) {
            let x = f32::from_bits(i);
            let exact = f64::from(x).log2();
            assert!(
                (f64::from(log2(x)) - exact).abs() < 1e-7 * exact.abs().max(1.0),
                "{x}"
            );
        }
        assert_eq!([1.0, 2.0, 0.25].map(log2), [0.0, 1.0, -2.0]);
    }

    #[test]
    fn integers_are_the_nearest() {
        for i in (0..2f32.powi(31).to_bits()).step_by(9973) {
            let x = f32::from_bits(i);
            assert_eq!(
                [x, -x].map(integer),
                [x, -x].map(|x| x.round_ties_even() as i32),
                "{x}"
            );
        }
        assert_eq!(
            [0.5, 1.5, 32_767.5, 65_535.5, -2.5].map(integer),
            [0, 2, 32_768, 65_536, -2]
        );
    }

    #[test]
    fn sums_include_the_whole_block() {
        let mut sums = Sums::ZERO;
        sums.add(|i| [1.0, i as f32]);
        assert_eq!(sums.totals(), [512.0, 130_816.0]);
    }
}
