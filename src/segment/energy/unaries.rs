//! What each pixel of a photo pays as foreground and as background.

use super::Form;
use crate::segment::colours::Gmm;
use crate::segment::colours::density::Densities;
use crate::segment::kernel::lanes::{BLOCK, Column, exp2, integer, log2};
use crate::segment::kernel::{Isa, Kernel};

/// The costs of all pixels, row by row, as [foreground, background]: [`unary`](super::unary) at
/// f32's precision.
///
/// `pixels` are interleaved RGB values, 0..=255 whatever the form: its range is this function's
/// affair.
#[must_use]
pub fn unaries(foreground: &Gmm, background: &Gmm, pixels: &[u8], form: Form) -> [Vec<i32>; 2] {
    costs(Isa::best(), foreground, background, pixels, form)
}

pub(in crate::segment) fn costs(
    isa: Isa,
    foreground: &Gmm,
    background: &Gmm,
    pixels: &[u8],
    form: Form,
) -> [Vec<i32>; 2] {
    let models = [foreground, background].map(Densities::new);
    isa.run(Unaries {
        models,
        pixels,
        form,
    })
}

/// A block of pixels at a time, both mixtures.
struct Unaries<'a> {
    models: [Densities; 2],
    pixels: &'a [u8],
    form: Form,
}

impl Kernel for Unaries<'_> {
    type Output = [Vec<i32>; 2];

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self {
            mut models,
            pixels,
            form,
        } = self;
        let (unit, scale) = ((form.range() / 255.0) as f32, form.scale() as f32);
        let mut planes = [vec![0; pixels.len() / 3], vec![0; pixels.len() / 3]];
        let mut bytes = [0; 3 * BLOCK];
        let mut colour = [Column::ZERO; 3];
        let mut costs = [[0; BLOCK]; 2];
        for (block, pixels) in pixels.chunks(3 * BLOCK).enumerate() {
            bytes[..pixels.len()].copy_from_slice(pixels);
            for i in 0..BLOCK {
                for c in 0..3 {
                    colour[c].0[i] = f32::from(bytes[3 * i + c]) * unit;
                }
            }
            for model in &mut models {
                model.evaluate(&colour);
            }
            let [foreground, background] = &mut costs;
            for (i, (fg, bg)) in foreground.iter_mut().zip(background).enumerate() {
                let logs = [models[0].log2(i), models[1].log2(i)];
                let pair = match form {
                    Form::Gsc => posteriors(logs),
                    Form::Grabcut8 => likelihoods(logs),
                };
                (*fg, *bg) = (integer(pair[0] * scale), integer(pair[1] * scale));
            }
            for (plane, costs) in planes.iter_mut().zip(&costs) {
                let (first, count) = (block * BLOCK, pixels.len() / 3);
                plane[first..first + count].copy_from_slice(&costs[..count]);
            }
        }
        planes
    }
}

/// p = L'_fg / (L'_fg + L'_bg) with L' = 0.05 + 0.95 · L, and −ln p, −ln(1 − p). With L ≤ 2¹²⁰
/// these are below 87.
#[inline(always)]
fn posteriors(logs: [f32; 2]) -> [f32; 2] {
    let likelihood = |log: f32| 0.05 + 0.95 * exp2(if log < 120.0 { log } else { 120.0 });
    let (fg, bg) = (likelihood(logs[0]), likelihood(logs[1]));
    let cost = |likelihood: f32| std::f32::consts::LN_2 * log2((fg + bg) / likelihood);
    [cost(fg), cost(bg)]
}

/// −ln L_fg and −ln L_bg, each at most 10⁶, and both moved up where one is negative.
#[inline(always)]
fn likelihoods(logs: [f32; 2]) -> [f32; 2] {
    let least = |a: f32, b: f32| if a < b { a } else { b };
    let cost = |log: f32| least(-std::f32::consts::LN_2 * log, 1e6);
    let (fg, bg) = (cost(logs[0]), cost(logs[1]));
    let base = least(least(fg, bg), 0.0);
    [fg - base, bg - base]
}

#[cfg(test)]
mod tests {
    use nalgebra::Vector3;

    use super::*;
    use crate::segment::{ColourFit, ColourOptions, fit, unary};

    /// Two mixtures of a noisy picture, and the picture.
    fn picture(form: Form, method: ColourFit) -> ([Gmm; 2], Vec<[u8; 3]>) {
        let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 16) as u8;
        let pixels: Vec<_> = (0..1500_u32)
            .map(|i| [0, 1, 2].map(|c| noise(3 * i + c) / (1 + (i % 7) as u8)))
            .collect();
        let colours: Vec<_> = pixels
            .iter()
            .map(|p| p.map(|v| f32::from(v) * (form.range() / 255.0) as f32))
            .collect();
        let options = ColourOptions {
            fit: method,
            components: 5,
            sample: None,
        };
        let model = |colours: &[[f32; 3]]| fit(colours, &options, form.range(), 3);
        ([model(&colours[..300]), model(&colours[900..])], pixels)
    }

    #[test]
    fn costs_are_those_of_the_formula() {
        for (form, method) in [
            (Form::Gsc, ColourFit::Splitting),
            (Form::Gsc, ColourFit::Em),
            (Form::Grabcut8, ColourFit::Splitting),
            (Form::Grabcut8, ColourFit::Em),
        ] {
            let ([fg, bg], pixels) = picture(form, method);
            let found = unaries(&fg, &bg, pixels.as_flattened(), form);
            for (i, pixel) in pixels.iter().enumerate() {
                let colour = Vector3::from(pixel.map(|v| f64::from(v) * form.range() / 255.0));
                let expected = unary(&fg, &bg, &colour, form);
                for (found, expected) in [found[0][i], found[1][i]].into_iter().zip(expected) {
                    let difference = (found - expected).abs();
                    assert!(
                        difference <= 1 + expected / 500_000,
                        "{found} against {expected}, {form:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_was_not_learnt_costs_its_most() {
        let nothing = Gmm { components: vec![] };
        assert_eq!(
            unaries(&nothing, &nothing, &[1, 2, 3], Form::Gsc),
            [[35], [35]]
        );
        assert_eq!(
            unaries(&nothing, &nothing, &[1, 2, 3], Form::Grabcut8),
            [[1_000_000_000], [1_000_000_000]]
        );
        assert_eq!(unaries(&nothing, &nothing, &[], Form::Gsc), [[0; 0]; 2]);
    }
}
