//! Queries about the eight neighbours of a pixel, which take most of the solver's time: a scalar
//! and a vectorised version that give the same answers.

use crate::network::directions;

/// The type in which levels are stored. A level is the distance of a pixel to its root: above 0 in
/// the source's forest, below 0 in the sink's, 0 in neither.
pub(crate) trait Level: Copy + Default + Into<i32> + TryFrom<i32> {
    /// The highest level up to which a forest may grow.
    const MAX_HEIGHT: i32;
}

impl Level for i32 {
    const MAX_HEIGHT: i32 = i32::MAX / 2;
}

impl Level for i16 {
    const MAX_HEIGHT: i32 = 32_000;
}

/// A neighbour with the lowest level. The order is by level, then by direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nearest {
    /// Its level without sign, ≥ 1.
    pub(crate) level: i32,
    /// The direction in which it is.
    pub(crate) direction: usize,
}

/// The neighbours of a pixel that are not in its forest, as bit sets of directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outside {
    /// Those in no forest.
    pub(crate) free: u8,
    /// Those in the other forest.
    pub(crate) other: u8,
}

/// The queries about the neighbours of pixel `p`. `SOURCE` says whether `p` is in the source's
/// forest or in the sink's, and `stride` is the number of pixels from one row to the next.
pub(crate) trait Neighbourhood: Copy {
    /// The type in which levels are stored.
    type Level: Level;

    /// Of the neighbours in the bit set `arcs` that are in the forest of `p`, the first one with
    /// the lowest level.
    fn nearest<const SOURCE: bool>(
        self,
        levels: &[Self::Level],
        p: usize,
        stride: usize,
        arcs: u8,
    ) -> Option<Nearest>;

    /// The neighbours that are not in the forest of `p`.
    fn outside<const SOURCE: bool>(
        self,
        levels: &[Self::Level],
        p: usize,
        stride: usize,
    ) -> Outside;

    /// The neighbours whose parent is `p`, as a bit set of directions.
    fn children(self, parents: &[u8], p: usize, stride: usize) -> u8;
}

/// The scalar version. Its levels are wide enough for any grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalar;

/// The indices of the neighbours, by direction.
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
    ) -> Option<Nearest> {
        let around = around(p, stride);
        directions(arcs)
            .map(|direction| {
                let level = levels[around[direction]];
                let level = if SOURCE { level } else { -level };
                Nearest { level, direction }
            })
            .filter(|nearest| nearest.level > 0)
            .min()
    }

    #[inline(always)]
    fn outside<const SOURCE: bool>(self, levels: &[i32], p: usize, stride: usize) -> Outside {
        let (mut free, mut other) = (0, 0);
        for (d, q) in around(p, stride).into_iter().enumerate() {
            let is_other = if SOURCE { levels[q] < 0 } else { levels[q] > 0 };
            free |= u8::from(levels[q] == 0) << d;
            other |= u8::from(is_other) << d;
        }
        Outside { free, other }
    }

    #[inline(always)]
    fn children(self, parents: &[u8], p: usize, stride: usize) -> u8 {
        let mut children = 0;
        for (d, q) in around(p, stride).into_iter().enumerate() {
            children |= u8::from(usize::from(parents[q]) == 7 - d) << d;
        }
        children
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use simd::Simd;

/// The vectorised version: eight neighbours are eight 16-bit lanes of one vector register.
#[cfg(target_arch = "x86_64")]
#[allow(
    unsafe_code,
    reason = "SIMD intrinsics; a test compares their answers with those of the scalar version"
)]
mod simd {
    use std::arch::x86_64::*;

    use super::{Nearest, Neighbourhood, Outside};

    /// The vectorised version. A value of this type exists only on machines that have its
    /// instructions.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Simd(());

    impl Simd {
        /// The vectorised version, if the machine has its instructions: AVX2, and BMI1 and BMI2 for
        /// bit sets.
        pub(crate) fn detect() -> Option<Self> {
            let has_features = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2");
            has_features.then_some(Self(()))
        }

