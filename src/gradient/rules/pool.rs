//! Pools and means.

use super::super::builder::unsupported;
use super::window::{Window, integers};
use super::{Builder, Error, Grads, NodeProto, Value};

fn window(g: &Builder, node: &NodeProto) -> Result<Window, Error> {
    let kernel = node.ints("kernel_shape").ok_or_else(|| unsupported(node, "it has no kernel_shape"))?;
    let kernel: Vec<_> = kernel.iter().map(|&k| k as usize).collect();
    Window::of(g, node, &kernel)
}

/// `y = max over each window        dx[argmax] += dy`
///
/// The forward node tells where each maximum lies (`Indices`, the first one on a tie, as PyTorch does), so ties and
/// overlapping windows are exact. Indices are flat over [N, C, H, W]; they are taken back to one photo and moved on
/// by one photo's size for each seed row.
pub(super) fn max(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    if node.int("storage_order", 0) != 0 {
        return Err(unsupported(node, "storage_order 1"));
    }
    let (x, y) = (g.shape(&node.input[0]), g.output(node).shape);
    let dy = g.whole(dy, &y);
    let indices = g.second_output(node, "indices");
    let photo: usize = x[1..].iter().product();
    let photo = g.new_integer("photo", photo as i64);

    // rows = M, total = M · photo
    let rows = g.emit("Shape", &[&dy], &[("start", 0.into()), ("end", 1.into())], vec![1]);
    let total = g.emit("Mul", &[&rows, &photo], &[], vec![1]);
    let zeros = g.emit("ConstantOfShape", &[&total], &[], vec![0]);

    // index = local index + row · photo
    let zero = g.new_integer("zero", 0);
    let scalar = g.new_integers("scalar", &[]);
    let end = g.emit("Reshape", &[&total, &scalar], &[], vec![]);
    let starts = g.emit("Range", &[&zero, &end, &photo], &[], vec![1]);
    let starts = g.reshape(&starts, &vec![1; y.len()]);
    let local = g.emit("Mod", &[&indices, &photo], &[], y.clone());
    let index = g.add(&local, &starts);

    let index = g.reshape(&index, &[1]);
    let updates = g.reshape(&dy, &[1]);
    let attributes = [("axis", 0.into()), ("reduction", "add".into())];
    let sum = g.emit("ScatterElements", &[&zeros, &index, &updates], &attributes, vec![0]);
    Ok(vec![Some(g.reshape(&sum, &x))])
}

/// `y = Σ over each window / count        dx = Σ dy / count` over the windows that hold x
pub(super) fn average(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let window = window(g, node)?;
    let (x, y) = (g.shape(&node.input[0]), g.output(node).shape);
    let counts = counts(&window, node.int("count_include_pad", 0) != 0);
    let area: usize = window.kernel.iter().product();

    // One window over everything: the gradient is the same at every position.
    let axes = 0..window.x.len();
    let covers = |i| window.y[i] == 1 && window.dilations[i] == 1 && window.kernel[i] >= window.x[i] + window.begin[i];
    if axes.clone().all(covers) {
        return Ok(vec![Some(g.scale(dy, 1.0 / counts[0] as f32))]);
    }

    let dy = g.whole(dy, &y);
    // The adjoint of a sum over windows of stride 1 is such a sum again, so `AveragePool` serves for it.
    let again = window.dense()
        && window.dilations.iter().all(|&d| d == 1)
        && axes.clone().all(|i| window.begin[i] < window.kernel[i] && window.x[i] + window.begin[i] >= window.y[i]);
    let factor = if again { area as f32 } else { 1.0 };
    let factors: Vec<_> = counts.iter().map(|&n| factor / n as f32).collect();
    let dy = if factors.iter().all(|&f| f == 1.0) {
        dy
    } else {
        let factors = g.new_floats("factor", &y[2..], &factors);
        g.mul(&dy, &factors)
    };
    if again {
        let begin = axes.clone().map(|i| window.kernel[i] - 1 - window.begin[i]);
        let end = axes.map(|i| window.x[i] + window.begin[i] - window.y[i]);
        let pads: Vec<_> = begin.chain(end).collect();
        let attributes = [
            ("kernel_shape", integers(&window.kernel).into()),
            ("pads", integers(&pads).into()),
            ("count_include_pad", 1.into()),
        ];
        return Ok(vec![Some(g.emit("AveragePool", &[&dy], &attributes, x))]);
    }
    // Channels go where the photos are: one kernel of ones serves all.
    let planes: Vec<_> = [1, 1].into_iter().chain(y[2..].iter().copied()).collect();
    let dy = g.reshape(&dy, &planes);
    let kernel: Vec<_> = [1, 1].into_iter().chain(window.kernel.iter().copied()).collect();
    let ones = g.new_floats("ones", &kernel, &vec![1.0; area]);
    let planes = [1, 1].into_iter().chain(x[2..].iter().copied()).collect();
    let dx = g.emit("ConvTranspose", &[&dy, &ones], &window.transposed(), planes);
    Ok(vec![Some(g.reshape(&dx, &x))])
}

/// By how much each output position was divided: the positions of its window inside the picture, or inside the padded
/// picture (`count_include_pad`). What `ceil_mode` adds beyond the padding never counts.
fn counts(window: &Window, include_pad: bool) -> Vec<usize> {
    let mut counts = vec![1];
    for i in 0..window.x.len() {
        let (low, high) = match include_pad {
            true => (0, window.begin[i] + window.x[i] + window.end[i]),
            false => (window.begin[i], window.begin[i] + window.x[i]),
        };
        let inside = |o: usize| {
            let taps = (0..window.kernel[i]).map(|k| o * window.strides[i] + k * window.dilations[i]);
            taps.filter(|p| (low..high).contains(p)).count()
        };
        let axis: Vec<_> = (0..window.y[i]).map(inside).collect();
        counts = counts.iter().flat_map(|&n| axis.iter().map(move |&m| n * m)).collect();
    }
    counts
}

/// `y = mean over all positions        dx = dy / positions`, the same everywhere
pub(super) fn global_average(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let positions: usize = g.shape(&node.input[0])[2..].iter().product();
    Ok(vec![Some(g.scale(dy, 1.0 / positions as f32))])
}

/// `y = mean over some axes        dx = dy / (number of values)`, the same along these axes
pub(super) fn reduce_mean(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let x = g.shape(&node.input[0]);
    let rank = x.len() as i64;
    let axes: Vec<usize> = match node.input_name(1) {
        Some(_) => g.integers(node, 1)?.iter().map(|&a| a.rem_euclid(rank) as usize).collect(),
        None => vec![],
    };
    let axes = match axes.is_empty() && node.int("noop_with_empty_axes", 0) == 0 {
        true => (0..x.len()).collect(),
        false => axes,
    };
    if axes.contains(&0) {
        return Err(unsupported(node, "it takes the mean over photos"));
    }
    let count: usize = axes.iter().map(|&a| x[a]).product();
    let kept: Vec<_> = (0..x.len()).map(|i| if axes.contains(&i) { 1 } else { x[i] }).collect();
    let whole = g.output(node).shape;
    let dy = g.whole(dy, &whole);
    let dy = g.reshape(&dy, &kept);
    let mut grads = vec![Some(g.scale(&dy, 1.0 / count as f32))];
    grads.resize(node.input.len(), None);
    Ok(grads)
}
