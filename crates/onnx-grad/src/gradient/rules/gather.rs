//! Operators that take values by position: each result is one value of the input, or zero.

use super::common::{Grads, axis, from_front};
use super::positions;
use crate::gradient::builder::{AxisPadding, Builder, Value};
use crate::gradient::error::unsupported;
use crate::onnx::proto::NodeProto;

/// The largest one-hot matrix that is made, in values.
const MAX_ONE_HOT: usize = 1 << 25;

/// `y = x[index] along an axis        dx[i] = Σ dy[j] over all j with index[j] = i`
struct Scatter<'a> {
    /// The axis of a gradient that has an axis for its rows.
    axis: usize,
    index: &'a [usize],
    /// The size of x along the axis.
    size: usize,
}

impl Scatter<'_> {
    /// The gradient of x, from a gradient `dy` that has an axis for its rows.
    fn gradient(&self, g: &mut Builder, dy: &Value) -> Value {
        let Self { axis, index, size } = *self;
        let consecutive = index.windows(2).all(|pair| pair[1] == pair[0] + 1);
        if let [first, ..] = *index
            && consecutive
        {
            let around = AxisPadding {
                axis,
                before: first as i64,
                after: (size - first - index.len()) as i64,
            };
            return g.pad_axis(dy, around, 0.0);
        }
        let mut taken_by = vec![vec![]; size];
        for (j, &i) in index.iter().enumerate() {
            taken_by[i].push(j);
        }
        if taken_by.iter().all(|js| js.len() <= 1) {
            return self.by_gather(g, dy, &taken_by);
        }
        if index.len() * size > MAX_ONE_HOT {
            return self.by_addition(g, dy);
        }
        self.by_product(g, dy)
    }

    /// `dx[i] = dy[j] where index[j] = i, else 0`, if no position is taken twice: a gather from dy
    /// with a zero at its end
    fn by_gather(&self, g: &mut Builder, dy: &Value, taken_by: &[Vec<usize>]) -> Value {
        let zero_at_end = AxisPadding {
            axis: self.axis,
            before: 0,
            after: 1,
        };
        let with_zero = g.pad_axis(dy, zero_at_end, 0.0);
        let zero = self.index.len();
        let inverse: Vec<_> = taken_by
            .iter()
            .map(|js| js.first().map_or(zero, |&j| j) as i64)
            .collect();
        let inverse = g.new_integers("inverse", &inverse);
        let mut shape = dy.shape.clone();
        shape[self.axis] = self.size;
        let attributes = [("axis", (self.axis as i64).into())];
        g.emit("Gather", &[&with_zero, &inverse], &attributes, shape)
    }

    /// `dx = dy · E, E[j, i] = [index[j] = i]`, with the axis moved to the end
    fn by_product(&self, g: &mut Builder, dy: &Value) -> Value {
        let Self { axis, index, size } = *self;
        let mut ones = vec![0.0; index.len() * size];
        for (j, &i) in index.iter().enumerate() {
            ones[j * size + i] = 1.0;
        }
        let ones = g.new_floats("one_hot", &[index.len(), size], &ones);
        let mut perm: Vec<_> = (0..dy.shape.len()).collect();
        let last = perm.len() - 1;
        perm.swap(axis, last);
        let swapped = g.transpose(dy, &perm);
        let mut shape = swapped.shape.clone();
        shape[last] = size;
        let product = g.emit("MatMul", &[&swapped, &ones], &[], shape);
        g.transpose(&product, &perm)
    }

    /// Position by position, which needs the least memory.
    fn by_addition(&self, g: &mut Builder, dy: &Value) -> Value {
        let index: Vec<_> = self.index.iter().map(|&i| i as i64).collect();
        let index = g.new_integers("index", &index);
        let mut x = dy.shape[1..].to_vec();
        x[self.axis - 1] = self.size;
        let dx = add_along(g, dy, &index, self.axis - 1, &x);
        g.split_rows(&dx, &x)
    }
}

/// The gradient of a tensor of shape `x` from the gradient `dy` of what a line of indices takes
/// from it along an axis.
fn add_along(g: &mut Builder, dy: &Value, index: &Value, axis: usize, x: &[usize]) -> Value {
    let count = index.shape[0];
    let mut line = vec![1; x.len()];
    line[axis] = count;
    let index = g.reshape(index, &line);
    let mut y = x.to_vec();
    y[axis] = count;
    let indices = g.expand(&index, &y);
    let positions = positions::of_elements(g, &indices, axis, x);
    positions::add_at(g, dy, &positions, x)
}

/// `y = x[indices] along an axis`, see [`Scatter`]
pub(super) fn gather(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let axis = axis(node, 0, x.len());
    let size = x[axis];
    let y = g.shape(&node.output[0]);
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y);
    let indices = g.input(node, 1);
    if g.constant(node, 1).is_err() {
        let count = indices.shape.iter().product();
        let index = g.reshape(&indices, &[count]);
        return Ok(vec![Some(add_along(g, &dy, &index, axis, &x))]);
    }
    let index = from_front(&g.integers(node, 1)?, size);
    // The axes of the indices, of which a scalar has none, are merged into one.
    let flat = [&[1], &x[..axis], &[index.len()], &x[axis + 1..]].concat();
    let dy = g.reshape(&dy, &flat);
    let scatter = Scatter {
        axis: axis + 1,
        index: &index,
        size,
    };
    let dx = scatter.gradient(g, &dy);
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// `y = x[indices], one index for each value of y, along an axis        dx[i] = Σ dy[j] over all j
/// with indices[j] = i`
pub(super) fn gather_elements(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, indices) = (g.shape(&node.input[0]), g.input(node, 1));
    let axis = axis(node, 0, x.len());
    let positions = positions::of_elements(g, &indices, axis, &x);
    let dy = g.expand_output(node, dy);
    Ok(vec![Some(positions::add_at(g, &dy, &positions, &x))])
}

