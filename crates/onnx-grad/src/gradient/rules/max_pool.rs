//! The maximum over windows.
//!
//! `y[o] = max over the window of o        dx[i] = Σ dy[o] over the windows whose first maximum is
//! at i`
//!
//! The first maximum in row-major order, as in PyTorch: flat areas and pools of pools are full of
//! ties, and counting a tie twice makes a white border shine 17-fold. ONNX Runtime tells where each
//! maximum lies (`Indices`), but its kernel then compares value by value, up to 80 times slower
//! than the plain pool. So where a few plain operators find the same maxima they are used instead.

use super::window::{Window, integers};
use super::{Builder, Grads, NodeProto, Value, unsupported};

/// The largest kernel for which comparing whole tensors place by place is the faster way.
const LARGEST: usize = 4;

pub(super) fn max(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    if node.int("storage_order", 0) != 0 {
        return Err(unsupported(node, "storage_order 1"));
    }
    let window = Window::pool(g, node)?;
    let (x, y) = (g.input(node, 0), g.output(node));
    let dy = g.whole_output(node, dy);
    let axes = 0..window.x.len();
    let simple = x.shape[0] == 1 && window.dilations.iter().all(|&d| d == 1);
    let tiles = axes.clone().all(|i| {
        window.kernel[i] == window.strides[i]
            && window.begin[i] == 0
            && window.x[i] == window.y[i] * window.kernel[i]
    });
    let dx = if simple && tiles && window.x.len() == 2 {
        tiled(g, &window, &x, &y, &dy)
    } else if simple && window.unit_strides() && window.kernel.iter().all(|&k| k <= LARGEST) {
        sliding(g, &window, &x, &y, &dy)
    } else {
        indexed(g, node, &dy)
    };
    Ok(vec![Some(dx)])
}

/// Windows that tile the image: each position has one window, whose maximum is brought back to it.
/// Among the positions that equal it, the first in their window wins the maximum of a rank that
/// falls from position to position.
///
/// `E = [x = up y]        R = E · rank        dx = [R = up max R] · up dy`
fn tiled(g: &mut Builder, window: &Window, x: &Value, y: &Value, dy: &Value) -> Value {
    let [h, w] = [window.kernel[0], window.kernel[1]];
    let rank = |(row, column): (usize, usize)| (h * w - (row % h * w + column % w)) as f32;
    let positions =
        (0..window.x[0]).flat_map(|row| (0..window.x[1]).map(move |column| (row, column)));
    let rank = g.new_floats("rank", &window.x, &positions.map(rank).collect::<Vec<_>>());

    let up = [&[1, 1], &window.kernel[..]].concat();
    let equal = g.repeated(y, &up);
    let equal = g.equal(x, &equal);
    let ranked = g.mul(&equal, &rank);
    let attributes = [
        ("kernel_shape", integers(&window.kernel).into()),
        ("strides", integers(&window.strides).into()),
    ];
    let best = g.emit("MaxPool", &[&ranked], &attributes, y.shape.clone());
    let best = g.repeated(&best, &up);
    let first = g.equal(&ranked, &best);
    let dy = g.repeated(dy, &up);
    g.mul(&dy, &first)
}

/// Windows that slide by one: along one axis after the other, the last first, as the maximum of a
/// window is the maximum of its rows' maxima, and its first maximum lies first in the first such
/// row.
fn sliding(g: &mut Builder, window: &Window, x: &Value, y: &Value, dy: &Value) -> Value {
    // The maxima after each axis, up to y.
    let mut maxima = vec![x.clone()];
    for i in (1..window.x.len()).rev() {
        let only = |n: usize, other: i64| {
            (0..window.x.len())
                .map(|j| if i == j { n as i64 } else { other })
                .collect::<Vec<_>>()
        };
        let after = window.y[i] + window.kernel[i] - 1 - window.x[i] - window.begin[i];
        let pads = [only(window.begin[i], 0), only(after, 0)].concat();
        let attributes = [
            ("kernel_shape", only(window.kernel[i], 1).into()),
            ("pads", pads.into()),
        ];
        let last = &maxima[maxima.len() - 1];
        let mut shape = last.shape.clone();
        shape[i + 2] = window.y[i];
        maxima.push(g.emit("MaxPool", &[last], &attributes, shape));
    }
    maxima.push(y.clone());
    let mut dy = dy.clone();
    for i in 0..window.x.len() {
        let place = maxima.len() - 2 - i;
        dy = slid(g, window, i, [&maxima[place], &maxima[place + 1]], &dy);
    }
    dy
}

