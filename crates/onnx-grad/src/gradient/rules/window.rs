//! The sliding window that convolutions and pools share: its attributes with their ONNX defaults.

use crate::gradient::builder::{Builder, to_i64};
use crate::gradient::error::{GradientError, unsupported};
use crate::onnx::proto::{AttributeProto, NodeProto};

/// A window over the spatial axes. `auto_pad` is resolved to the padding that it stands for.
#[derive(Debug)]
pub(super) struct Window {
    /// The size of the window.
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    /// Padding before the first position of each axis.
    pub(super) begin: Vec<usize>,
    /// Padding after the last position of each axis, without what `ceil_mode` adds.
    pub(super) end: Vec<usize>,
    /// The spatial size of the input.
    pub(super) x: Vec<usize>,
    /// The spatial size of the output.
    pub(super) y: Vec<usize>,
}

impl Window {
    /// The window of a pool.
    pub(super) fn from_pool(g: &Builder, node: &NodeProto) -> Result<Self, GradientError> {
        let kernel = node
            .ints("kernel_shape")
            .ok_or_else(|| unsupported(node, "it has no kernel_shape"))?;
        let kernel: Vec<_> = kernel.iter().map(|&k| k as usize).collect();
        Self::new(g, node, &kernel)
    }

    /// The window of a `Conv` or a pool with a kernel of this size.
    pub(super) fn new(
        g: &Builder,
        node: &NodeProto,
        kernel: &[usize],
    ) -> Result<Self, GradientError> {
        let x = g.input(node, 0).shape[2..].to_vec();
        let y = g.output(node).shape[2..].to_vec();
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
                let reason = format!("pads {pads:?} are not supported");
                return Err(unsupported(node, &reason));
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
    /// Its result must have the size of the input: span − begin − end + output_padding = x
    pub(super) fn transposed(&self) -> Vec<(&'static str, AttributeProto)> {
        let surplus = |i: usize| (self.span(i) - self.begin[i]) as i64 - self.x[i] as i64;
        let rank = self.x.len();
        let end = (0..rank).map(|i| surplus(i).max(0));
        let pads: Vec<_> = self.begin.iter().map(|&p| p as i64).chain(end).collect();
        let output_padding: Vec<_> = (0..rank).map(|i| (-surplus(i)).max(0)).collect();
        vec![
            ("kernel_shape", to_i64(&self.kernel).into()),
            ("strides", to_i64(&self.strides).into()),
            ("dilations", to_i64(&self.dilations).into()),
            ("pads", pads.into()),
            ("output_padding", output_padding.into()),
        ]
    }
}
