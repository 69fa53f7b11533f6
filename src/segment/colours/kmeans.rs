//! The mixture that expectation maximisation starts from: one Gaussian for each cluster of k-means,
//! which starts from k-means++ (Arthur and Vassilvitskii 2007).

use super::gmm::Gmm;
use super::moments::Moments;
use super::samples::{Block, Samples};
use crate::random::SplitMix;
use crate::segment::kernel::lanes::{BLOCK, Column, LANES, Sums};
use crate::segment::kernel::{Isa, Kernel};

/// The number of iterations of k-means.
const ITERATIONS: usize = 10;

/// The Gaussians of at most `components` clusters, with `regulariser` added to their variances.
///
/// There are fewer clusters if there are fewer distinct colours. The same colours and seed give the
/// same mixture on every machine.
#[must_use]
pub fn k_means_mixture(
    samples: &Samples,
    components: usize,
    regulariser: f64,
    rng_seed: u64,
) -> Gmm {
    k_means(Isa::best(), samples, components, regulariser, rng_seed)
}

pub(in crate::segment) fn k_means(
    isa: Isa,
    samples: &Samples,
    components: usize,
    regulariser: f64,
    rng_seed: u64,
) -> Gmm {
    let mut centres = initial_centres(isa, samples, components, rng_seed);
    let mut clusters = vec![];
    for _ in 0..ITERATIONS {
        clusters = isa.run(AssignClusters {
            samples,
            centres: &centres,
        });
        centres = clusters
            .iter()
            .map(|cluster| cluster.mean().map(|v| v as f32).into())
            .collect();
    }
    let total = samples.len() as f64;
    Gmm {
        components: clusters
            .iter()
            .filter_map(|cluster| cluster.gaussian(total, regulariser))
            .collect(),
    }
}

/// The centres of k-means++: the first is a random colour. Each further one is drawn with a
/// probability proportional to the squared distance from the nearest centre so far.
fn initial_centres(isa: Isa, samples: &Samples, components: usize, rng_seed: u64) -> Vec<[f32; 3]> {
    let mut random = SplitMix(rng_seed);
    let mut centres = vec![];
    let mut distances: Vec<_> = samples
        .blocks
        .iter()
        .map(|b| Column(b.weight.0.map(|w| w * f32::MAX)))
        .collect();
    let mut drawn =
        Some((random.unit() * samples.len() as f64) as usize).filter(|_| !samples.is_empty());
    while let Some(i) = drawn.filter(|_| centres.len() < components) {
        let centre = samples.get(i);
        centres.push(centre);
        let totals = isa.run(UpdateDistances {
            samples,
            centre,
            distances: &mut distances,
        });
        let place = random.unit() * totals.iter().sum::<f64>();
        drawn = find_in_running_sum(&totals, place).and_then(|(block, rest)| {
            let (element, _) = find_in_running_sum(&distances[block].0.map(f64::from), rest)?;
            Some(block * BLOCK + element)
        });
    }
    centres
}

/// The index of the first number at which the running sum exceeds `left`, and what is left of it
/// before that number.
///
/// If rounding leaves a rest after the last number, it is the last one above zero; `None` if all
/// are zero.
fn find_in_running_sum(numbers: &[f64], mut left: f64) -> Option<(usize, f64)> {
    let mut place = None;
    for (i, number) in numbers
        .iter()
        .enumerate()
        .filter(|(_, number)| **number > 0.0)
    {
        place = Some((i, left));
        if left < *number {
            break;
        }
        left -= number;
    }
    place
}

/// Lowers the squared distance of each colour to that from a further centre, if that is nearer.
/// Computes the sum of the distances in each block.
struct UpdateDistances<'a> {
    samples: &'a Samples,
    centre: [f32; 3],
    distances: &'a mut [Column],
}

impl Kernel for UpdateDistances<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let mut totals = Vec::with_capacity(self.distances.len());
        for (Block { colour, .. }, Column(least)) in self.samples.blocks.iter().zip(self.distances)
        {
            for (i, distance) in least.iter_mut().enumerate() {
                *distance = distance.min(squared_distance(colour, i, self.centre));
            }
            let mut total = Sums::ZERO;
            total.add(|i| [least[i]]);
            totals.extend(total.totals());
        }
        totals
    }
}

/// Computes, for each centre, the moments of the colours nearest to it, relative to the centre.
struct AssignClusters<'a> {
    samples: &'a Samples,
    centres: &'a [[f32; 3]],
}

impl Kernel for AssignClusters<'_> {
    type Output = Vec<Moments>;

    #[inline(always)]
    fn run(self) -> Vec<Moments> {
        let mut clusters: Vec<_> = self
            .centres
            .iter()
            .map(|&centre| Moments::about(centre))
            .collect();
        let mut nearest = Column::ZERO;
        for Block { colour, weight } in &self.samples.blocks {
            for first in (0..BLOCK).step_by(LANES) {
                let (mut label, mut least) = ([0.0; LANES], [f32::MAX; LANES]);
                for (k, &centre) in self.centres.iter().enumerate() {
                    for lane in 0..LANES {
                        let distance = squared_distance(colour, first + lane, centre);
                        label[lane] = if distance < least[lane] {
                            k as f32
                        } else {
                            label[lane]
                        };
                        least[lane] = least[lane].min(distance);
                    }
                }
                nearest.0[first..first + LANES].copy_from_slice(&label);
            }
            for (k, cluster) in clusters.iter_mut().enumerate() {
                // A product, because on old machines a condition would be evaluated colour by
                // colour.
                cluster.add(colour, |i| {
                    weight.0[i] * f32::from(u8::from(nearest.0[i] == k as f32))
                });
            }
        }
        clusters
    }
}

#[inline(always)]
fn squared_distance([red, green, blue]: &[Column; 3], i: usize, centre: [f32; 3]) -> f32 {
    let (r, g, b) = (
        red.0[i] - centre[0],
        green.0[i] - centre[1],
        blue.0[i] - centre[2],
    );
    r * r + g * g + b * b
}
