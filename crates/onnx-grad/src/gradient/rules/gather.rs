//! Operators that take values by position: each result is one value of the input, or zero.

use super::{Builder, GradientError, Grads, NodeProto, Value, axis, from_front, unsupported};

/// The largest matrix of zeros and ones that is made, in values.
const LARGEST: usize = 1 << 25;

/// `y = x[index] along an axis        dx[i] = Σ dy[j] over the j with index[j] = i`
///
/// `dy` is a gradient with its rows apart; `axis` counts with them. Where no position is taken
/// twice this is a gather too, from dy with a zero at its end.
fn scatter(
    g: &mut Builder,
    node: &NodeProto,
    dy: &Value,
    axis: usize,
    index: &[usize],
    size: usize,
) -> Result<Value, GradientError> {
    let mut shape = dy.shape.clone();
    shape[axis] = size;
    // Positions from..from + n are a part as it is.
    if index.windows(2).all(|pair| pair[1] == pair[0] + 1) && !index.is_empty() {
        return Ok(g.shifted(
            dy,
            axis,
            index[0] as i64,
            (size - index[0] - index.len()) as i64,
            0.0,
        ));
    }
    let mut taken_by = vec![vec![]; size];
    index
        .iter()
        .enumerate()
        .for_each(|(j, &i)| taken_by[i].push(j));
    let most = taken_by.iter().map(Vec::len).max().unwrap_or_default();
    if most <= 1 {
        let with_zero = g.shifted(dy, axis, 0, 1, 0.0);
        let inverse: Vec<_> = taken_by
            .iter()
            .map(|js| js.first().map_or(index.len(), |&j| j) as i64)
            .collect();
        let inverse = g.new_integers("inverse", &inverse);
        return Ok(g.emit(
            "Gather",
            &[&with_zero, &inverse],
            &[("axis", (axis as i64).into())],
            shape,
        ));
    }
    if index.len() * size > LARGEST {
        let reason = format!(
            "it takes {} of {size} positions, some more than once",
            index.len()
        );
        return Err(unsupported(node, &reason));
    }
    // Otherwise a product with the matrix that has a 1 at [j, index[j]].
    let mut ones = vec![0.0; index.len() * size];
    index
        .iter()
        .enumerate()
        .for_each(|(j, &i)| ones[j * size + i] = 1.0);
    let ones = g.new_floats("one_hot", &[index.len(), size], &ones);
    let mut perm: Vec<_> = (0..shape.len()).collect();
    let last = perm.len() - 1;
    perm.swap(axis, last);
    let turned = g.transpose(dy, &perm);
    let mut product = turned.shape.clone();
    product[last] = size;
    let product = g.emit("MatMul", &[&turned, &ones], &[], product);
    Ok(g.transpose(&product, &perm))
}

/// `y = x[indices] along an axis        dx = Σ of the dy that came from each position`
pub(super) fn gather(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let axis = axis(node, 0, x.len());
    let size = x[axis];
    let index = from_front(&g.integers(node, 1)?, size);
    let y = g.shape(&node.output[0]);
    let dy = g.whole_output(node, dy);
    let dy = g.apart(&dy, &y);
    // The axes of the indices, none for a single one, as one.
    let flat = [&[1], &x[..axis], &[index.len()], &x[axis + 1..]].concat();
    let dy = g.reshape(&dy, &flat);
    let dx = scatter(g, node, &dy, axis + 1, &index, size)?;
    Ok(vec![Some(g.settle(&dx, &x))])
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
    let dy = g.whole_output(node, dy);
    let mut dx = g.apart(&dy, &y);
    for (((start, end), axis), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let index = positions(start, end, step, x[axis] as i64);
        dx = scatter(g, node, &dx, axis + 1, &index, x[axis])?;
    }
    Ok(vec![Some(g.settle(&dx, &x))])
}

/// The positions that a slice takes (ONNX `Slice`: negative bounds count from the end, others are
/// clamped).
fn positions(start: i64, end: i64, step: i64, size: i64) -> Vec<usize> {
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

/// `y = x with a border        dx = dy without it`; a border copied from x gives its gradient back
pub(super) fn pad(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let given = g.integers(node, 1)?;
    let axes: Vec<_> = match node.input_name(3) {
        Some(_) => from_front(&g.integers(node, 3)?, x.len()),
        None => (0..x.len()).collect(),
    };
    let dy = g.whole_output(node, dy);
    let mut dx = g.apart(&dy, &y);
    let mode = node.string("mode", "constant");
    for (i, &axis) in axes.iter().enumerate() {
        let (before, after, size) = (given[i], given[axes.len() + i], x[axis] as i64);
        if (before, after) == (0, 0) {
            continue;
        }
        if mode == "constant" {
            dx = g.shifted(&dx, axis + 1, -before, -after, 0.0);
            continue;
        }
        let source = |position: i64| match mode {
            "edge" => Ok(position.clamp(0, size - 1)),
            "wrap" => Ok(position.rem_euclid(size)),
            "reflect" => {
                let period = (2 * (size - 1)).max(1);
                let at = position.rem_euclid(period);
                Ok(at.min(period - at))
            }
            other => Err(unsupported(node, &format!("mode '{other}'"))),
        };
        let index: Result<Vec<_>, _> = (-before..size + after)
            .map(|p| source(p).map(|i| i as usize))
            .collect();
        dx = scatter(g, node, &dx, axis + 1, &index?, x[axis])?;
    }
    Ok(vec![Some(g.settle(&dx, &x))])
}

#[cfg(test)]
mod tests {
    use super::positions;

    #[test]
    fn slices_take_what_onnx_says() {
        assert_eq!(positions(1, i64::MAX, 2, 6), [1, 3, 5]);
        assert_eq!(positions(-3, -1, 1, 6), [3, 4]);
        assert_eq!(positions(-1, i64::MIN, -2, 5), [4, 2, 0]);
        assert_eq!(positions(9, -9, -1, 3), [2, 1, 0]);
        assert!(positions(4, 2, 1, 6).is_empty());
    }
}
