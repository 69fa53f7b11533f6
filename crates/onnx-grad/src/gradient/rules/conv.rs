//! Convolution.

use super::window::{Window, integers};
use super::{Builder, GradientError, Grads, NodeProto, Value, unsupported};

/// With fewer input channels than a vector register holds, ONNX Runtime's blocked convolution has
/// no advantage and `ConvTranspose` is the faster form (3 channels at 224 x 224: 3.9 against 10.0
/// ms).
const IMAGE_CHANNELS: usize = 8;

/// `y = W ∗ x + b        dx = Wᵀ ∗ dy, dW = x ∗ dy, db = Σ dy over positions`
pub(super) fn conv(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, w, y) = (
        g.shape(&node.input[0]),
        g.shape(&node.input[1]),
        g.shape(&node.output[0]),
    );
    let window = Window::of(g, node, &w[2..])?;
    let photos = g.together(dy, &y);
    let mut grads = vec![None; 3];
    if g.wants(&node.input[0]) {
        let few = if y[0] == 1 {
            of_few_channels(g, node, &window, &photos)
        } else {
            None
        };
        let dx = few.unwrap_or_else(|| transposed(g, node, &window, &photos));
        grads[0] = Some(g.settle(&dx, &x));
    }
    if g.wants(&node.input[1]) {
        grads[1] = Some(kernel(g, node, &window, &photos)?);
    }
    if node.input_name(2).is_some_and(|b| g.wants(b)) {
        let dy = if y[0] == 1 {
            photos.clone()
        } else {
            g.settle(&photos, &y)
        };
        let dy = g.apart(&dy, &y);
        let axes: Vec<_> = (1..dy.shape.len()).filter(|&i| i != 2).collect();
        let db = g.sum(&dy, &axes);
        grads[2] = Some(g.reshape(&db, &g.row(&node.input[2])));
    }
    Ok(grads)
}

/// Wᵀ ∗ dy over the few channels of dy that are not 0 everywhere.
///
/// Where a convolution makes the class scores, which are then averaged over positions, dy is the
/// seed times a mask, and a seed asks for a handful of a thousand classes.
fn of_few_channels(
    g: &mut Builder,
    node: &NodeProto,
    window: &Window,
    dy: &Value,
) -> Option<Value> {
    const MANY: usize = 64;
    let (seed, mask) = g.masked_seed(dy)?;
    let (x, w) = (g.input(node, 0), g.input(node, 1));
    let [_, channels, positions @ ..] = &seed.shape[..] else {
        return None;
    };
    let fits = *channels == w.shape[0] && *channels >= MANY && positions.iter().all(|&n| n == 1);
    if !fits
        || mask.shape.len() != dy.shape.len()
        || mask.shape[1] != *channels
        || node.int("group", 1) != 1
    {
        return None;
    }
    // The first channel is always kept: no convolution takes none.
    let first: Vec<_> = (0..*channels)
        .map(|c| f32::from(u8::from(c == 0)))
        .collect();
    let first = g.new_floats("first", &[*channels], &first);
    let size = g.map("Abs", &seed);
    let others: Vec<_> = (0..seed.shape.len() as i64)
        .filter(|&axis| axis != 1)
        .collect();
    let others = g.new_integers("axes", &others);
    let size = g.emit(
        "ReduceSum",
        &[&size, &others],
        &[("keepdims", 0.into())],
        vec![*channels],
    );
    let size = g.add(&size, &first);
    let kept = g.emit("Cast", &[&size], &[("to", 9.into())], vec![*channels]);
    let few = |g: &mut Builder, of: &Value, axis: i64| {
        g.emit(
            "Compress",
            &[of, &kept],
            &[("axis", axis.into())],
            of.shape.clone(),
        )
    };
    let (seed, mask, w) = (few(g, &seed, 1), few(g, &mask, 1), few(g, &w, 0));
    let dy = g.zip("Mul", &seed, &mask);
    let attributes = window.transposed();
    Some(g.emit("ConvTranspose", &[&dy, &w], &attributes, x.shape))
}

/// Wᵀ ∗ dy
///
/// For stride 1 the adjoint is itself a convolution, with the kernels turned by 180° and input and
/// output channels swapped within each group; it runs at the speed of the forward one. A depthwise
/// convolution with a larger stride is one of stride 1 on dy with zeros between its values, up to
/// four times faster than `ConvTranspose`, which serves for all others.
fn transposed(g: &mut Builder, node: &NodeProto, window: &Window, dy: &Value) -> Value {
    let (x, w) = (g.input(node, 0), g.input(node, 1));
    let (group, axes) = (node.int("group", 1), 0..window.x.len());
    let depthwise = group as usize == x.shape[1] && w.shape[0] == x.shape[1] && axes.len() == 2;
    // dy in steps of 1: y · stride positions.
    let length = |i: usize| window.y[i] * window.strides[i];
    let turned_fits = (window.unit_strides() || depthwise)
        && axes.clone().all(|i| {
            window.extent(i) > window.begin[i] && window.x[i] + window.begin[i] >= length(i)
        });
    if turned_fits
        && x.shape[1] >= IMAGE_CHANNELS
        && let Ok(values) = g.floats(node, 1)
    {
        let dy = &if window.unit_strides() {
            dy.clone()
        } else {
            spaced(g, window, dy)
        };
        let (shape, values) = turned(&w.shape, &values, group as usize);
        let kernel = g.new_floats("weight", &shape, &values);
        let begin: Vec<_> = axes
            .clone()
            .map(|i| window.extent(i) - 1 - window.begin[i])
            .collect();
        // x = length + begin + end − (extent − 1)
        let end = axes.map(|i| window.x[i] + window.extent(i) - 1 - length(i) - begin[i]);
        let pads: Vec<_> = begin.iter().copied().chain(end).map(|p| p as i64).collect();
        let attributes = [
            ("kernel_shape", integers(&window.kernel).into()),
            ("dilations", integers(&window.dilations).into()),
            ("pads", pads.into()),
            ("group", group.into()),
        ];
        return g.emit("Conv", &[dy, &kernel], &attributes, x.shape);
    }
    let mut attributes = window.transposed();
    attributes.push(("group", group.into()));
    g.emit("ConvTranspose", &[dy, &w], &attributes, x.shape)
}

