//! Operators that move, repeat or add up values along axes, and the shapes of gradients.

use super::base::Builder;
use super::value::{AxisPadding, Value, gradient_shape, to_i64};
use crate::onnx::proto::NodeProto;

impl Builder {
    /// `a` in the shape `shape`. The first axis keeps its size at run time, which may be the number
    /// of rows.
    pub(crate) fn reshape(&mut self, a: &Value, shape: &[usize]) -> Value {
        if a.shape == shape {
            return a.clone();
        }
        let sizes = [&[-1], &to_i64(&shape[1..])[..]].concat();
        let target = self.new_integers("shape", &sizes);
        self.emit("Reshape", &[a, &target], &[], shape.to_vec())
    }

    /// `a` repeated along the axes where it has size 1 and `shape` has more.
    pub(crate) fn expand(&mut self, a: &Value, shape: &[usize]) -> Value {
        if a.shape == shape {
            return a.clone();
        }
        let target = self.new_integers("shape", &to_i64(shape));
        self.emit("Expand", &[a, &target], &[], shape.to_vec())
    }

    /// The gradient of `node`'s first output in its full size.
    pub(crate) fn expand_output(&mut self, node: &NodeProto, dy: &Value) -> Value {
        let shape = self.gradient_shape(&node.output[0]);
        self.expand(dy, &shape)
    }

    /// The gradient of a tensor of shape `tensor`, with an axis for the rows: [rows, A, ...] even
    /// if A is 1.
    pub(crate) fn split_rows(&mut self, a: &Value, tensor: &[usize]) -> Value {
        if tensor.first() != Some(&1) {
            return a.clone();
        }
        let shape = [&[1, 1], &a.shape[1..]].concat();
        self.reshape(a, &shape)
    }

    /// The gradient of a tensor of shape `tensor` in its full size, with rows and first axis
    /// merged: [rows · A, ...]. Operators that treat the images of a batch separately can take it
    /// as a batch.
    pub(crate) fn merge_rows(&mut self, a: &Value, tensor: &[usize]) -> Value {
        let a = self.expand(a, &gradient_shape(tensor));
        self.reshape(&a, tensor)
    }

    /// `a` in the shape of the gradient of a tensor of shape `tensor`.
    pub(crate) fn reshape_to_gradient(&mut self, a: &Value, tensor: &[usize]) -> Value {
        self.reshape(a, &gradient_shape(tensor))
    }

    /// Σ over `axes`, which keep size 1.
    pub(crate) fn sum(&mut self, a: &Value, axes: &[usize]) -> Value {
        self.reduce("ReduceSum", a, axes)
    }

    /// The mean over `axes`, which keep size 1.
    pub(crate) fn mean(&mut self, a: &Value, axes: &[usize]) -> Value {
        self.reduce("ReduceMean", a, axes)
    }

    fn reduce(&mut self, op: &str, a: &Value, axes: &[usize]) -> Value {
        let axes: Vec<usize> = axes.iter().copied().filter(|&i| a.shape[i] > 1).collect();
        if axes.is_empty() {
            return a.clone();
        }
        let shape = (0..a.shape.len())
            .map(|i| if axes.contains(&i) { 1 } else { a.shape[i] })
            .collect();
        let list = self.new_integers("axes", &to_i64(&axes));
        self.emit(op, &[a, &list], &[], shape)
    }

    /// `a` with its axes in the order `perm`.
    pub(crate) fn transpose(&mut self, a: &Value, perm: &[usize]) -> Value {
        if perm.is_sorted() {
            return a.clone();
        }
        let shape = perm.iter().map(|&i| a.shape[i]).collect();
        self.emit("Transpose", &[a], &[("perm", to_i64(perm).into())], shape)
    }

    /// The `size` positions of `a` from `start` along `axis`.
    pub(crate) fn slice(&mut self, a: &Value, axis: usize, start: usize, size: usize) -> Value {
        let [from, to, along] = [("start", start), ("end", start + size), ("axis", axis)]
            .map(|(what, n)| self.new_integers(what, &[n as i64]));
        let mut shape = a.shape.clone();
        shape[axis] = size;
        self.emit("Slice", &[a, &from, &to, &along], &[], shape)
    }

    /// `a` with zeros added before and after it along each axis. Negative numbers remove positions.
    pub(crate) fn pad(&mut self, a: &Value, before: &[i64], after: &[i64]) -> Value {
        let shape = (0..a.shape.len())
            .map(|i| (a.shape[i] as i64 + before[i] + after[i]) as usize)
            .collect();
        let pads = self.new_integers("pads", &[before, after].concat());
        self.emit("Pad", &[a, &pads], &[], shape)
    }

    /// Each value of `a` repeated `factors[i]` times along axis i.
    pub(crate) fn repeat(&mut self, a: &Value, factors: &[usize]) -> Value {
        let scales: Vec<_> = factors.iter().map(|&factor| factor as f32).collect();
        let scales = self.new_floats("scales", &[factors.len()], &scales);
        let attributes = [
            ("coordinate_transformation_mode", "asymmetric".into()),
            ("nearest_mode", "floor".into()),
        ];
        let shape = a.shape.iter().zip(factors).map(|(n, f)| n * f).collect();
        self.emit(
            "Resize",
            &[a, &Value::omitted(), &scales],
            &attributes,
            shape,
        )
    }

    /// `a` with positions of the value `value` added along one axis.
    pub(crate) fn pad_axis(&mut self, a: &Value, padding: AxisPadding, value: f32) -> Value {
        let AxisPadding {
            axis,
            before,
            after,
        } = padding;
        if (before, after) == (0, 0) {
            return a.clone();
        }
        let mut pads = vec![0; 2 * a.shape.len()];
        (pads[axis], pads[axis + a.shape.len()]) = (before, after);
        let pads = self.new_integers("pads", &pads);
        let value = self.scalar(value);
        let mut shape = a.shape.clone();
        shape[axis] = (shape[axis] as i64 + before + after) as usize;
        self.emit("Pad", &[a, &pads, &value], &[], shape)
    }

    /// The gradient of input `i` of `node`, which was broadcast to the shape of the output, from a
    /// gradient `dx` of that shape: the sum over the axes along which the input was repeated.
    pub(crate) fn unbroadcast(&mut self, node: &NodeProto, i: usize, dx: &Value) -> Value {
        let (x, y) = (self.shape(&node.input[i]), self.shape(&node.output[0]));
        let dx = self.split_rows(dx, &y);
        self.sum_to(&dx, &y, &x)
    }

    /// The gradient of a tensor of shape `x`, which was broadcast to the shape `y`, from a gradient
    /// `dx` of that shape with an axis for its rows.
    pub(crate) fn sum_to(&mut self, dx: &Value, y: &[usize], x: &[usize]) -> Value {
        let missing = y.len() - x.len();
        let repeated: Vec<_> = (0..y.len())
            .filter(|&axis| y[axis] > 1 && (axis < missing || x[axis - missing] == 1))
            .collect();
        // Along an axis where the gradient has size 1 the sum is a multiple.
        let count: usize = repeated
            .iter()
            .filter(|&&axis| dx.shape[axis + 1] == 1)
            .map(|&axis| y[axis])
            .product();
        let axes: Vec<_> = repeated.iter().map(|axis| axis + 1).collect();
        let dx = self.sum(dx, &axes);
        let dx = self.scale(&dx, count as f32);
        let with_rows = [&[1], &dx.shape[1 + missing..]].concat();
        let shape = if x.first() == Some(&1) {
            with_rows[1..].to_vec()
        } else {
            with_rows
        };
        self.reshape(&dx, &shape)
    }
}
