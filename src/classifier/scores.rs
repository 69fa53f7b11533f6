//! Class scores as probabilities, and their order.

/// The mean over crops of the softmax of their scores: a probability a class, with sum 1. `scores`
/// has a row for each crop, all of one length; without crops there is nothing.
#[must_use]
pub fn probabilities(scores: &[Vec<f32>]) -> Vec<f32> {
    let mut mean = vec![0.0f64; scores.first().map_or(0, Vec::len)];
    for row in scores {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp: Vec<f64> = row.iter().map(|&s| f64::from(s - max).exp()).collect();
        let sum: f64 = exp.iter().sum::<f64>() * scores.len() as f64;
        mean.iter_mut().zip(exp).for_each(|(m, e)| *m += e / sum);
    }
    mean.into_iter().map(|m| m as f32).collect()
}

/// The classes by falling probability, or score; equal ones by class index.
#[must_use]
pub fn ranking(probabilities: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    // 0 is added to make −0 equal to it, as ONNX's TopK has it.
    order.sort_by(|&a, &b| {
        (probabilities[b] + 0.0)
            .total_cmp(&(probabilities[a] + 0.0))
            .then(a.cmp(&b))
    });
    order
}
