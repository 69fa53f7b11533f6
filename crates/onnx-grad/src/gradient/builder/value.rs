//! Tensors with their shapes.

/// A tensor of the graph with its shape.
///
/// A **gradient** has its rows, one per row of the output gradient, on its first axis, which its
/// shape lists as 1. The gradient of a tensor [1, C, ...] is [rows, C, ...]: the rows take the
/// place of the batch axis. The gradient of any other tensor [A, ...], such as the windows of a
/// transformer, is [rows, A, ...]. [`gradient_shape`] gives that shape. Both kinds broadcast
/// against forward tensors as they are.
///
/// A gradient may have size 1 along an axis where its tensor has more. It is then the same for all
/// positions of that axis, and stays small until an operator needs its full size
/// ([`Builder::expand`](super::Builder::expand)).
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// The tensor's name.
    pub(crate) name: String,
    /// Its shape.
    pub(crate) shape: Vec<usize>,
}

impl Value {
    /// An optional input that is left out.
    pub(crate) fn omitted() -> Self {
        Self {
            name: String::new(),
            shape: vec![],
        }
    }
}

/// How many positions are added at either end of an axis. Negative numbers remove positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AxisPadding {
    /// The axis.
    pub(crate) axis: usize,
    /// Before the first position.
    pub(crate) before: i64,
    /// After the last position.
    pub(crate) after: i64,
}

/// The shape of the gradient of a tensor of shape `tensor`.
pub(crate) fn gradient_shape(tensor: &[usize]) -> Vec<usize> {
    if tensor.first() == Some(&1) {
        tensor.to_vec()
    } else {
        [&[1], tensor].concat()
    }
}

/// The shape of an elementwise result (numpy's broadcasting).
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| {
        if axis + shape.len() < rank {
            1
        } else {
            shape[axis + shape.len() - rank]
        }
    };
    (0..rank).map(|i| size(a, i).max(size(b, i))).collect()
}

/// Sizes or axes as ONNX stores them.
pub(crate) fn to_i64(values: &[usize]) -> Vec<i64> {
    values.iter().map(|&value| value as i64).collect()
}
