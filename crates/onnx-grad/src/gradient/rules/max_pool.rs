//! The maximum over windows.
//!
//! `y[o] = max over the window of o        dx[i] = Σ dy[o] over the windows whose first maximum is
//! at i`
//!
//! The first maximum in row-major order counts, as in PyTorch. Flat areas and pools of pools are
//! full of ties; if each of them counted, some gradients would be added many times. ONNX Runtime
//! reports the positions of the maxima (`Indices`), but its kernel then compares value by value and
//! is up to 80 times slower than the plain pool. Where a few plain operators find the same maxima
//! they are used instead.

use super::common::Grads;
use super::positions;
use super::window::Window;
use crate::gradient::builder::{AxisPadding, Builder, Value, to_i64};
use crate::gradient::error::unsupported;
use crate::onnx::proto::NodeProto;

/// The largest kernel for which whole tensors are compared position by position. With larger ones
/// `Indices` are faster.
const MAX_SLIDING_KERNEL: usize = 4;

pub(super) fn max(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    if node.int("storage_order", 0) != 0 {
        return Err(unsupported(node, "storage_order 1"));
    }
    let window = Window::from_pool(g, node)?;
    let pool = Pool {
        x: g.input(node, 0),
        y: g.output(node),
        window,
    };
    let dy = g.expand_output(node, dy);
    let dx = if pool.is_simple() && pool.tiles() {
        tiled(g, &pool, &dy)
    } else if pool.is_simple() && pool.slides_by_one() {
        sliding(g, &pool, &dy)
    } else {
        indexed(g, node, &dy)
    };
    Ok(vec![Some(dx)])
}

/// A pool with its input and output.
struct Pool {
    x: Value,
    y: Value,
    window: Window,
}

impl Pool {
    fn is_simple(&self) -> bool {
        self.x.shape[0] == 1 && self.window.dilations.iter().all(|&d| d == 1)
    }

    /// Whether the windows are two-dimensional and cover the image without gap and overlap.
    fn tiles(&self) -> bool {
        let w = &self.window;
        w.x.len() == 2
            && w.kernel == w.strides
            && w.begin.iter().all(|&pad| pad == 0)
            && (0..2).all(|i| w.x[i] == w.y[i] * w.kernel[i])
    }

    /// Whether the windows have stride 1 and are small.
    fn slides_by_one(&self) -> bool {
        let w = &self.window;
        w.unit_strides() && w.kernel.iter().all(|&k| k <= MAX_SLIDING_KERNEL)
    }
}

/// `E = [x = up y]        R = E · rank        dx = [R = up max R] · up dy`
///
/// Windows that tile the image: each position belongs to one window, and `up` gives it the value of
/// that window. Among the positions that equal the maximum, the first one wins, as the rank falls
/// from position to position of a window.
fn tiled(g: &mut Builder, pool: &Pool, dy: &Value) -> Value {
    let Pool { x, y, window } = pool;
    let (h, w) = (window.kernel[0], window.kernel[1]);
    let mut ranks = Vec::new();
    for row in 0..window.x[0] {
        for column in 0..window.x[1] {
            ranks.push((h * w - (row % h * w + column % w)) as f32);
        }
    }
    let rank = g.new_floats("rank", &window.x, &ranks);

    let up = [&[1, 1], &window.kernel[..]].concat();
    let equal = g.repeat(y, &up);
    let equal = g.equal(x, &equal);
    let ranked = g.mul(&equal, &rank);
    let attributes = [
        ("kernel_shape", to_i64(&window.kernel).into()),
        ("strides", to_i64(&window.strides).into()),
    ];
    let best = g.emit("MaxPool", &[&ranked], &attributes, y.shape.clone());
    let best = g.repeat(&best, &up);
    let first = g.equal(&ranked, &best);
    let dy = g.repeat(dy, &up);
    g.mul(&dy, &first)
}

/// Windows that slide by one, along one axis after the other. The maximum of a window is the
/// maximum of its rows' maxima, and its first maximum is the first one of the first such row.
/// Forward, the last axis comes first; backward, it comes last.
fn sliding(g: &mut Builder, pool: &Pool, dy: &Value) -> Value {
    let window = &pool.window;
    // maxima[i + 1] is the maximum of maxima[i] along an axis. The last one is y.
    let mut maxima = vec![pool.x.clone()];
    for i in (1..window.x.len()).rev() {
        let row_maxima = maxima_along(g, window, i, &maxima[maxima.len() - 1]);
        maxima.push(row_maxima);
    }
    maxima.push(pool.y.clone());
    let mut dy = dy.clone();
    for i in 0..window.x.len() {
        let place = maxima.len() - 2 - i;
        let axis = SlidingAxis::new(window, i);
        dy = axis.gradient(g, &maxima[place], &maxima[place + 1], &dy);
    }
    dy
}