        /// The levels of the neighbours, by direction.
        #[inline(always)]
        fn gather(self, levels: &[i16], p: usize, stride: usize) -> __m128i {
            // Four levels each: the three neighbours above and one more to their right, and the
            // three below with one more to their left.
            let above = &levels[p - stride - 1..p - stride + 3];
            let below = &levels[p + stride - 2..p + stride + 2];
            // SAFETY: both loads read the 64 bits of a slice of four levels. The machine has the
            // features, because a `Simd` exists.
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
        ) -> Option<Nearest> {
            let levels = self.gather(levels, p, stride);
            // SAFETY: register arithmetic. The machine has the features, because a `Simd` exists.
            let minimum = unsafe {
                let bits = _mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);
                let allowed =
                    _mm_cmpeq_epi16(_mm_and_si128(_mm_set1_epi16(i16::from(arcs)), bits), bits);
                let levels = if SOURCE {
                    levels
                } else {
                    _mm_sub_epi16(_mm_setzero_si128(), levels)
                };
                // Minus 1 and read as unsigned numbers, level 0 (no forest) becomes the greatest,
                // and the negative levels of the other forest are all greater than positive ones.
                let order = _mm_sub_epi16(levels, _mm_set1_epi16(1));
                let order = _mm_or_si128(order, _mm_andnot_si128(allowed, _mm_set1_epi16(-1)));
                _mm_cvtsi128_si32(_mm_minpos_epu16(order))
            };
            // The low 16 bits hold the minimum, the next three its lane.
            let (order, direction) = (minimum & 0xffff, (minimum >> 16) as usize & 7);
            let level = order + 1;
            (order < 0x7fff).then_some(Nearest { level, direction })
        }

        #[inline(always)]
        fn outside<const SOURCE: bool>(self, levels: &[i16], p: usize, stride: usize) -> Outside {
            let levels = self.gather(levels, p, stride);
            // SAFETY: register arithmetic. The machine has the features, because a `Simd` exists.
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
            Outside {
                free: sets as u8,
                other: (sets >> 8) as u8,
            }
        }

        #[inline(always)]
        fn children(self, parents: &[u8], p: usize, stride: usize) -> u8 {
            let row = |first: usize| {
                let [a, b, c, d] = parents[first..first + 4] else {
                    unreachable!("the slice has four elements")
                };
                u64::from(u32::from_le_bytes([a, b, c, d]))
            };
            // The parents of the eight neighbours, one byte each, by direction.
            let above = row(p - stride - 1) & 0xff_ffff;
            let beside = u64::from(parents[p - 1]) << 24 | u64::from(parents[p + 1]) << 32;
            let below = (row(p + stride - 2) & 0xffff_ff00) << 32;
            // The direction from each neighbour back to `p`.
            let back = 0x00_01_02_03_04_05_06_07_u64;
            // SAFETY: register arithmetic. The machine has the features, because a `Simd` exists.
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

    fn levels() -> impl Strategy<Value = Vec<i16>> {
        let level = prop_oneof![Just(0), -9..9i16, Just(32_000), Just(-32_000)];
        prop::collection::vec(level, 25)
    }

    proptest! {
        #[test]
        fn both_versions_give_the_same_answers(
            levels in levels(),
            parents in prop::collection::vec(0..10u8, 25),
            arcs: u8,
        ) {
            let Some(simd) = Simd::detect() else { return Ok(()) };
            let wide: Vec<_> = levels.iter().map(|&level| i32::from(level)).collect();
            // Every pixel of a grid of 3 x 3 with its padding.
            for p in [6, 7, 8, 11, 12, 13, 16, 17, 18] {
                prop_assert_eq!(
                    simd.nearest::<true>(&levels, p, 5, arcs),
                    Scalar.nearest::<true>(&wide, p, 5, arcs)
                );
                prop_assert_eq!(
                    simd.nearest::<false>(&levels, p, 5, arcs),
                    Scalar.nearest::<false>(&wide, p, 5, arcs)
                );
                prop_assert_eq!(
                    simd.outside::<true>(&levels, p, 5),
                    Scalar.outside::<true>(&wide, p, 5)
                );
                prop_assert_eq!(
                    simd.outside::<false>(&levels, p, 5),
                    Scalar.outside::<false>(&wide, p, 5)
                );
                prop_assert_eq!(
                    simd.children(&parents, p, 5),
                    Scalar.children(&parents, p, 5)
                );
            }
        }
    }
}
