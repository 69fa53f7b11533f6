//! The pictures that are made of a crop and given to the network.

use ndarray::{Array3, ArrayView3};

use super::filters::min_max;
use super::methods::Sampling;
use super::options::SaliencyOptions;
use crate::random::SplitMix;

/// The pictures for a crop, each of the crop's shape [3, height, width], RGB: the crop itself,
/// noisy copies of it, or points on the line from the mean colour to it.
///
/// `crop` has values in 0..=255. `mean` is the colour that is zero to the network. `rng_seed` is
/// the seed of the noise.
#[must_use]
pub fn network_inputs(
    crop: ArrayView3<'_, f32>,
    mean: [f32; 3],
    options: &SaliencyOptions,
    rng_seed: u64,
) -> Vec<Array3<f32>> {
    let samples = options.samples;
    match options.method.sampling {
        Sampling::Path => (0..samples)
            .map(|i| interpolated(crop, mean, (i as f32 + 0.5) / samples as f32))
            .collect(),
        Sampling::Crop | Sampling::Noisy if options.noise > 0.0 => {
            let (min, max) = min_max(crop);
            let deviation = options.noise * f64::from(max - min);
            let mut random = SplitMix(rng_seed);
            (0..samples)
                .map(|_| crop.mapv(|v| v + (deviation * random.normal()) as f32))
                .collect()
        }
        Sampling::Crop | Sampling::Noisy | Sampling::RandomlyHidden => vec![crop.to_owned()],
    }
}

/// mean + part · (crop − mean)
fn interpolated(crop: ArrayView3<'_, f32>, mean: [f32; 3], part: f32) -> Array3<f32> {
    let mut picture = crop.to_owned();
    for (mut channel, start) in picture.outer_iter_mut().zip(mean) {
        channel.mapv_inplace(|v| start + part * (v - start));
    }
    picture
}
