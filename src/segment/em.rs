//! Expectation maximisation from a k-means++ start.

use nalgebra::{Matrix3, Vector3};

use super::colours::{Component, Gmm, log_sum_exp};

/// Rounds of EM after the start. A fixed number, so that the result is one function of the colours.
pub(super) const ROUNDS: usize = 10;
/// Rounds of k-means before it.
const KMEANS_ROUNDS: usize = 10;

/// A mixture to start from: k-means++ (Arthur and Vassilvitskii 2007), ten rounds of k-means, one Gaussian a cluster.
/// There are fewer than `components` where there are fewer distinct colours.
#[must_use]
pub fn start(colours: &[Vector3<f64>], components: usize, regulariser: f64, seed: u64) -> Gmm {
    let mut centres = plus_plus(colours, components, seed);
    let mut nearest = vec![0; colours.len()];
    for _ in 0..KMEANS_ROUNDS {
        for (label, colour) in nearest.iter_mut().zip(colours) {
            *label = closest(&centres, colour).0;
        }
        for (k, centre) in centres.iter_mut().enumerate() {
            let (mut sum, mut count) = (Vector3::zeros(), 0.0);
            for colour in colours.iter().zip(&nearest).filter(|(_, label)| **label == k).map(|(c, _)| c) {
                sum += colour;
                count += 1.0;
            }
            if count > 0.0 {
                *centre = sum / count;
            }
        }
    }
    let gaussian = |k: usize| {
        let weights = nearest.iter().map(|&label| f64::from(u8::from(label == k)));
        gaussian(colours, weights, regulariser)
    };
    Gmm { components: (0..centres.len()).filter_map(gaussian).collect() }
}

/// k-means++: each further centre is a colour drawn with a probability that grows with its squared distance.
fn plus_plus(colours: &[Vector3<f64>], components: usize, seed: u64) -> Vec<Vector3<f64>> {
    let mut random = SplitMix(seed);
    let Some(first) = colours.get((random.next() * colours.len() as f64) as usize) else {
        return vec![];
    };
    let mut centres = vec![*first];
    let mut distances: Vec<_> = colours.iter().map(|c| (c - first).norm_squared()).collect();
    while centres.len() < components {
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = random.next() * total;
        let drawn = distances.iter().position(|d| {
            left -= d;
            left < 0.0
        });
        // Rounding can leave a rest after the last colour; any colour that is no centre yet will do.
        let drawn = drawn.or_else(|| distances.iter().rposition(|&d| d > 0.0)).expect("the total is positive");
        let centre = colours[drawn];
        for (distance, colour) in distances.iter_mut().zip(colours) {
            *distance = distance.min((colour - centre).norm_squared());
        }
        centres.push(centre);
    }
    centres
}

fn closest(centres: &[Vector3<f64>], colour: &Vector3<f64>) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (k, centre) in centres.iter().enumerate() {
        let distance = (colour - centre).norm_squared();
        if distance < best.1 {
            best = (k, distance);
        }
    }
    best
}

/// The Gaussian of weighted colours, with `regulariser` on the diagonal; `None` without weight.
fn gaussian(
    colours: &[Vector3<f64>],
    weights: impl Iterator<Item = f64> + Clone,
    regulariser: f64,
) -> Option<Component> {
    let (mut total, mut sum) = (0.0, Vector3::zeros());
    for (colour, w) in colours.iter().zip(weights.clone()) {
        total += w;
        sum += colour * w;
    }
    if total <= 1e-10 {
        return None;
    }
    let mean = sum / total;
    // The upper triangle of Σ w (x − m)(x − m)ᵀ
    let mut scatter = [0.0; 6];
    for (colour, w) in colours.iter().zip(weights) {
        let x = colour - mean;
        let terms = [x[0] * x[0], x[0] * x[1], x[0] * x[2], x[1] * x[1], x[1] * x[2], x[2] * x[2]];
        scatter.iter_mut().zip(terms).for_each(|(s, t)| *s += w * t);
    }
    let [rr, rg, rb, gg, gb, bb] = scatter.map(|s| s / total);
    let covariance = Matrix3::new(rr, rg, rb, rg, gg, gb, rb, gb, bb) + Matrix3::identity() * regulariser;
    Some(Component::new(total / colours.len() as f64, mean, covariance))
}

/// One round: expectation, then maximisation. Returns the new mixture and the mean log-likelihood of the old one.
///
/// rᵢₖ = wₖ N(xᵢ; μₖ, Σₖ) / Σⱼ wⱼ N(xᵢ; μⱼ, Σⱼ);  the k-th Gaussian is that of the colours weighted by rᵢₖ.
#[must_use]
pub fn expectation_maximisation(gmm: &Gmm, colours: &[Vector3<f64>], regulariser: f64) -> (Gmm, f64) {
    let count = gmm.components.len();
    let mut responsibilities = vec![0.0; colours.len() * count];
    let mut likelihood = 0.0;
    for (row, colour) in responsibilities.chunks_mut(count.max(1)).zip(colours) {
        for (r, component) in row.iter_mut().zip(&gmm.components) {
            *r = component.log_density(colour);
        }
        let total = log_sum_exp(row.iter().copied());
        row.iter_mut().for_each(|r| *r = (*r - total).exp());
        likelihood += total;
    }
    let component = |k: usize| gaussian(colours, responsibilities.iter().skip(k).step_by(count).copied(), regulariser);
    (Gmm { components: (0..count).filter_map(component).collect() }, likelihood / colours.len() as f64)
}

/// Steele, Lea and Flood's generator: six lines whose numbers never change under us.
struct SplitMix(u64);

impl SplitMix {
    /// A number in [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
