//! The first principal component of a feature map, also under a kernel.

use ndarray::{Array1, Array2, Array3, ArrayView3, Axis};

/// √λ u, [1, height, width], for a feature map [channels, height, width]: λ is the largest
/// eigenvalue of the matrix K of `kernel` between positions, centred, and u its eigenvector. With
/// [`linear_kernel`] this is the projection of the positions on their first principal component.
///
/// An eigenvector has no sign of its own. Here the value of the largest magnitude is positive (Chung
/// and Ying 2025, equation 13). A map without variance gives zeros.
pub(super) fn principal_component(
    tensor: ArrayView3<'_, f32>,
    kernel: impl Fn(&Array2<f64>) -> Array2<f64>,
) -> Array3<f32> {
    let (channels, height, width) = tensor.dim();
    let columns = Array2::from_shape_vec(
        (channels, height * width),
        tensor.iter().map(|&v| f64::from(v)).collect(),
    );
    let features = columns
        .expect("one value for each position")
        .reversed_axes();
    let centred = &features - &mean(&features, Axis(0));
    let mut component = leading_eigenvector(&double_centred(&kernel(&centred)));
    let extreme = component.iter().fold(
        0.0f64,
        |extreme, &v| {
            if v.abs() > extreme.abs() { v } else { extreme }
        },
    );
    component *= extreme.signum();
    let values = component.mapv(|v| v as f32).into_raw_vec_and_offset().0;
    Array3::from_shape_vec((1, height, width), values).expect("one value for each position")
}

/// K = X Xᵀ for features X, [positions, channels].
pub(super) fn linear_kernel(features: &Array2<f64>) -> Array2<f64> {
    features.dot(&features.t())
}

fn mean(matrix: &Array2<f64>, axis: Axis) -> Array1<f64> {
    matrix.mean_axis(axis).expect("a tensor has positions")
}

/// K less the mean of each row and of each column, plus the mean of all.
fn double_centred(kernel: &Array2<f64>) -> Array2<f64> {
    let (rows, columns) = (mean(kernel, Axis(1)), mean(kernel, Axis(0)));
    let all = columns.mean().unwrap_or(0.0);
    kernel - &rows.insert_axis(Axis(1)) - &columns + all
}

/// √λ u for the largest eigenvalue λ of a symmetric matrix, if it is positive, or else zeros.
fn leading_eigenvector(matrix: &Array2<f64>) -> Array1<f64> {
    let (mut value, mut vector) = power_iteration(matrix, 0.0);
    if value < 0.0 {
        // The eigenvalue of the largest magnitude is negative. After a shift by it, the largest
        // one is that of the largest magnitude.
        (value, vector) = power_iteration(matrix, -value);
    }
    vector * value.max(0.0).sqrt()
}

/// The eigenvalue λ of `matrix` for which λ + `shift` has the largest magnitude, and its
/// eigenvector of length 1: repeated products, until the vector is exact to a ten-millionth.
fn power_iteration(matrix: &Array2<f64>, shift: f64) -> (f64, Array1<f64>) {
    const MAX_ROUNDS: usize = 2000;
    let count = matrix.nrows();
    // Not orthogonal to the eigenvector unless by chance: the row of the position with the largest
    // variance, to which every eigenvector contributes by its value there.
    let largest = (0..count).max_by(|&a, &b| matrix[[a, a]].total_cmp(&matrix[[b, b]]));
    let mut vector = matrix.row(largest.unwrap_or(0)).to_owned();
    let mut value = 0.0;
    for _ in 0..MAX_ROUNDS {
        let length = vector.dot(&vector).sqrt();
        if length == 0.0 {
            return (0.0, vector);
        }
        vector /= length;
        let product = matrix.dot(&vector);
        value = vector.dot(&product);
        let error = &product - &(value * &vector);
        if error.dot(&error).sqrt() <= 1e-7 * value.abs() {
            break;
        }
        vector = product + shift * &vector;
    }
    let length = vector.dot(&vector).sqrt();
    (value, vector / length)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// The eigenvalues of the matrix are 3 and −5, with eigenvectors (1, 1) and (1, −1).
    #[test]
    fn the_largest_eigenvalue_is_not_that_of_the_largest_magnitude() {
        let vector = leading_eigenvector(&array![[-1.0, 4.0], [4.0, -1.0]]);
        let expected = (3.0f64 / 2.0).sqrt();
        assert!(
            (vector.mapv(f64::abs) - expected)
                .iter()
                .all(|e| e.abs() < 1e-6),
            "{vector}"
        );
    }

    #[test]
    fn positions_are_projected_on_the_direction_of_the_largest_variance() {
        // Both channels, less their means, are (−1, −1, 2) times 1 and 2.
        let tensor = array![[[0.0, 0.0, 3.0]], [[5.0, 5.0, 11.0]]];
        let map = principal_component(tensor.view(), linear_kernel);
        let scale = 5f32.sqrt();
        let expected = array![[[-scale, -scale, 2.0 * scale]]];
        assert!((map - expected).iter().all(|e| e.abs() < 1e-5));
        let constant = Array3::from_elem((2, 2, 2), 7.0);
        assert_eq!(
            principal_component(constant.view(), linear_kernel),
            Array3::<f32>::zeros((1, 2, 2))
        );
    }
}