/// The maxima over the windows' extent along spatial axis `i` alone.
fn maxima_along(g: &mut Builder, window: &Window, i: usize, x: &Value) -> Value {
    let only_along_i = |value: usize, other: i64| {
        let mut list = vec![other; window.x.len()];
        list[i] = value as i64;
        list
    };
    let after = window.y[i] + window.kernel[i] - 1 - window.x[i] - window.begin[i];
    let pads = [only_along_i(window.begin[i], 0), only_along_i(after, 0)].concat();
    let attributes = [
        ("kernel_shape", only_along_i(window.kernel[i], 1).into()),
        ("pads", pads.into()),
    ];
    let mut shape = x.shape.clone();
    shape[i + 2] = window.y[i];
    g.emit("MaxPool", &[x], &attributes, shape)
}

/// One spatial axis along which windows slide by one.
struct SlidingAxis {
    /// The axis of [N, C, ...].
    axis: usize,
    /// The size of the window.
    kernel: usize,
    /// Padding before the first position.
    begin: i64,
    /// By how many positions the output is longer than the input.
    growth: i64,
}

impl SlidingAxis {
    fn new(window: &Window, i: usize) -> Self {
        Self {
            axis: i + 2,
            kernel: window.kernel[i],
            begin: window.begin[i] as i64,
            growth: window.y[i] as i64 - window.x[i] as i64,
        }
    }

    /// `m_t = [x shifted by t = y] · Π_{u<t} (1 − m_u)        dx = Σ (dy · m_t) shifted back`
    ///
    /// The gradient of a window goes to its first position t that equals the maximum: m_t is 1
    /// where that is position t.
    fn gradient(&self, g: &mut Builder, x: &Value, y: &Value, dy: &Value) -> Value {
        // 1 for the windows whose maximum has not been found yet; `None` stands for all windows.
        let mut open: Option<Value> = None;
        let mut parts = Vec::new();
        for t in 0..self.kernel {
            let mask = match open.take() {
                // A maximum that has not been found before is at the last position.
                Some(open) if t + 1 == self.kernel => open,
                before => {
                    let shifted = g.pad_axis(x, self.shift(t), f32::MIN);
                    let equal = g.equal(&shifted, y);
                    let mask = match &before {
                        Some(before) => g.mul(&equal, before),
                        None => equal,
                    };
                    let before = before.unwrap_or_else(|| g.scalar(1.0));
                    open = Some(g.sub(&before, &mask));
                    mask
                }
            };
            let part = g.mul(dy, &mask);
            parts.push(self.shift_back(g, &part, t));
        }
        let shape = parts[0].shape.clone();
        g.emit("Sum", &parts.iter().collect::<Vec<_>>(), &[], shape)
    }

    /// Moves the value at position t of each window to the window's place in the output.
    fn shift(&self, t: usize) -> AxisPadding {
        let before = self.begin - t as i64;
        AxisPadding {
            axis: self.axis,
            before,
            after: self.growth - before,
        }
    }

    /// Moves values from the windows' places in the output back to their position t. If the size
    /// stays the same, they are moved as one line of memory: the values that would leave their row
    /// are zero, as no maximum is in the padding.
    fn shift_back(&self, g: &mut Builder, part: &Value, t: usize) -> Value {
        let AxisPadding {
            axis,
            before,
            after,
        } = self.shift(t);
        let (before, after) = (-before, -after);
        if before + after != 0 {
            let back = AxisPadding {
                axis,
                before,
                after,
            };
            return g.pad_axis(part, back, 0.0);
        }
        let line = g.reshape(part, &[1, part.shape[1..].iter().product()]);
        let step = before * part.shape[axis + 1..].iter().product::<usize>() as i64;
        let along_line = AxisPadding {
            axis: 1,
            before: step,
            after: -step,
        };
        let line = g.pad_axis(&line, along_line, 0.0);
        g.reshape(&line, &part.shape)
    }
}

/// Any other windows: `Indices` are the positions of the maxima in x.
fn indexed(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let (x, y) = (g.shape(&node.input[0]), g.shape(&node.output[0]));
    let indices = g.extra_output(node, 1, y);
    positions::add_at(g, dy, &indices, &x)
}
