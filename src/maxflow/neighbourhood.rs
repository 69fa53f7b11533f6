//! Questions about the eight neighbours of a pixel, which are most of the solver's work: a scalar
//! and a vector form that give the same answers.

use super::network::directions;

/// How far a pixel is from its root, in which tree: > 0 in the source's, < 0 in the sink's, 0 in
/// neither.
pub(super) trait Level: Copy + Default + Into<i32> + TryFrom<i32> {
    /// The highest that a tree may grow.
    const MOST: i32;
}

impl Level for i32 {
    const MOST: i32 = i32::MAX / 2;
}

impl Level for i16 {
    const MOST: i32 = 32_000;
}

/// What a pixel can ask about its neighbours. Bit and direction `d` mean the neighbour in direction
/// `d`.
pub(super) trait Neighbourhood: Copy {
    /// The type that levels are stored in.
    type Level: Level;

    /// Of the neighbours in `arcs` that are in the source's (sink's) tree, the level and direction
    /// of the first one of the lowest level, without sign; `None` where there is none.
    fn nearest<const SOURCE: bool>(
        self,
        levels: &[Self::Level],
        p: usize,
        stride: usize,
        arcs: u8,
    ) -> Option<(i32, usize)>;

    /// The neighbours that are in no tree, and those in the other tree than the source's (sink's).
    fn outside<const SOURCE: bool>(
        self,
        levels: &[Self::Level],
        p: usize,
        stride: usize,
    ) -> (u8, u8);

    /// The neighbours whose parent is `p`.
    fn children(self, parents: &[u8], p: usize, stride: usize) -> u8;
}

/// The plain form. Its levels are wide enough for any grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar;

#[inline(always)]
fn around(p: usize, stride: usize) -> [usize; 8] {
    let (above, below) = (p - stride, p + stride);
    [
        above - 1,
        above,
        above + 1,
        p - 1,
        p + 1,
        below - 1,
        below,
        below + 1,
    ]
}

impl Neighbourhood for Scalar {
    type Level = i32;

    #[inline(always)]
    fn nearest<const SOURCE: bool>(
        self,
        levels: &[i32],
        p: usize,
        stride: usize,
        arcs: u8,
    ) -> Option<(i32, usize)> {
        let around = around(p, stride);
        let level = |d: usize| {
            if SOURCE {
                levels[around[d]]
            } else {
                -levels[around[d]]
            }
        };
        directions(arcs)
            .map(|d| (level(d), d))
            .filter(|&(level, _)| level > 0)
            .min()
    }

    #[inline(always)]
    fn outside<const SOURCE: bool>(self, levels: &[i32], p: usize, stride: usize) -> (u8, u8) {
        let (mut free, mut other) = (0, 0);
        for (d, q) in around(p, stride).into_iter().enumerate() {
            free |= u8::from(levels[q] == 0) << d;
            other |= u8::from(if SOURCE { levels[q] < 0 } else { levels[q] > 0 }) << d;
        }
        (free, other)
    }

    #[inline(always)]
    fn children(self, parents: &[u8], p: usize, stride: usize) -> u8 {
        let bit = |(d, q): (usize, usize)| u8::from(usize::from(parents[q]) == 7 - d) << d;
        around(p, stride).into_iter().enumerate().map(bit).sum()
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use simd::Simd;

/// Eight neighbours are eight 16-bit lanes of one AVX2-encoded register.
#[cfg(target_arch = "x86_64")]
#[allow(
    unsafe_code,
    reason = "SIMD intrinsics; a test compares their answers with the scalar form's"
)]
mod simd {
    use std::arch::x86_64::*;

    use super::Neighbourhood;

    /// The vector form. It exists only where the machine has its instructions.
    #[derive(Clone, Copy, Debug)]
    pub(in crate::maxflow) struct Simd(());

    impl Simd {
        /// The vector form, if the machine has the instructions: BMI for bit sets, AVX2 for the
        /// rest.
        pub(in crate::maxflow) fn detect() -> Option<Self> {
            let features = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2");
            features.then_some(Self(()))
        }

        /// The levels of the neighbours in order of direction.
        #[inline(always)]
        fn gather(self, levels: &[i16], p: usize, stride: usize) -> __m128i {
            let above = &levels[p - stride - 1..p - stride + 3];
            let below = &levels[p + stride - 2..p + stride + 2];
            // SAFETY: both loads read the 64 bits of a slice of four levels; the machine has the
            // features, see `Simd`.
            unsafe {
                let (above, below) = (
                    _mm_loadl_epi64(above.as_ptr().cast()),
                    _mm_loadl_epi64(below.as_ptr().cast()),
                );
                let rows = _mm_unpacklo_epi64(above, below);
                let left = _mm_insert_epi16::<3>(rows, i32::from(levels[p - 1]));
                _mm_insert_epi16::<4>(left, i32::from(levels[p + 1]))
            }
        }
    }

