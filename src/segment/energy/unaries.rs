//! The costs of each pixel of a photo as foreground and as background.

use super::options::Form;
use crate::segment::colours::Gmm;
use crate::segment::colours::density::Densities;
use crate::segment::kernel::lanes::{BLOCK, Column, exp2, integer, log2};
use crate::segment::kernel::{Isa, Kernel};

/// The costs of all pixels, row by row, as [foreground, background]: the formula of
/// [`unary()`](super::unary()) in single precision.
///
/// `pixels` are interleaved RGB values in 0..=255 for both forms. They are scaled here to the range
/// of the form.
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

/// Evaluates both mixtures, block by block.
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
        for (block, chunk) in pixels.chunks(3 * BLOCK).enumerate() {
            bytes[..chunk.len()].copy_from_slice(chunk);
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
            for (plane, of_block) in planes.iter_mut().zip(&costs) {
                let (first, count) = (block * BLOCK, chunk.len() / 3);
                plane[first..first + count].copy_from_slice(&of_block[..count]);
            }
        }
        planes
    }
}

/// −ln p and −ln(1 − p), with p = L'_fg / (L'_fg + L'_bg) and L' = 0.05 + 0.95 · L. With L limited
/// to 2¹²⁰ these are below 87, so the limit of 100 is never reached.
#[inline(always)]
fn posteriors(logs: [f32; 2]) -> [f32; 2] {
    let likelihood = |log: f32| 0.05 + 0.95 * exp2(if log < 120.0 { log } else { 120.0 });
    let (fg, bg) = (likelihood(logs[0]), likelihood(logs[1]));
    let cost = |of_label: f32| std::f32::consts::LN_2 * log2((fg + bg) / of_label);
    [cost(fg), cost(bg)]
}

/// −ln L_fg and −ln L_bg, each at most 10⁶, and both raised by the same amount if one is negative.
#[inline(always)]
fn likelihoods(logs: [f32; 2]) -> [f32; 2] {
    // Unlike `f32::min`, this is one vector instruction.
    let min = |a: f32, b: f32| if a < b { a } else { b };
    let cost = |log: f32| min(-std::f32::consts::LN_2 * log, 1e6);
    let (fg, bg) = (cost(logs[0]), cost(logs[1]));
    let base = min(min(fg, bg), 0.0);
    [fg - base, bg - base]
}

#[cfg(test)]
mod tests {
    use nalgebra::Vector3;

    use super::*;
    use crate::segment::{ColourFit, ColourOptions, fit, unary};

    /// Two mixtures learnt from a noisy picture, and the picture.
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
        let model = |region: &[[f32; 3]]| fit(region, &options, form.range(), 3);
        ([model(&colours[..300]), model(&colours[900..])], pixels)
    }

    #[test]
    fn costs_equal_the_formula() {
        for (form, method) in [
            (Form::Gsc, ColourFit::Splitting),
            (Form::Gsc, ColourFit::Em),
            (Form::Grabcut8, ColourFit::Splitting),
            (Form::Grabcut8, ColourFit::Em),
        ] {
            let ([fg, bg], pixels) = picture(form, method);
            let costs = unaries(&fg, &bg, pixels.as_flattened(), form);
            for (i, pixel) in pixels.iter().enumerate() {
                let colour = Vector3::from(pixel.map(|v| f64::from(v) * form.range() / 255.0));
                let by_formula = unary(&fg, &bg, &colour, form);
                for (found, expected) in [costs[0][i], costs[1][i]].into_iter().zip(by_formula) {
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
    fn empty_mixtures_have_the_highest_cost() {
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
