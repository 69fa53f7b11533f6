//! Convolution.

use super::common::Grads;
use super::window::Window;
use crate::gradient::builder::{Builder, Product, Value, to_i64};
use crate::gradient::error::{GradientError, unsupported};
use crate::onnx::proto::NodeProto;

/// From this many input channels on, ONNX Runtime's blocked convolution is faster than
/// `ConvTranspose`: fewer do not fill a vector register.
const BLOCKED_CHANNELS: usize = 8;

/// With at least this many output channels, and an output gradient that may be nonzero in only a
/// few of them, only those channels are convolved.
const MANY_CHANNELS: usize = 64;

/// `y = W ∗ x + b        dx = Wᵀ ∗ dy, dW = x ∗ dy, db = Σ dy over positions`
pub(super) fn conv(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, w, y) = (
        g.shape(&node.input[0]),
        g.shape(&node.input[1]),
        g.shape(&node.output[0]),
    );
    let window = Window::new(g, node, &w[2..])?;
    let dy = g.merge_rows(dy, &y);
    let mut grads = vec![None; 3];
    if g.needs_gradient(&node.input[0]) {
        let few = if y[0] == 1 {
            from_few_channels(g, node, &window, &dy)
        } else {
            None
        };
        let dx = few.unwrap_or_else(|| transposed(g, node, &window, &dy));
        grads[0] = Some(g.reshape_to_gradient(&dx, &x));
    }
    if g.needs_gradient(&node.input[1]) {
        grads[1] = Some(kernel_gradient(g, node, &window, &dy)?);
    }
    if node.input_name(2).is_some_and(|b| g.needs_gradient(b)) {
        grads[2] = Some(bias_gradient(g, node, &dy));
    }
    Ok(grads)
}

/// `db = Σ dy over positions`
pub(super) fn bias_gradient(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let y = g.shape(&node.output[0]);
    let dy = g.reshape_to_gradient(dy, &y);
    let dy = g.split_rows(&dy, &y);
    // [rows, batch, channels, positions...]: sum over all but rows and channels.
    let axes: Vec<_> = (1..dy.shape.len()).filter(|&axis| axis != 2).collect();
    let db = g.sum(&dy, &axes);
    g.reshape(&db, &g.gradient_shape(&node.input[2]))
}

/// `dx = Wᵀ ∗ dy` over the few channels of dy that are not 0 everywhere
///
/// If a convolution makes the class scores, which are then averaged over positions, dy is the
/// output gradient times a mask, and the output gradient is usually 0 for all but a few of a
/// thousand classes.
fn from_few_channels(
    g: &mut Builder,
    node: &NodeProto,
    window: &Window,
    dy: &Value,
) -> Option<Value> {
    let Product {
        dy: seed,
        factor: mask,
    } = g.masked_seed(dy)?;
    let (x, w) = (g.input(node, 0), g.input(node, 1));
    let [_, channels, positions @ ..] = &seed.shape[..] else {
        return None;
    };
    let channels = *channels;
    // The seed has one value for each output channel, and the mask has the same channels, so that
    // the same ones can be picked from the seed, the mask and W. There is one group, because groups
    // must keep equal numbers of channels.
    let fits = channels == w.shape[0]
        && channels >= MANY_CHANNELS
        && positions.iter().all(|&n| n == 1)
        && mask.shape.len() == dy.shape.len()
        && mask.shape[1] == channels
        && node.int("group", 1) == 1;
    if !fits {
        return None;
    }
    let kept = nonzero_channels(g, &seed, channels);
    let mut compress = |a: &Value, axis: i64| {
        let attributes = [("axis", axis.into())];
        // The listed shape is the uncompressed one: how many channels are kept is known only at run
        // time.
        g.emit("Compress", &[a, &kept], &attributes, a.shape.clone())
    };
    let (seed, mask, w) = (compress(&seed, 1), compress(&mask, 1), compress(&w, 0));
    let few = g.binary("Mul", &seed, &mask);
    let attributes = window.transposed();
    Some(g.emit("ConvTranspose", &[&few, &w], &attributes, x.shape))
}

/// `[Σ |seed| > 0]` per channel, as bool. The first channel is always kept, because `ConvTranspose`
/// needs at least one channel.
fn nonzero_channels(g: &mut Builder, seed: &Value, channels: usize) -> Value {
    let mut first = vec![0.0; channels];
    first[0] = 1.0;
    let first = g.new_floats("first", &[channels], &first);
    let size = g.unary("Abs", seed);
    let others: Vec<_> = (0..seed.shape.len() as i64)
        .filter(|&axis| axis != 1)
        .collect();
    let others = g.new_integers("axes", &others);
    let attributes = [("keepdims", 0.into())];
    let size = g.emit("ReduceSum", &[&size, &others], &attributes, vec![channels]);
    let size = g.add(&size, &first);
    g.emit("Cast", &[&size], &[("to", 9.into())], vec![channels])
}