    impl Neighbourhood for Simd {
        type Level = i16;

        #[inline(always)]
        fn nearest<const SOURCE: bool>(
            self,
            levels: &[i16],
            p: usize,
            stride: usize,
            arcs: u8,
        ) -> Option<(i32, usize)> {
            let levels = self.gather(levels, p, stride);
            // SAFETY: register arithmetic; the machine has the features, see `Simd`.
            let least = unsafe {
                let bits = _mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);
                let allowed =
                    _mm_cmpeq_epi16(_mm_and_si128(_mm_set1_epi16(i16::from(arcs)), bits), bits);
                let ours = if SOURCE {
                    levels
                } else {
                    _mm_sub_epi16(_mm_setzero_si128(), levels)
                };
                // As unsigned numbers, "no tree" becomes the greatest and the other tree's are all
                // above ours.
                let order = _mm_sub_epi16(ours, _mm_set1_epi16(1));
                let order = _mm_or_si128(order, _mm_andnot_si128(allowed, _mm_set1_epi16(-1)));
                _mm_cvtsi128_si32(_mm_minpos_epu16(order))
            };
            let (order, d) = (least & 0xffff, (least >> 16) as usize & 7);
            (order < 0x7fff).then_some((order + 1, d))
        }

        #[inline(always)]
        fn outside<const SOURCE: bool>(self, levels: &[i16], p: usize, stride: usize) -> (u8, u8) {
            let levels = self.gather(levels, p, stride);
            // SAFETY: register arithmetic; the machine has the features, see `Simd`.
            let sets = unsafe {
                let zero = _mm_setzero_si128();
                let free = _mm_cmpeq_epi16(levels, zero);
                let other = if SOURCE {
                    _mm_cmplt_epi16(levels, zero)
                } else {
                    _mm_cmpgt_epi16(levels, zero)
                };
                _mm_movemask_epi8(_mm_packs_epi16(free, other))
            };
            (sets as u8, (sets >> 8) as u8)
        }

        #[inline(always)]
        fn children(self, parents: &[u8], p: usize, stride: usize) -> u8 {
            let row = |first: usize| {
                let [a, b, c, d] = parents[first..first + 4] else {
                    unreachable!("four of them")
                };
                u64::from(u32::from_le_bytes([a, b, c, d]))
            };
            let above = row(p - stride - 1) & 0xff_ffff;
            let beside = u64::from(parents[p - 1]) << 24 | u64::from(parents[p + 1]) << 32;
            let below = (row(p + stride - 2) & 0xffff_ff00) << 32;
            let back = 0x00_01_02_03_04_05_06_07_u64;
            // SAFETY: register arithmetic; the machine has the features, see `Simd`.
            unsafe {
                let around = _mm_cvtsi64_si128((above | beside | below) as i64);
                _mm_movemask_epi8(_mm_cmpeq_epi8(around, _mm_cvtsi64_si128(back as i64))) as u8
            }
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_forms_answer_alike(
            levels in prop::collection::vec(prop_oneof![Just(0), -9..9i16, Just(32_000), Just(-32_000)], 25),
            parents in prop::collection::vec(0..10u8, 25),
            arcs: u8,
        ) {
            let Some(simd) = Simd::detect() else { return Ok(()) };
            let wide: Vec<_> = levels.iter().map(|&level| i32::from(level)).collect();
            // Every pixel inside a grid of 3 x 3 with its ring.
            for p in [6, 7, 8, 11, 12, 13, 16, 17, 18] {
                prop_assert_eq!(simd.nearest::<true>(&levels, p, 5, arcs), Scalar.nearest::<true>(&wide, p, 5, arcs));
                prop_assert_eq!(simd.nearest::<false>(&levels, p, 5, arcs), Scalar.nearest::<false>(&wide, p, 5, arcs));
                prop_assert_eq!(simd.outside::<true>(&levels, p, 5), Scalar.outside::<true>(&wide, p, 5));
                prop_assert_eq!(simd.outside::<false>(&levels, p, 5), Scalar.outside::<false>(&wide, p, 5));
                prop_assert_eq!(simd.children(&parents, p, 5), Scalar.children(&parents, p, 5));
            }
        }
    }
}
