//! Class scores as probabilities, and their order.

/// The class probabilities, with sum 1: the softmax of the scores of each crop, averaged over
/// crops.
///
/// `scores` has one row for each crop, all of the same length. Without crops the result is empty.
#[must_use]
pub fn probabilities(scores: &[Vec<f32>]) -> Vec<f32> {
    let mut mean = vec![0.0f64; scores.first().map_or(0, Vec::len)];
    for row in scores {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp: Vec<f64> = row.iter().map(|&s| f64::from(s - max).exp()).collect();
        let sum: f64 = exp.iter().sum::<f64>() * scores.len() as f64;
        for (m, e) in mean.iter_mut().zip(exp) {
            *m += e / sum;
        }
    }
    mean.into_iter().map(|m| m as f32).collect()
}

/// The class indices by descending probability, or score; equal ones by ascending index.
#[must_use]
pub fn ranking(probabilities: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    // Adding 0 turns −0 into 0, because ONNX's TopK takes them to be equal.
    let key = |class: usize| probabilities[class] + 0.0;
    order.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(a.cmp(&b)));
    order
}