/// `dx = Wᵀ ∗ dy`
///
/// With stride 1, this is itself a convolution, with the kernels rotated by 180° and input and
/// output channels exchanged within each group, and as fast as the forward one. The gradient of a
/// depthwise convolution with a larger stride is a convolution with stride 1 over dy with zeros
/// inserted between its values, which is up to four times faster than `ConvTranspose`. All others
/// use `ConvTranspose`.
fn transposed(g: &mut Builder, node: &NodeProto, window: &Window, dy: &Value) -> Value {
    let (x, w) = (g.input(node, 0), g.input(node, 1));
    let group = node.int("group", 1);
    let depthwise = group as usize == x.shape[1] && w.shape[0] == x.shape[1] && window.x.len() == 2;
    // The pads of the convolution, computed in `as_convolution`, are not negative.
    let padding_fits = (0..window.x.len()).all(|i| {
        window.extent(i) > window.begin[i]
            && window.x[i] + window.begin[i] >= spaced_length(window, i)
    });
    if (window.unit_strides() || depthwise)
        && padding_fits
        && x.shape[1] >= BLOCKED_CHANNELS
        && let Ok(values) = g.floats(node, 1)
    {
        return as_convolution(g, node, window, dy, &values);
    }
    let mut attributes = window.transposed();
    attributes.push(("group", group.into()));
    g.emit("ConvTranspose", &[dy, &w], &attributes, x.shape)
}

/// The length of dy along axis `i` with zeros between its values.
fn spaced_length(window: &Window, i: usize) -> usize {
    window.y[i] * window.strides[i]
}

/// `dx = (W rotated by 180°) ∗ dy`, dy with zeros between its values for a stride above 1
fn as_convolution(
    g: &mut Builder,
    node: &NodeProto,
    window: &Window,
    dy: &Value,
    values: &[f32],
) -> Value {
    let (x, w) = (g.input(node, 0), g.input(node, 1));
    let group = node.int("group", 1);
    let spaced = if window.unit_strides() {
        dy.clone()
    } else {
        insert_zeros(g, window, dy)
    };
    let (shape, values) = rotated(&w.shape, values, group as usize);
    let kernel = g.new_floats("weight", &shape, &values);
    let axes = 0..window.x.len();
    let begin: Vec<_> = axes
        .clone()
        .map(|i| window.extent(i) - 1 - window.begin[i])
        .collect();
    // x = length + begin + end − (extent − 1)
    let end: Vec<_> = axes
        .map(|i| window.x[i] + window.extent(i) - 1 - spaced_length(window, i) - begin[i])
        .collect();
    let attributes = [
        ("kernel_shape", to_i64(&window.kernel).into()),
        ("dilations", to_i64(&window.dilations).into()),
        ("pads", to_i64(&[begin, end].concat()).into()),
        ("group", group.into()),
    ];
    g.emit("Conv", &[&spaced, &kernel], &attributes, x.shape)
}

/// dy with zeros between its values, so that each value is at a multiple of the stride. Two spatial
/// axes. Each value is repeated and all but the first copy are set to 0, so the last value is
/// followed by zeros too.
fn insert_zeros(g: &mut Builder, window: &Window, dy: &Value) -> Value {
    let repeated = g.repeat(dy, &[&[1, 1], &window.strides[..]].concat());
    let [height, width] = [repeated.shape[2], repeated.shape[3]];
    let mut mask = vec![0.0; height * width];
    for row in (0..height).step_by(window.strides[0]) {
        for column in (0..width).step_by(window.strides[1]) {
            mask[row * width + column] = 1.0;
        }
    }
    let mask = g.new_floats("mask", &[height, width], &mask);
    g.mul(&repeated, &mask)
}

/// Kernels [group · out, in, k...] rotated by 180° as [group · in, out, k...]: their shape and
/// their values.
fn rotated(shape: &[usize], values: &[f32], group: usize) -> (Vec<usize>, Vec<f32>) {
    let (out, inner) = (shape[0] / group, shape[1]);
    let area: usize = shape[2..].iter().product();
    let mut result = Vec::with_capacity(values.len());
    for g in 0..group {
        for i in 0..inner {
            for o in 0..out {
                let start = ((g * out + o) * inner + i) * area;
                result.extend(values[start..start + area].iter().rev());
            }
        }
    }
    ([&[group * inner, out], &shape[2..]].concat(), result)
}

