//! Operators that take values from computed places, or put them there: `y[j] = x[p[j]]`, where x
//! and y are lines of values, and p are positions in x.

use crate::gradient::builder::{Builder, Value, to_i64};

/// `dx[p[j]] = Σ dy[j]`: the gradient of a tensor of shape `x`, from a gradient `dy` in its full
/// size.
///
/// Each row of the gradient has an x of its own: `position = p + row · (size of x)`.
pub(super) fn add_at(g: &mut Builder, dy: &Value, positions: &Value, x: &[usize]) -> Value {
    let (size, places) = (count(x), count(&positions.shape));
    let only_first = [("start", 0.into()), ("end", 1.into())];
    let rows = g.emit("Shape", &[dy], &only_first, vec![1]);
    let size = g.new_integer("size", size as i64);
    let total = g.emit("Mul", &[&rows, &size], &[], vec![1]);
    let zeros = g.emit("ConstantOfShape", &[&total], &[], vec![1]);
    let zero = g.new_integer("zero", 0);
    let none = g.new_integers("scalar", &[]);
    let end = g.emit("Reshape", &[&total, &none], &[], vec![]);
    let starts = g.emit("Range", &[&zero, &end, &size], &[], vec![1]);
    let starts = g.reshape(&starts, &[1, 1]);
    let local = g.reshape(positions, &[1, places]);
    let index = g.add(&local, &starts);
    let index = g.reshape(&index, &[places]);
    let updates = g.reshape(dy, &[places]);
    let attributes = [("axis", 0.into()), ("reduction", "add".into())];
    let inputs = [&zeros, &index, &updates];
    let sum = g.emit("ScatterElements", &inputs, &attributes, vec![1]);
    g.reshape_to_gradient(&sum, x)
}

/// `x[p[j]]` of a forward tensor or of a gradient in its full size, as a line [1, places]. The line
/// of a gradient has its rows.
pub(super) fn taken(g: &mut Builder, x: &Value, positions: &Value) -> Value {
    let places = count(&positions.shape);
    let x = g.reshape(x, &[1, count(&x.shape)]);
    let index = g.reshape(positions, &[places]);
    let along_line = [("axis", 1.into())];
    g.emit("Gather", &[&x, &index], &along_line, vec![1, places])
}

/// The positions in a tensor of shape `x` that `indices` take along an axis, as those of
/// `GatherElements` do.
pub(super) fn of_elements(g: &mut Builder, indices: &Value, axis: usize, x: &[usize]) -> Value {
    let (steps, elements) = (strides(x), strides(&indices.shape));
    let offsets: Vec<_> = (0..count(&indices.shape))
        .map(|j| {
            let along = |a: usize| j / elements[a] % indices.shape[a] * steps[a];
            (0..x.len())
                .filter(|&a| a != axis)
                .map(along)
                .sum::<usize>() as i64
        })
        .collect();
    let index = from_front(g, indices, &[x[axis]]);
    let step = g.new_integer("stride", steps[axis] as i64);
    let starts = g.binary("Mul", &index, &step);
    let offsets = g.new_integer_tensor("offset", &indices.shape, &offsets);
    g.add(&starts, &offsets)
}

/// The positions in a tensor of shape `x` that `indices` [.., k] take, as those of `GatherND` do:
/// each list of k numbers takes a slice of x. The first `batch` axes are common to both.
///
/// `None` if there are no such slices.
pub(super) fn of_slices(
    g: &mut Builder,
    indices: &Value,
    batch: usize,
    x: &[usize],
) -> Option<Value> {
    let (&depth, lists) = indices.shape.split_last()?;
    let end = batch.checked_add(depth).filter(|_| depth > 0)?;
    let (lists, width) = (count(lists), count(x.get(end..)?));
    let (entry, lists_of_entry) = (count(&x[batch..]), lists / count(&x[..batch]));
    let index = g.reshape(indices, &[lists, depth]);
    let index = from_front(g, &index, &x[batch..end]);
    let steps = g.new_integers("strides", &to_i64(&strides(x)[batch..end]));
    let parts = g.binary("Mul", &index, &steps);
    let starts = g.sum(&parts, &[1]);
    let offsets: Vec<_> = (0..lists * width)
        .map(|j| (j / width / lists_of_entry * entry + j % width) as i64)
        .collect();
    let offsets = g.new_integer_tensor("offset", &[lists, width], &offsets);
    Some(g.add(&starts, &offsets))
}

/// Indices counted from the front of axes of these sizes, as int64. ONNX counts negative ones from
/// the end.
fn from_front(g: &mut Builder, indices: &Value, sizes: &[usize]) -> Value {
    const INT64: i64 = 7;
    let shape = indices.shape.clone();
    let index = g.emit("Cast", &[indices], &[("to", INT64.into())], shape.clone());
    let sizes = g.new_integers("sizes", &to_i64(sizes));
    g.emit("Mod", &[&index, &sizes], &[], shape)
}

/// How far apart the values of neighbouring positions along each axis are.
fn strides(shape: &[usize]) -> Vec<usize> {
    (1..=shape.len()).map(|i| count(&shape[i..])).collect()
}

fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}
