//! What moves, repeats or adds up values along axes, and gradients brought into the shape of their
//! tensors.

use super::{Builder, Value, row};
use crate::onnx::proto::NodeProto;

impl Builder {
    /// `a` with every axis behind the first as given; the first takes what is there.
    pub fn reshape(&mut self, a: &Value, shape: &[usize]) -> Value {
        if a.shape == shape {
            return a.clone();
        }
        let target: Vec<_> = std::iter::once(-1)
            .chain(shape[1..].iter().map(|&n| n as i64))
            .collect();
        let target = self.new_integers("shape", &target);
        self.emit("Reshape", &[a, &target], &[], shape.to_vec())
    }

    /// `a` repeated along the axes where it has 1 and `shape` has more.
    pub fn whole(&mut self, a: &Value, shape: &[usize]) -> Value {
        if a.shape == shape {
            return a.clone();
        }
        let target: Vec<_> = shape.iter().map(|&n| n as i64).collect();
        let target = self.new_integers("shape", &target);
        self.emit("Expand", &[a, &target], &[], shape.to_vec())
    }

    /// The gradient of `node`'s first output, whole.
    pub fn whole_output(&mut self, node: &NodeProto, dy: &Value) -> Value {
        let shape = self.row(&node.output[0]);
        self.whole(dy, &shape)
    }

    /// The gradient of `tensor` with rows and first axis apart: [rows, A, ...] also where A is 1.
    pub fn apart(&mut self, a: &Value, tensor: &[usize]) -> Value {
        if tensor.first() != Some(&1) {
            return a.clone();
        }
        let shape = [&[1, 1], &a.shape[1..]].concat();
        self.reshape(a, &shape)
    }

    /// The gradient of `tensor` with rows and first axis as one, [rows · A, ...]: what works on
    /// photos apart from each other takes it for photos. Whole where it was not.
    pub fn together(&mut self, a: &Value, tensor: &[usize]) -> Value {
        let a = self.whole(a, &row(tensor));
        self.reshape(&a, tensor)
    }

    /// `a` as the gradient of a tensor of shape `tensor`.
    pub fn settle(&mut self, a: &Value, tensor: &[usize]) -> Value {
        self.reshape(a, &row(tensor))
    }

    /// Σ over `axes`, which stay with size 1.
    pub fn sum(&mut self, a: &Value, axes: &[usize]) -> Value {
        self.reduce("ReduceSum", a, axes)
    }

    /// Mean over `axes`, which stay with size 1.
    pub fn mean(&mut self, a: &Value, axes: &[usize]) -> Value {
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
        let list: Vec<_> = axes.iter().map(|&i| i as i64).collect();
        let list = self.new_integers("axes", &list);
        self.emit(op, &[a, &list], &[], shape)
    }

    /// `a` with its axes in the order `perm`.
    pub fn transpose(&mut self, a: &Value, perm: &[usize]) -> Value {
        if perm.is_sorted() {
            return a.clone();
        }
        let shape = perm.iter().map(|&i| a.shape[i]).collect();
        let perm: Vec<_> = perm.iter().map(|&i| i as i64).collect();
        self.emit("Transpose", &[a], &[("perm", perm.into())], shape)
    }

    /// `size` positions of `a` from `start` on along `axis`.
    pub fn slice(&mut self, a: &Value, axis: usize, start: usize, size: usize) -> Value {
        let [from, to, along] = [("start", start), ("end", start + size), ("axis", axis)]
            .map(|(what, n)| self.new_integers(what, &[n as i64]));
        let mut shape = a.shape.clone();
        shape[axis] = size;
        self.emit("Slice", &[a, &from, &to, &along], &[], shape)
    }

    /// `a` with zeros before and after it along each axis; negative numbers take away.
    pub fn pad(&mut self, a: &Value, before: &[i64], after: &[i64]) -> Value {
        let shape = (0..a.shape.len())
            .map(|i| (a.shape[i] as i64 + before[i] + after[i]) as usize)
            .collect();
        let pads = self.new_integers("pads", &[before, after].concat());
        self.emit("Pad", &[a, &pads], &[], shape)
    }

    /// Each value of `a` repeated `factors[i]` times along axis i.
    pub fn repeated(&mut self, a: &Value, factors: &[usize]) -> Value {
        let none = Value {
            name: String::new(),
            shape: vec![],
        };
        let scales = self.new_floats(
            "scales",
            &[factors.len()],
            &factors.iter().map(|&f| f as f32).collect::<Vec<_>>(),
        );
        let attributes = [
            ("coordinate_transformation_mode", "asymmetric".into()),
            ("nearest_mode", "floor".into()),
        ];
        let shape = a.shape.iter().zip(factors).map(|(n, f)| n * f).collect();
        self.emit("Resize", &[a, &none, &scales], &attributes, shape)
    }

    /// `a` moved along an axis by `before` places, `value` in the free ones, and made longer by
    /// `before + after`.
    pub fn shifted(
        &mut self,
        a: &Value,
        axis: usize,
        before: i64,
        after: i64,
        value: f32,
    ) -> Value {
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

    /// A gradient `dx` that has the shape of `node`'s output, for its input `i` that was broadcast
    /// to that shape: summed over the axes that the input did not have.
    pub fn unbroadcast(&mut self, node: &NodeProto, i: usize, dx: &Value) -> Value {
        let (x, y) = (self.shape(&node.input[i]), self.shape(&node.output[0]));
        let dx = self.apart(dx, &y);
        let missing = y.len() - x.len();
        let repeated: Vec<_> = (0..y.len())
            .filter(|&a| y[a] > 1 && (a < missing || x[a - missing] == 1))
            .collect();
        // Where the gradient is kept small the sum is a product.
        let count: usize = repeated
            .iter()
            .filter(|&&a| dx.shape[a + 1] == 1)
            .map(|&a| y[a])
            .product();
        let axes: Vec<_> = repeated.iter().map(|a| a + 1).collect();
        let dx = self.sum(&dx, &axes);
        let dx = self.scale(&dx, count as f32);
        let own = [&[1], &dx.shape[1 + missing..]].concat();
        let kept = if x.first() == Some(&1) {
            own[1..].to_vec()
        } else {
            own
        };
        self.reshape(&dx, &kept)
    }
}