/// One axis: the gradient goes to the first position of the window that equals the maximum.
///
/// `m_t = [x shifted by t = y] · Π_{u<t} (1 − m_u)        dx = Σ (dy · m_t) shifted back`
fn slid(g: &mut Builder, window: &Window, i: usize, [x, y]: [&Value; 2], dy: &Value) -> Value {
    let (kernel, longer) = (window.kernel[i], window.y[i] as i64 - window.x[i] as i64);
    let mut left: Option<Value> = None;
    let mut parts = Vec::new();
    for t in 0..kernel {
        let offset = window.begin[i] as i64 - t as i64;
        let mask = match left.take() {
            // Whatever is left belongs to the last position.
            Some(left) if t + 1 == kernel => left,
            before => {
                let shifted = g.shifted(x, i + 2, offset, longer - offset, f32::MIN);
                let equal = g.equal(&shifted, y);
                let mask = before
                    .as_ref()
                    .map_or(equal.clone(), |left| g.mul(&equal, left));
                let others = before.unwrap_or_else(|| g.scalar(1.0));
                left = Some(g.sub(&others, &mask));
                mask
            }
        };
        let part = g.mul(dy, &mask);
        parts.push(moved(g, &part, i + 2, [-offset, offset - longer]));
    }
    let shape = parts[0].shape.clone();
    g.emit("Sum", &parts.iter().collect::<Vec<_>>(), &[], shape)
}

/// A part moved back to where it belongs. Nothing in it would leave the image, so where the size
/// stays it is moved as one line of memory.
fn moved(g: &mut Builder, part: &Value, axis: usize, [before, after]: [i64; 2]) -> Value {
    if before + after != 0 {
        return g.shifted(part, axis, before, after, 0.0);
    }
    let line = g.reshape(part, &[1, part.shape[1..].iter().product()]);
    let step = before * part.shape[axis + 1..].iter().product::<usize>() as i64;
    let line = g.shifted(&line, 1, step, -step, 0.0);
    g.reshape(&line, &part.shape)
}

/// Any other windows: `Indices` are flat over the whole of x, and each row of the gradient has its
/// own x.
fn indexed(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let dy = g.apart(dy, &y);
    let indices = g.extra_output(node, 1, y.clone());
    let (size, places) = (x.iter().product::<usize>(), y.iter().product::<usize>());

    // index = indices + row · size
    let rows = g.emit(
        "Shape",
        &[&dy],
        &[("start", 0.into()), ("end", 1.into())],
        vec![1],
    );
    let size = g.new_integer("size", size as i64);
    let total = g.emit("Mul", &[&rows, &size], &[], vec![1]);
    let zeros = g.emit("ConstantOfShape", &[&total], &[], vec![1]);
    let zero = g.new_integer("zero", 0);
    let none = g.new_integers("scalar", &[]);
    let end = g.emit("Reshape", &[&total, &none], &[], vec![]);
    let starts = g.emit("Range", &[&zero, &end, &size], &[], vec![1]);
    let starts = g.reshape(&starts, &[1, 1]);
    let flat = g.new_integers("flat", &[1, places as i64]);
    let local = g.emit("Reshape", &[&indices, &flat], &[], vec![1, places]);
    let index = g.add(&local, &starts);

    let line = g.new_integers("line", &[-1]);
    let index = g.emit("Reshape", &[&index, &line], &[], vec![places]);
    let updates = g.emit("Reshape", &[&dy, &line], &[], vec![places]);
    let attributes = [("axis", 0.into()), ("reduction", "add".into())];
    let sum = g.emit(
        "ScatterElements",
        &[&zeros, &index, &updates],
        &attributes,
        vec![1],
    );
    g.settle(&sum, &x)
}
