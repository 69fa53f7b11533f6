//! The cost of one pixel, as a formula.

use nalgebra::Vector3;

use super::options::Form;
use crate::segment::colours::Gmm;

/// The costs [foreground, background] of a pixel: the formula that [`unaries()`](super::unaries())
/// evaluates for all pixels. Colours are in the range of the form, costs are integers as described
/// at [`Form`].
///
/// With L the densities of the colour under the two models:
///
/// * `gsc`: −ln p and −ln(1 − p), each at most 100, with p = L'_fg / (L'_fg + L'_bg) and
///   L' = 0.05 + 0.95 · L.
/// * `grabcut8`: −ln L_fg and −ln L_bg, each at most 10⁶. If one of them is negative, both are
///   raised by the same amount to make it 0, which does not change where the minimum is.
#[must_use]
pub fn unary(foreground: &Gmm, background: &Gmm, pixel: &Vector3<f64>, form: Form) -> [i32; 2] {
    let logs = [foreground.log_density(pixel), background.log_density(pixel)];
    let costs = match form {
        Form::Gsc => {
            let [fg, bg] = logs.map(|log| 0.05 + 0.95 * log.exp());
            [fg, bg].map(|likelihood| (-(likelihood / (fg + bg)).ln()).min(100.0))
        }
        Form::Grabcut8 => {
            let costs = logs.map(|log| (-log).min(1e6));
            let lowest = costs[0].min(costs[1]).min(0.0);
            costs.map(|cost| cost - lowest)
        }
    };
    costs.map(|cost| (cost * form.scale()).round() as i32)
}

#[cfg(test)]
mod tests {
    use nalgebra::Matrix3;

    use super::*;
    use crate::segment::colours::Gaussian;

    /// A mixture of one Gaussian with equal channels in its mean.
    fn gaussian_at(grey: f64) -> Gmm {
        let covariance = Matrix3::identity() * 1e-4;
        Gmm {
            components: vec![Gaussian::new(1.0, Vector3::repeat(grey), covariance)],
        }
    }

    #[test]
    fn gsc_costs_equal_a_calculation_by_hand() {
        let empty = Gmm { components: vec![] };
        assert_eq!(
            unary(&empty, &empty, &Vector3::zeros(), Form::Gsc),
            [35, 35]
        );
        // Far from both models, only the constant 0.05 is left of their likelihoods.
        let (black, grey) = (gaussian_at(0.0), gaussian_at(0.1));
        assert_eq!(
            unary(&black, &grey, &Vector3::repeat(0.9), Form::Gsc),
            [35, 35]
        );
        let [fg, bg] = unary(&black, &gaussian_at(1.0), &Vector3::zeros(), Form::Gsc);
        assert!(fg == 0 && bg > 600 && bg <= 5000, "{fg} {bg}");
    }
}
