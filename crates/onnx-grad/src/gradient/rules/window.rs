//! The sliding window that convolutions and pools share: its attributes with their ONNX defaults.

use super::{Builder, GradientError, NodeProto, unsupported};

/// A window over the spatial axes, with the padding that the shapes show (`auto_pad` and
/// `ceil_mode` are resolved).
#[derive(Debug)]
pub(super) struct Window {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    /// Padding before the first position of each axis.
    pub(super) begin: Vec<usize>,
    /// Padding after the last position as the node states it; what `ceil_mode` adds is not in it.
    pub(super) end: Vec<usize>,
    /// Spatial sizes of the input and of the output.
    pub(super) x: Vec<usize>,
    pub(super) y: Vec<usize>,
}

impl Window {
    /// Reads the window of a pool.
    pub(super) fn pool(g: &Builder, node: &NodeProto) -> Result<Self, GradientError> {
        let kernel = node
            .ints("kernel_shape")
            .ok_or_else(|| unsupported(node, "it has no kernel_shape"))?;
        Self::of(
            g,
            node,
            &kernel.iter().map(|&k| k as usize).collect::<Vec<_>>(),
        )
    }

    /// Reads the window of a `Conv`, `MaxPool` or `AveragePool`.
    pub(super) fn of(
        g: &Builder,
        node: &NodeProto,
        kernel: &[usize],
    ) -> Result<Self, GradientError> {
        let (x, y) = (
            g.shape(&node.input[0])[2..].to_vec(),
            g.output(node).shape[2..].to_vec(),
        );
        let rank = x.len();
        let list = |name: &str, default| match node.ints(name) {
            Some(values) => values.iter().map(|&v| v.max(0) as usize).collect(),
            None => vec![default; rank],
        };
        let mut window = Self {
            kernel: kernel.to_vec(),
            strides: list("strides", 1),
            dilations: list("dilations", 1),
            begin: vec![0; rank],
            end: vec![0; rank],
            x,
            y,
        };
        if let Some(pads) = node.ints("pads") {
            if pads.iter().any(|&p| p < 0) || pads.len() != 2 * rank {
                return Err(unsupported(
                    node,
                    &format!("pads {pads:?} are not understood"),
                ));
            }
            window.begin = pads[..rank].iter().map(|&p| p as usize).collect();
            window.end = pads[rank..].iter().map(|&p| p as usize).collect();
        }
        // SAME_UPPER puts the odd pixel of padding at the end, SAME_LOWER at the beginning.
        let odd_at_begin = match node.string("auto_pad", "NOTSET") {
            "SAME_UPPER" => 0,
            "SAME_LOWER" => 1,
            _ => return Ok(window),
        };
        for i in 0..rank {
            let total = window.span(i).saturating_sub(window.x[i]);
            window.begin[i] = (total + odd_at_begin) / 2;
            window.end[i] = total - window.begin[i];
        }
        Ok(window)
    }

    /// How many input positions one window spans along axis `i`.
    pub(super) fn extent(&self, i: usize) -> usize {
        self.dilations[i] * (self.kernel[i] - 1) + 1
    }

    /// How many input positions all windows together span along axis `i`.
    fn span(&self, i: usize) -> usize {
        self.strides[i] * (self.y[i] - 1) + self.extent(i)
    }

    /// Whether every stride is 1.
    pub(super) fn unit_strides(&self) -> bool {
        self.strides.iter().all(|&s| s == 1)
    }

    /// The attributes of the `ConvTranspose` that is this window's adjoint.
    ///
    /// Its result must have the size x: span − begin − end' + output_padding = x.
    pub(super) fn transposed(&self) -> Vec<(&'static str, crate::onnx::proto::AttributeProto)> {
        let surplus = |i: usize| (self.span(i) - self.begin[i]) as i64 - self.x[i] as i64;
        let rank = self.x.len();
        let end = (0..rank).map(|i| surplus(i).max(0));
        let pads: Vec<_> = self.begin.iter().map(|&p| p as i64).chain(end).collect();
        let output_padding: Vec<_> = (0..rank).map(|i| (-surplus(i)).max(0)).collect();
        vec![
            ("kernel_shape", integers(&self.kernel).into()),
            ("strides", integers(&self.strides).into()),
            ("dilations", integers(&self.dilations).into()),
            ("pads", pads.into()),
            ("output_padding", output_padding.into()),
        ]
    }
}

pub(in crate::gradient) fn integers(values: &[usize]) -> Vec<i64> {
    values.iter().map(|&v| v as i64).collect()
}
