//! Convolution.

use super::window::{Window, integers};
use super::{Builder, Grads, NodeProto, Value};

/// With fewer input channels than a vector register holds, ONNX Runtime's blocked convolution has no advantage and
/// `ConvTranspose` is the faster form (3 channels at 224 x 224: 3.9 against 10.0 ms).
const IMAGE_CHANNELS: usize = 8;

/// `y = W ∗ x        dx = Wᵀ ∗ dy`
///
/// For stride 1 the adjoint is itself a convolution, with the kernels turned by 180° and input and output channels
/// swapped within each group; it runs at the speed of the forward one. Otherwise it is a `ConvTranspose`.
pub(super) fn conv(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let weight = g.constant(node, 1)?.shape();
    let group = node.int("group", 1);
    let x = g.shape(&node.input[0]);
    let window = Window::of(g, node, &weight[2..])?;
    let whole = g.output(node).shape;
    let dy = g.whole(dy, &whole);

    let turned_fits = window.dense()
        && (0..window.x.len())
            .all(|i| window.extent(i) > window.begin[i] && window.x[i] + window.begin[i] >= window.y[i]);
    let dx = if turned_fits && x[1] >= IMAGE_CHANNELS {
        let values = g.floats(node, 1)?;
        let (shape, values) = turned(&weight, &values, group as usize);
        let kernel = g.new_floats("weight", &shape, &values);
        let begin: Vec<_> = (0..window.x.len()).map(|i| window.extent(i) - 1 - window.begin[i]).collect();
        // x = y + begin + end − (extent − 1)
        let end = (0..window.x.len()).map(|i| window.x[i] + window.extent(i) - 1 - window.y[i] - begin[i]);
        let pads: Vec<_> = begin.iter().copied().chain(end).map(|p| p as i64).collect();
        let attributes = [
            ("kernel_shape", integers(&window.kernel).into()),
            ("dilations", integers(&window.dilations).into()),
            ("pads", pads.into()),
            ("group", group.into()),
        ];
        g.emit("Conv", &[&dy, &kernel], &attributes, x)
    } else {
        let mut attributes = window.transposed();
        attributes.push(("group", group.into()));
        let kernel = g.forward(&node.input[1]);
        g.emit("ConvTranspose", &[&dy, &kernel], &attributes, x)
    };
    let mut grads = vec![Some(dx)];
    grads.resize(node.input.len(), None);
    Ok(grads)
}

/// Kernels [group · out, in, k...] turned by 180° as [group · in, out, k...].
fn turned(shape: &[usize], values: &[f32], group: usize) -> (Vec<usize>, Vec<f32>) {
    let (out, inner, area) = (shape[0] / group, shape[1], shape[2..].iter().product::<usize>());
    let mut result = Vec::with_capacity(values.len());
    for (g, i) in (0..group).flat_map(|g| (0..inner).map(move |i| (g, i))) {
        for o in 0..out {
            let start = ((g * out + o) * inner + i) * area;
            result.extend(values[start..start + area].iter().rev());
        }
    }
    let kernel = shape[2..].iter().copied();
    (([group * inner, out].into_iter()).chain(kernel).collect(), result)
}

#[cfg(test)]
mod tests {
    use super::turned;

    #[test]
    fn kernels_turn_within_their_group() {
        // Two groups of one input and one output channel, kernels 1 x 2.
        assert_eq!(turned(&[2, 1, 1, 2], &[1., 2., 3., 4.], 2), (vec![2, 1, 1, 2], vec![2., 1., 4., 3.]));
        // One group, two outputs, one input: the outputs become the inputs.
        assert_eq!(turned(&[2, 1, 1, 2], &[1., 2., 3., 4.], 1), (vec![1, 2, 1, 2], vec![2., 1., 4., 3.]));
    }
}
