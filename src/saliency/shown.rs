//! What is shown to the network of a crop: itself, noisy copies of it, or the way to it.

use ndarray::{Array3, ArrayView3};

use super::SaliencyOptions;
use super::map::extremes;
use super::methods::Shown;
use crate::random::SplitMix;

/// The pictures to show, each [3, height, width], RGB. `pixels` is the crop (0..=255), `mean` the
/// colour that is zero to the network; `seed` makes the noise.
#[must_use]
pub fn shown(
    pixels: ArrayView3<'_, f32>,
    mean: [f32; 3],
    options: &SaliencyOptions,
    seed: u64,
) -> Vec<Array3<f32>> {
    let samples = options.samples;
    match options.method.shown {
        Shown::Path => (0..samples)
            .map(|i| step(pixels, mean, (i as f32 + 0.5) / samples as f32))
            .collect(),
        Shown::Crop | Shown::Noisy if options.noise > 0.0 => {
            let (min, max) = extremes(pixels);
            let deviation = options.noise * f64::from(max - min);
            let mut random = SplitMix(seed);
            (0..samples)
                .map(|_| pixels.mapv(|v| v + (deviation * random.normal()) as f32))
                .collect()
        }
        Shown::Crop | Shown::Noisy => vec![pixels.to_owned()],
    }
}

/// mean + part · (pixels − mean)
fn step(pixels: ArrayView3<'_, f32>, mean: [f32; 3], part: f32) -> Array3<f32> {
    let mut step = pixels.to_owned();
    for (mut channel, mean) in step.outer_iter_mut().zip(mean) {
        channel.mapv_inplace(|v| mean + part * (v - mean));
    }
    step
}
