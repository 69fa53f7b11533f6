//! Quantiles.

/// The quantile of ascending values as MATLAB computes it (type 5 of Hyndman and Fan): the k-th of
/// n values is the quantile (k − 1/2)/n; quantiles are linear between these and constant beyond
/// them.
///
/// ```
/// use localise::segment::quantile;
/// let values = [1., 1., 2., 3., 4., 5., 5., 8., 10.];
/// let at = |share| quantile(&values, share);
/// assert!((at(0.6) - 4.9).abs() < 1e-12 && (at(0.3) - 2.2).abs() < 1e-12);
/// assert_eq!((at(0.95), at(0.005)), (10., 1.));
/// ```
///
/// # Panics
/// If there are no values.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    quantile_of(sorted.len(), share, |k| sorted[k])
}

/// The quantile of `count` values, where `nth` returns the k-th value in ascending order, from 0.
pub(super) fn quantile_of(count: usize, share: f64, mut nth: impl FnMut(usize) -> f64) -> f64 {
    let last = count - 1;
    let place = (share * count as f64 - 0.5).clamp(0.0, last as f64);
    let (below, part) = (place.floor() as usize, place.fract());
    let [low, high] = [below, (below + 1).min(last)].map(&mut nth);
    low + part * (high - low)
}