/// The gradient of kernels that are computed from the image:
///
/// `dW[o, i, k] = Σ dy[o, p] · x[i, s · p + d · k]` over positions p, with strides s and dilations
/// d
///
/// This is itself a convolution, of x with the kernels dy, in which strides and dilations change
/// places and the input channels are the batch.
fn kernel_gradient(
    g: &mut Builder,
    node: &NodeProto,
    window: &Window,
    dy: &Value,
) -> Result<Value, GradientError> {
    if g.shape(&node.input[0])[0] != 1 {
        return Err(unsupported(node, "computed kernels for several images"));
    }
    let w = g.shape(&node.input[1]);
    let group = node.int("group", 1) as usize;
    let channels = GroupChannels {
        group,
        inner: w[1],
        out: w[0] / group,
    };
    let images = channels_as_batch(g, node, window, &channels);
    let kernels = gradients_as_kernels(g, window, dy, &channels);
    let images = padded_to_cover(g, window, &images);
    let attributes = [
        ("strides", to_i64(&window.dilations).into()),
        ("dilations", to_i64(&window.strides).into()),
        ("group", (group as i64).into()),
    ];
    let shape = [&[channels.inner, 1], &window.kernel[..]].concat();
    let dw = g.emit("Conv", &[&images, &kernels], &attributes, shape);
    let dw = in_kernel_order(g, window, &dw, &channels);
    Ok(g.reshape_to_gradient(&dw, &w))
}

/// The channels of a grouped convolution.
struct GroupChannels {
    /// The number of groups.
    group: usize,
    /// The input channels of each group.
    inner: usize,
    /// The output channels of each group.
    out: usize,
}

/// x as [inner, group, positions].
fn channels_as_batch(
    g: &mut Builder,
    node: &NodeProto,
    window: &Window,
    channels: &GroupChannels,
) -> Value {
    let x = g.input(node, 0);
    let rank = window.x.len();
    let images = g.reshape(
        &x,
        &[&[channels.group, channels.inner], &window.x[..]].concat(),
    );
    let order: Vec<_> = [1, 0].into_iter().chain(2..rank + 2).collect();
    g.transpose(&images, &order)
}

/// The images padded so that the convolution yields exactly one result per kernel element. A
/// negative pad cuts off the last positions of x, which no window reaches.
fn padded_to_cover(g: &mut Builder, window: &Window, images: &Value) -> Value {
    let (mut before, mut after) = (vec![0; 2], vec![0; 2]);
    for i in 0..window.x.len() {
        let covered = window.strides[i] * (window.y[i] - 1) + window.extent(i);
        before.push(window.begin[i] as i64);
        after.push(covered as i64 - (window.begin[i] + window.x[i]) as i64);
    }
    g.pad(images, &before, &after)
}

/// dy as [group · rows · out, 1, positions].
fn gradients_as_kernels(
    g: &mut Builder,
    window: &Window,
    dy: &Value,
    channels: &GroupChannels,
) -> Value {
    let rank = window.x.len();
    let split = [&[1, channels.group, channels.out], &window.y[..]].concat();
    let kernels = g.reshape(dy, &split);
    let order: Vec<_> = [1, 0].into_iter().chain(2..rank + 3).collect();
    let kernels = g.transpose(&kernels, &order);
    // The first axis is listed as 1 because the number of rows is known only at run time.
    g.reshape(&kernels, &[&[1, 1], &window.y[..]].concat())
}

/// [inner, group · rows · out, k] as [rows, group, out, inner, k].
fn in_kernel_order(
    g: &mut Builder,
    window: &Window,
    dw: &Value,
    channels: &GroupChannels,
) -> Value {
    let GroupChannels { group, inner, out } = *channels;
    let rank = window.x.len();
    let sizes = [inner as i64, group as i64, -1, out as i64];
    let sizes = [&sizes, &to_i64(&window.kernel)[..]].concat();
    let sizes = g.new_integers("shape", &sizes);
    let shape = [&[inner, group, 1, out], &window.kernel[..]].concat();
    let split = g.emit("Reshape", &[dw, &sizes], &[], shape);
    let order: Vec<_> = [2, 1, 3, 0].into_iter().chain(4..rank + 4).collect();
    g.transpose(&split, &order)
}

#[cfg(test)]
mod tests {
    use super::rotated;

    #[test]
    fn kernels_are_rotated_within_their_group() {
        // Two groups of one input and one output channel, kernels 1 x 2.
        assert_eq!(
            rotated(&[2, 1, 1, 2], &[1., 2., 3., 4.], 2),
            (vec![2, 1, 1, 2], vec![2., 1., 4., 3.])
        );
        // One group, two outputs, one input: the outputs become the inputs.
        assert_eq!(
            rotated(&[2, 1, 1, 2], &[1., 2., 3., 4.], 1),
            (vec![1, 2, 1, 2], vec![2., 1., 4., 3.])
        );
    }
}