/// dy with zeros between its values, each at a multiple of the stride.
fn spaced(g: &mut Builder, window: &Window, dy: &Value) -> Value {
    let repeated = g.repeated(dy, &[&[1, 1], &window.strides[..]].concat());
    let [height, width] = [repeated.shape[2], repeated.shape[3]];
    let counts = |(row, column): (usize, usize)| {
        row % window.strides[0] == 0 && column % window.strides[1] == 0
    };
    let places = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
    let mask: Vec<_> = places
        .map(|place| if counts(place) { 1.0 } else { 0.0 })
        .collect();
    let mask = g.new_floats("mask", &[height, width], &mask);
    g.mul(&repeated, &mask)
}

/// Kernels [group · out, in, k...] turned by 180° as [group · in, out, k...].
fn turned(shape: &[usize], values: &[f32], group: usize) -> (Vec<usize>, Vec<f32>) {
    let (out, inner, area) = (
        shape[0] / group,
        shape[1],
        shape[2..].iter().product::<usize>(),
    );
    let mut result = Vec::with_capacity(values.len());
    for (g, i) in (0..group).flat_map(|g| (0..inner).map(move |i| (g, i))) {
        for o in 0..out {
            let start = ((g * out + o) * inner + i) * area;
            result.extend(values[start..start + area].iter().rev());
        }
    }
    let kernel = shape[2..].iter().copied();
    (
        ([group * inner, out].into_iter()).chain(kernel).collect(),
        result,
    )
}

/// The gradient of kernels that are computed from the image: `dW[o, i, k] = Σ dy[o, p] · x[i, s · p
/// + d · k]` over positions p, itself a convolution, of x with the kernels dy; strides and
/// dilations change places, and input channels stand for photos.
fn kernel(
    g: &mut Builder,
    node: &NodeProto,
    window: &Window,
    dy: &Value,
) -> Result<Value, GradientError> {
    let (x, w) = (g.input(node, 0), g.shape(&node.input[1]));
    if x.shape[0] != 1 {
        return Err(unsupported(node, "computed kernels over several photos"));
    }
    let group = node.int("group", 1) as usize;
    let (inner, out) = (w[1], w[0] / group);
    let rank = window.x.len();
    // x as [inner, group, positions], dy as [group, rows, out, 1, positions].
    let photos = g.reshape(&x, &[&[group, inner], &window.x[..]].concat());
    let order: Vec<_> = [1, 0].into_iter().chain(2..rank + 2).collect();
    let photos = g.transpose(&photos, &order);
    let kernels = g.reshape(dy, &[&[1, group, out], &window.y[..]].concat());
    let order: Vec<_> = [1, 0].into_iter().chain(2..rank + 3).collect();
    let kernels = g.transpose(&kernels, &order);
    let kernels = g.reshape(&kernels, &[&[1, 1], &window.y[..]].concat());
    // As many positions as the kernel has, so the last ones of x may go unused.
    let covered = |i: usize| window.strides[i] * (window.y[i] - 1) + window.extent(i);
    let end = (0..rank).map(|i| covered(i) as i64 - (window.begin[i] + window.x[i]) as i64);
    let begin: Vec<_> = window.begin.iter().map(|&p| p as i64).collect();
    let (mut before, mut after) = (vec![0; 2], vec![0; 2]);
    before.extend(begin);
    after.extend(end);
    let photos = g.pad(&photos, &before, &after);
    let attributes = [
        ("strides", integers(&window.dilations).into()),
        ("dilations", integers(&window.strides).into()),
        ("group", (group as i64).into()),
    ];
    let found = g.emit(
        "Conv",
        &[&photos, &kernels],
        &attributes,
        [&[inner, 1], &window.kernel[..]].concat(),
    );
    // [inner, group, rows, out, k] to [rows, group, out, inner, k]
    let list: Vec<_> = [inner as i64, group as i64, -1, out as i64]
        .into_iter()
        .chain(integers(&window.kernel))
        .collect();
    let list = g.new_integers("shape", &list);
    let apart = g.emit(
        "Reshape",
        &[&found, &list],
        &[],
        [&[inner, group, 1, out], &window.kernel[..]].concat(),
    );
    let order: Vec<_> = [2, 1, 3, 0].into_iter().chain(4..rank + 4).collect();
    let dw = g.transpose(&apart, &order);
    Ok(g.settle(&dw, &w))
}

#[cfg(test)]
mod tests {
    use super::turned;

    #[test]
    fn kernels_turn_within_their_group() {
        // Two groups of one input and one output channel, kernels 1 x 2.
        assert_eq!(
            turned(&[2, 1, 1, 2], &[1., 2., 3., 4.], 2),
            (vec![2, 1, 1, 2], vec![2., 1., 4., 3.])
        );
        // One group, two outputs, one input: the outputs become the inputs.
        assert_eq!(
            turned(&[2, 1, 1, 2], &[1., 2., 3., 4.], 1),
            (vec![1, 2, 1, 2], vec![2., 1., 4., 3.])
        );
    }
}
