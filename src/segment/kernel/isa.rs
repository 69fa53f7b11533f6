//! Instruction sets, and how a loop is compiled for each of them.

/// A loop that is compiled for each instruction set.
///
/// Only code that is inlined into the functions [`avx2`] and [`avx512`] is compiled for these. So
/// [`run`](Kernel::run) and everything that it calls must be `#[inline(always)]`, and its loops
/// must be `for` loops, because the compiler may not inline the closure of a `for_each`.
pub(in crate::segment) trait Kernel {
    /// What the loop computes.
    type Output;

    /// Runs the loop.
    fn run(self) -> Self::Output;
}

/// An instruction set that this machine supports.
#[derive(Clone, Copy, Debug)]
pub(in crate::segment) struct Isa(InstructionSet);

#[derive(Clone, Copy, Debug)]
enum InstructionSet {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The instruction set with the widest vectors.
    pub(in crate::segment) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if avx512 {
                return Self(InstructionSet::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                return Self(InstructionSet::Avx2);
            }
        }
        Self(InstructionSet::Baseline)
    }

    /// Runs the code that was compiled for this instruction set.
    #[allow(
        unsafe_code,
        reason = "a function that is compiled for newer machines can only be called this way"
    )]
    pub(in crate::segment) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            InstructionSet::Baseline => kernel.run(),
            // SAFETY: Only `best` and a test create this value, after they have detected AVX2, or
            // AVX-512, which includes it.
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => unsafe { avx2(kernel) },
            // SAFETY: Only `best` and a test create this value, after they have detected all four
            // parts of AVX-512.
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => unsafe { avx512(kernel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::colours::{em, kmeans};
    use crate::segment::energy::{pairwise, unaries};
    use crate::segment::{CutOptions, Form, Samples};

    /// All instruction sets that this machine supports.
    fn all() -> Vec<Isa> {
        let levels = match Isa::best().0 {
            InstructionSet::Baseline => vec![InstructionSet::Baseline],
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => vec![InstructionSet::Baseline, InstructionSet::Avx2],
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => {
                vec![
                    InstructionSet::Baseline,
                    InstructionSet::Avx2,
                    InstructionSet::Avx512,
                ]
            }
        };
        levels.into_iter().map(Isa).collect()
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let pixels: Vec<u8> = (0..3 * 37 * 41_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as u8 % 90)
            .collect();
        let colours = |unit: f32| {
            pixels
                .as_chunks()
                .0
                .iter()
                .map(move |p: &[u8; 3]| p.map(|v| f32::from(v) * unit))
        };
        let results = all().into_iter().map(|isa| {
            let of_form = [Form::Gsc, Form::Grabcut8].map(|form| {
                let unit = form.range() / 255.0;
                let samples: Samples = colours(unit as f32).collect();
                let start = kmeans::k_means(isa, &samples, 5, unit * unit, 7);
                let (gmm, likelihood) = em::em_step(isa, &start, &samples, unit * unit);
                let unaries = unaries::costs(isa, &start, &gmm, &pixels, form);
                let pairs = pairwise::weights(
                    isa,
                    &pixels,
                    37,
                    &CutOptions {
                        form,
                        gamma: 50.0,
                        map: 0.0,
                        level: 1.0,
                    },
                );
                (start, gmm, likelihood, unaries, pairs)
            });
            // The text of a number is the shortest that parses to it, so the same text means the
            // same bits.
            format!("{of_form:?}")
        });
        let results: Vec<_> = results.collect();
        assert!(results.iter().all(|result| *result == results[0]));
        assert!(!results[0].contains("NaN"));
    }
}
