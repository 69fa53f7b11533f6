//! Windows put back into an image, where they overlap.

use super::common::Grads;
use crate::gradient::builder::{AxisPadding, Builder, Value};
use crate::gradient::error::{GradientError, unsupported};
use crate::onnx::proto::NodeProto;

/// The largest number in an attribute.
const MAX_SIZE: u64 = 1 << 30;

/// `y[p[k, l]] = Σ x[k, l]        dx[k, l] = dy[p[k, l]]`, 0 in the padding
///
/// p is the place of value k of window l in the image.
pub(super) fn col2im(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let places = places(g, node, &y[2..])?;
    let size: usize = y[2..].iter().product();
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y);
    let lines = g.reshape(&dy, &[1, y[0], y[1], size]);
    let zero_at_end = AxisPadding {
        axis: 3,
        before: 0,
        after: 1,
    };
    let lines = g.pad_axis(&lines, zero_at_end, 0.0);
    let index: Vec<_> = places.iter().map(|p| p.unwrap_or(size) as i64).collect();
    let count = index.len();
    let index = g.new_integers("places", &index);
    let attributes = [("axis", 3.into())];
    let shape = vec![1, y[0], y[1], count];
    let dx = g.emit("Gather", &[&lines, &index], &attributes, shape);
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// The place in an image of size `image` of each value of each window, `None` in the padding. The
/// values come first, and windows and values are in row-major order.
fn places(
    g: &Builder,
    node: &NodeProto,
    image: &[usize],
) -> Result<Vec<Option<usize>>, GradientError> {
    // The places along each axis, [value][window], are combined into those of the image.
    let mut places = vec![vec![Some(0)]];
    for axis in axes(g, node, image)? {
        let mut combined = Vec::new();
        for value in &places {
            for k in 0..axis.kernel {
                let mut line = Vec::new();
                for before in value {
                    for window in 0..axis.windows() {
                        let place = before.zip(axis.place(k, window));
                        line.push(place.map(|(b, p)| b * axis.size as usize + p));
                    }
                }
                combined.push(line);
            }
        }
        places = combined;
    }
    Ok(places.concat())
}

/// The windows along one axis of the image.
struct Axis {
    size: i64,
    kernel: i64,
    stride: i64,
    dilation: i64,
    begin: i64,
    end: i64,
}

impl Axis {
    fn windows(&self) -> i64 {
        let extent = self.dilation * (self.kernel - 1) + 1;
        (self.size + self.begin + self.end - extent) / self.stride + 1
    }

    /// The place of value `k` of a window, `None` in the padding.
    fn place(&self, k: i64, window: i64) -> Option<usize> {
        let at = self.stride * window + self.dilation * k - self.begin;
        usize::try_from(at).ok().filter(|_| at < self.size)
    }
}

fn axes(g: &Builder, node: &NodeProto, image: &[usize]) -> Result<Vec<Axis>, GradientError> {
    let rank = image.len();
    let list = |name: &str, default, count| match node.ints(name) {
        Some(values) => values.to_vec(),
        None => vec![default; count],
    };
    let kernel = g.integers(node, 2)?;
    let (strides, dilations) = (list("strides", 1, rank), list("dilations", 1, rank));
    let pads = list("pads", 0, 2 * rank);
    let all = [&kernel, &strides, &dilations, &pads].map(Vec::as_slice);
    if all.map(<[i64]>::len) != [rank, rank, rank, 2 * rank]
        || all.concat().iter().any(|v| v.unsigned_abs() > MAX_SIZE)
        || strides.iter().any(|&s| s < 1)
    {
        return Err(unsupported(node, "its attributes do not fit its image"));
    }
    let axis = |i: usize| Axis {
        size: image[i] as i64,
        kernel: kernel[i],
        stride: strides[i],
        dilation: dilations[i],
        begin: pads[i],
        end: pads[rank + i],
    };
    Ok((0..rank).map(axis).collect())
}
