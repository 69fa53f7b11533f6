//! The costs of different labels for neighbouring pixels.

use std::ops::Range;

use super::options::{CutOptions, Form};
use crate::segment::kernel::lanes::{exp2, integer};
use crate::segment::kernel::{Isa, Kernel};

/// The weights of neighbouring pairs: one plane for each of
/// [`Neighbours::steps`](grid_maxflow::Neighbours::steps). A plane contains, row by row, the weight
/// of the pair (pixel, pixel + step) for each pixel, and 0 if there is no such pair.
///
/// ```text
/// w = gamma · exp(−beta · d²) / distance
/// ```
///
/// with d² the squared difference of the two colours. In `gsc`, beta = 1 / (mean d² / 2) and the
/// distance is left out; in `grabcut8`, beta = 1 / (2 · mean d²). In a picture of one colour, beta
/// is 0. `pixels` are interleaved RGB, and weights are integers as described at [`Form`].
#[must_use]
pub fn pairwise(pixels: &[u8], width: usize, options: &CutOptions) -> Vec<Vec<i32>> {
    weights(Isa::best(), pixels, width, options)
}

pub(in crate::segment) fn weights(
    isa: Isa,
    pixels: &[u8],
    width: usize,
    options: &CutOptions,
) -> Vec<Vec<i32>> {
    isa.run(Pairwise {
        pixels: pixels.as_chunks().0,
        width,
        options,
    })
}

struct Pairwise<'a> {
    pixels: &'a [[u8; 3]],
    width: usize,
    options: &'a CutOptions,
}

impl Kernel for Pairwise<'_> {
    type Output = Vec<Vec<i32>>;

    /// The planes contain the squared differences first, and then the weights. The differences are
    /// in 0..=255 for both forms, because their unit cancels in beta · d².
    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self {
            pixels,
            width,
            options,
        } = self;
        let form = options.form;
        let steps = form.neighbours().steps();
        let mut planes: Vec<_> = steps.iter().map(|_| vec![0; pixels.len()]).collect();
        let (mut total, mut count) = (0, 0);
        for (&step, plane) in steps.iter().zip(&mut planes) {
            for (row, offset) in pairs(pixels.len(), width, step) {
                count += row.len();
                total += differences(pixels, row, offset, plane);
            }
        }
        let mean = total as f64 / count.max(1) as f64;
        let spread = match form {
            Form::Gsc => 0.5 * mean,
            Form::Grabcut8 => 2.0 * mean,
        };
        let beta = if spread > 0.0 { 1.0 / spread } else { 0.0 };
        let rate = (-beta * std::f64::consts::LOG2_E) as f32;
        for (&step, plane) in steps.iter().zip(&mut planes) {
            let diagonal = step.0 != 0 && step.1 != 0;
            let distance = if diagonal {
                std::f64::consts::SQRT_2
            } else {
                1.0
            };
            let scale = (form.scale() * options.gamma / distance) as f32;
            for (row, _) in pairs(pixels.len(), width, step) {
                for value in &mut plane[row] {
                    *value = integer(scale * exp2(rate * *value as f32));
                }
            }
        }
        planes
    }
}

/// For each row, the pixels that have a neighbour at the step, and the offset from these pixels to
/// their neighbours.
#[inline(always)]
fn pairs(
    count: usize,
    width: usize,
    (dx, dy): (isize, isize),
) -> impl Iterator<Item = (Range<usize>, usize)> {
    let (left, right) = (usize::from(dx < 0), usize::from(dx > 0));
    let rows = (count / width.max(1)).saturating_sub(dy.unsigned_abs());
    (0..rows).map(move |y| {
        (
            y * width + left..(y + 1) * width - right,
            (dy * width as isize + dx).unsigned_abs(),
        )
    })
}

