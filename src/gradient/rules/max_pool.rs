//! The maximum over windows.
//!
//! `y[o] = max over the window of o        dx[i] = Σ dy[o] over the windows whose first maximum is at i`
//!
//! The first maximum in row-major order, as in PyTorch: flat areas and pools of pools are full of ties, and counting
//! a tie twice makes a white border shine 17-fold. ONNX Runtime tells where each maximum lies (`Indices`), but its
//! kernel then compares value by value, up to 80 times slower than the plain pool. So where a few plain operators find
//! the same maxima they are used instead.

use super::super::builder::unsupported;
use super::window::{Window, integers};
use super::{Builder, Grads, NodeProto, Value};
use crate::onnx::proto::AttributeProto;

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
        window.kernel[i] == window.strides[i] && window.begin[i] == 0 && window.x[i] == window.y[i] * window.kernel[i]
    });
    let dx = if simple && tiles && window.x.len() == 2 {
        tiled(g, &window, &x, &y, &dy)
    } else if simple && window.dense() {
        sliding(g, &window, &x, &y, &dy)
    } else {
        indexed(g, node, &dy)
    };
    Ok(vec![Some(dx)])
}

/// Windows that tile the image: each position has one window, whose maximum is brought back to it. Among the positions
/// that equal it, the first in their window wins the maximum of a rank that falls from position to position.
///
/// `E = [x = up y]        R = E · rank        dx = [R = up max R] · up dy`
fn tiled(g: &mut Builder, window: &Window, x: &Value, y: &Value, dy: &Value) -> Value {
    let [h, w] = [window.kernel[0], window.kernel[1]];
    let rank = |(row, column): (usize, usize)| (h * w - (row % h * w + column % w)) as f32;
    let positions = (0..window.x[0]).flat_map(|row| (0..window.x[1]).map(move |column| (row, column)));
    let rank = g.new_floats("rank", &window.x, &positions.map(rank).collect::<Vec<_>>());

    let equal = up(g, window, y);
    let equal = g.equal(x, &equal);
    let ranked = g.mul(&equal, &rank);
    let attributes = [("kernel_shape", integers(&window.kernel).into()), ("strides", integers(&window.strides).into())];
    let best = g.emit("MaxPool", &[&ranked], &attributes, y.shape.clone());
    let best = up(g, window, &best);
    let first = g.equal(&ranked, &best);
    let dy = up(g, window, dy);
    g.mul(&dy, &first)
}

/// Each value repeated over its window.
fn up(g: &mut Builder, window: &Window, a: &Value) -> Value {
    let scales: Vec<_> = [1.0, 1.0].into_iter().chain(window.kernel.iter().map(|&k| k as f32)).collect();
    let scales = g.new_floats("scales", &[scales.len()], &scales);
    let none = Value { name: String::new(), shape: vec![] };
    let attributes = [("coordinate_transformation_mode", "asymmetric".into()), ("nearest_mode", "floor".into())];
    let shape = [&a.shape[..2], &window.x[..]].concat();
    g.emit("Resize", &[a, &none, &scales], &attributes, shape)
}

/// Windows that slide by one: along one axis after the other, the last first, as the maximum of a window is the maximum
/// of its rows' maxima, and its first maximum lies first in the first such row.
fn sliding(g: &mut Builder, window: &Window, x: &Value, y: &Value, dy: &Value) -> Value {
    // The maxima after each axis, up to y.
    let mut maxima = vec![x.clone()];
    for i in (1..window.x.len()).rev() {
        let only = |n: usize, other: i64| {
            let list: Vec<i64> = (0..window.x.len()).map(|j| if i == j { n as i64 } else { other }).collect();
            list
        };
        let pads = [only(window.begin[i], 0), only(after(window, i), 0)].concat();
        let attributes: [(&str, AttributeProto); 2] =
            [("kernel_shape", only(window.kernel[i], 1).into()), ("pads", pads.into())];
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

/// The padding after the last position that the shapes show.
fn after(window: &Window, i: usize) -> usize {
    window.y[i] + window.kernel[i] - 1 - window.x[i] - window.begin[i]
}

/// One axis: the gradient goes to the first position of the window, of those left, that equals the maximum.
///
/// `dy_t = rest · [x shifted by t = y]        rest −= dy_t        dx = Σ dy_t shifted back`
fn slid(g: &mut Builder, window: &Window, i: usize, [x, y]: [&Value; 2], dy: &Value) -> Value {
    let (kernel, longer) = (window.kernel[i], window.y[i] as i64 - window.x[i] as i64);
    let (mut rest, mut dx) = (dy.clone(), None);
    for t in 0..kernel {
        let offset = window.begin[i] as i64 - t as i64;
        let part = if t + 1 == kernel {
            rest.clone()
        } else {
            let shifted = g.shifted(x, i + 2, offset, longer - offset, f32::MIN);
            let equal = g.equal(&shifted, y);
            let part = g.mul(&rest, &equal);
            rest = g.sub(&rest, &part);
            part
        };
        let part = g.shifted(&part, i + 2, -offset, offset - longer, 0.0);
        dx = Some(match dx {
            Some(sum) => g.add(&sum, &part),
            None => part,
        });
    }
    dx.expect("a window has a position")
}

/// Any other windows: `Indices` are flat over the whole of x, and each row of the gradient has its own x.
fn indexed(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let dy = g.apart(dy, &y);
    let indices = g.extra_output(node, 1, y.clone());
    let (size, places) = (x.iter().product::<usize>(), y.iter().product::<usize>());

    // index = indices + row · size
    let rows = g.emit("Shape", &[&dy], &[("start", 0.into()), ("end", 1.into())], vec![1]);
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
    let sum = g.emit("ScatterElements", &[&zeros, &index, &updates], &attributes, vec![1]);
    g.settle(&sum, &x)
}