/// `y = slices of x, one for each list of indices        dx = Σ dy at these slices`
pub(super) fn gather_slices(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, indices) = (g.shape(&node.input[0]), g.input(node, 1));
    let positions = usize::try_from(node.int("batch_dims", 0))
        .ok()
        .and_then(|batch| positions::of_slices(g, &indices, batch, &x))
        .ok_or_else(|| unsupported(node, "its indices or `batch_dims` do not fit its input"))?;
    let dy = g.expand_output(node, dy);
    Ok(vec![Some(positions::add_at(g, &dy, &positions, &x))])
}

/// `y = the k greatest or least x along an axis, at the places i        dx[i] = dy`, 0 elsewhere
pub(super) fn top(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let indices = g.extra_output(node, 1, y);
    let axis = axis(node, -1, x.len());
    let positions = positions::of_elements(g, &indices, axis, &x);
    let dy = g.expand_output(node, dy);
    Ok(vec![Some(positions::add_at(g, &dy, &positions, &x))])
}

/// `y = x on one side of a diagonal, 0 on the other        dx = dy`, likewise
pub(super) fn triangle(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &x);
    let diagonal = match node.input_name(1) {
        Some(k) => g.forward(k),
        None => Value::omitted(),
    };
    let side = [("upper", node.int("upper", 1).into())];
    let dx = g.emit("Trilu", &[&dy, &diagonal], &side, dy.shape.clone());
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// `y = x[start..end..step] along some axes        dx = dy at these positions, 0 elsewhere`
pub(super) fn slice(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let [starts, ends] = [g.integers(node, 1)?, g.integers(node, 2)?];
    let given = |i: usize| node.input_name(i).map(|_| g.integers(node, i)).transpose();
    let axes = given(3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let axes = from_front(&axes, x.len());
    let steps = given(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    let y = g.shape(&node.output[0]);
    let dy = g.expand_output(node, dy);
    let mut dx = g.split_rows(&dy, &y);
    for (((start, end), axis), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let index = slice_positions(start, end, step, x[axis] as i64);
        let scatter = Scatter {
            axis: axis + 1,
            index: &index,
            size: x[axis],
        };
        dx = scatter.gradient(g, &dx);
    }
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// The positions that a slice takes. Negative bounds count from the end, and bounds beyond the ends
/// are clamped (ONNX `Slice`).
fn slice_positions(start: i64, end: i64, step: i64, size: i64) -> Vec<usize> {
    let from_end = |bound: i64| {
        if bound < 0 {
            bound.saturating_add(size)
        } else {
            bound
        }
    };
    let (start, end) = (from_end(start), from_end(end));
    let mut positions = Vec::new();
    let (mut at, end) = if step > 0 {
        (start.clamp(0, size), end.clamp(0, size))
    } else {
        (start.clamp(0, size - 1), end.clamp(-1, size - 1))
    };
    while (step > 0 && at < end) || (step < 0 && at > end) {
        positions.push(at as usize);
        at = at.saturating_add(step);
    }
    positions
}

/// `y = x with a border        dx = dy without it`
///
/// A border of copies of x passes its gradient on to the values that were copied.
pub(super) fn pad(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let pads = g.integers(node, 1)?;
    let axes: Vec<_> = match node.input_name(3) {
        Some(_) => from_front(&g.integers(node, 3)?, x.len()),
        None => (0..x.len()).collect(),
    };
    let dy = g.expand_output(node, dy);
    let mut dx = g.split_rows(&dy, &y);
    let mode = node.string("mode", "constant");
    for (i, &axis) in axes.iter().enumerate() {
        let (before, after, size) = (pads[i], pads[axes.len() + i], x[axis] as i64);
        if (before, after) == (0, 0) {
            continue;
        }
        if mode == "constant" {
            let without_border = AxisPadding {
                axis: axis + 1,
                before: -before,
                after: -after,
            };
            dx = g.pad_axis(&dx, without_border, 0.0);
            continue;
        }
        let mut index = Vec::new();
        for position in -before..size + after {
            let source = border_source(mode, position, size)
                .ok_or_else(|| unsupported(node, &format!("mode '{mode}'")))?;
            index.push(source as usize);
        }
        let scatter = Scatter {
            axis: axis + 1,
            index: &index,
            size: x[axis],
        };
        dx = scatter.gradient(g, &dx);
    }
    Ok(vec![Some(g.reshape_to_gradient(&dx, &x))])
}

/// The position of x that is copied to `position`, which is outside 0..`size` in the border.
fn border_source(mode: &str, position: i64, size: i64) -> Option<i64> {
    match mode {
        "edge" => Some(position.clamp(0, size - 1)),
        "wrap" => Some(position.rem_euclid(size)),
        "reflect" => {
            let period = (2 * (size - 1)).max(1);
            let at = position.rem_euclid(period);
            Some(at.min(period - at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::slice_positions;

    #[test]
    fn slices_take_what_onnx_says() {
        assert_eq!(slice_positions(1, i64::MAX, 2, 6), [1, 3, 5]);
        assert_eq!(slice_positions(-3, -1, 1, 6), [3, 4]);
        assert_eq!(slice_positions(-1, i64::MIN, -2, 5), [4, 2, 0]);
        assert_eq!(slice_positions(9, -9, -1, 3), [2, 1, 0]);
        assert!(slice_positions(4, 2, 1, 6).is_empty());
    }
}