/// Writes the squared differences between the pixels and those `offset` places after them into the
/// plane, and returns their sum.
#[inline(always)]
fn differences(pixels: &[[u8; 3]], row: Range<usize>, offset: usize, plane: &mut [i32]) -> u64 {
    let others = &pixels[row.start + offset..row.end + offset];
    let mut total = 0;
    for ((value, p), q) in plane[row.clone()].iter_mut().zip(&pixels[row]).zip(others) {
        let difference = |c: usize| i32::from(p[c]) - i32::from(q[c]);
        let (r, g, b) = (difference(0), difference(1), difference(2));
        *value = r * r + g * g + b * b;
        total += u64::from(value.cast_unsigned());
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula of [`pairwise`], evaluated pair by pair.
    fn by_formula(pixels: &[[u8; 3]], width: usize, options: &CutOptions) -> Vec<Vec<i32>> {
        let steps = options.form.neighbours().steps();
        let unit = options.form.range() / 255.0;
        let d2 = |i: usize, (dx, dy): (isize, isize)| {
            let (x, y) = (
                (i % width).wrapping_add_signed(dx),
                (i / width).wrapping_add_signed(dy),
            );
            let q = pixels.chunks(width).nth(y)?.get(x)?;
            Some(
                (0..3)
                    .map(|c| ((f64::from(pixels[i][c]) - f64::from(q[c])) * unit).powi(2))
                    .sum::<f64>(),
            )
        };
        let all: Vec<_> = steps
            .iter()
            .flat_map(|&step| (0..pixels.len()).filter_map(move |i| d2(i, step)))
            .collect();
        let mean = all.iter().sum::<f64>() / all.len().max(1) as f64;
        let spread = if options.form == Form::Gsc {
            mean / 2.0
        } else {
            mean * 2.0
        };
        let beta = if spread > 0.0 { 1.0 / spread } else { 0.0 };
        let weight = |i, (dx, dy)| {
            let distance = if options.form == Form::Gsc {
                1.0
            } else {
                ((dx * dx + dy * dy) as f64).sqrt()
            };
            let weight =
                d2(i, (dx, dy)).map_or(0.0, |d2| options.gamma * (-beta * d2).exp() / distance);
            (weight * options.form.scale()).round() as i32
        };
        steps
            .iter()
            .map(|&step| (0..pixels.len()).map(|i| weight(i, step)).collect())
            .collect()
    }

    #[test]
    fn weights_equal_the_formula() {
        let pixels: Vec<[u8; 3]> = (0..60_u32)
            .map(|i| [0, 7, 19].map(|c| (i * i * 37 + c * i) as u8))
            .collect();
        for (form, gamma) in [
            (Form::Gsc, 150.0),
            (Form::Grabcut8, 50.0),
            (Form::Grabcut8, 10_000.0),
        ] {
            let options = CutOptions {
                form,
                gamma,
                map: 0.0,
                level: 1.0,
            };
            for (width, count) in [(10, 60), (1, 9), (9, 9), (2, 6), (1, 1)] {
                let found = pairwise(pixels[..count].as_flattened(), width, &options);
                let expected = by_formula(&pixels[..count], width, &options);
                for (f, e) in found.iter().flatten().zip(expected.iter().flatten()) {
                    assert!(
                        (f - e).abs() <= 1 + e / 1_000_000,
                        "{f} against {e} at {options:?}, {width}"
                    );
                }
                assert_eq!(found.concat().len(), expected.concat().len());
            }
        }
    }

    /// Pictures whose red channel is 0 or 255, and their weights calculated by hand.
    #[test]
    fn gsc_weights_equal_a_calculation_by_hand() {
        let weights = |greys: &[u8], width| {
            let pixels: Vec<_> = greys.iter().flat_map(|&red| [red, 0, 0]).collect();
            pairwise(
                &pixels,
                width,
                &CutOptions {
                    form: Form::Gsc,
                    gamma: 150.0,
                    map: 0.0,
                    level: 1.0,
                },
            )
        };
        assert_eq!(weights(&[0, 255], 2), [[1015, 0], [0, 0]]);
        assert_eq!(weights(&[0, 0, 255], 3), [[7500, 137, 0], [0, 0, 0]]);
        assert_eq!(
            weights(&[77, 77], 1),
            [[0, 0], [7500, 0]],
            "a picture of one colour"
        );
        assert_eq!(weights(&[77], 1), [[0], [0]]);
        assert_eq!(weights(&[], 0), [[0; 0]; 2]);
    }
}
