//! A local response normalisation as the convolution that it is.

use super::{Facts, Prepared};
use crate::onnx::proto::{NodeProto, TensorProto};

/// The band of a local response normalisation has this many squared weights at most.
pub(in crate::gradient) const MAX_CHANNELS: usize = 4096;

/// Writes `LRN` out: `yᵢ = xᵢ · sᵢ^−β, sᵢ = k + α/n · Σ x²ⱼ` over the n channels j around i.
///
/// The sum is a convolution of one pixel whose weights are a band. It stays in ONNX Runtime's
/// blocked layout, where `LRN` does not (192 channels at 56 x 56: 3 against 19 ms), and so does its
/// gradient, by the rules of its parts.
pub(super) fn as_convolutions(prepared: &mut Prepared, facts: &mut Facts) {
    let graph = prepared.graph_mut();
    for old in std::mem::take(&mut graph.node) {
        let shape = facts
            .shapes
            .get(old.input_name(0).unwrap_or_default())
            .cloned()
            .unwrap_or_default();
        let (channels, size) = match (
            old.op_type(),
            old.domain(),
            &shape[..],
            usize::try_from(old.int("size", 0)),
        ) {
            ("LRN", "", &[1, channels, _, _], Ok(size @ 1..=MAX_CHANNELS))
                if channels <= MAX_CHANNELS =>
            {
                (channels, size)
            }
            _ => {
                graph.node.push(old);
                continue;
            }
        };
        let [alpha, beta, k] = [("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)]
            .map(|(name, usual)| old.float(name, usual));
        let (before, after) = ((size - 1) / 2, size / 2);
        let weight = |i: usize, j: usize| {
            if i <= j + before && j <= i + after {
                alpha / size as f32
            } else {
                0.0
            }
        };
        let band: Vec<_> = (0..channels * channels)
            .map(|at| weight(at / channels, at % channels))
            .collect();
        let (x, y) = (&old.input[0], &old.output[0]);
        let name = |part: &str| format!("fold/{y}/{part}");
        let weights = [
            TensorProto::from_floats(&name("band"), &[channels, channels, 1, 1], &band),
            TensorProto::from_floats(&name("k"), &[channels], &vec![k; channels]),
            TensorProto::from_floats(&name("exponent"), &[], &[-beta]),
        ];
        let [square, sum, power] = ["square", "sum", "power"].map(name);
        graph.node.extend([
            NodeProto::of("Mul", &[x, x], &square, &[]),
            NodeProto::of(
                "Conv",
                &[&square, weights[0].name(), weights[1].name()],
                &sum,
                &[],
            ),
            NodeProto::of("Pow", &[&sum, weights[2].name()], &power, &[]),
            NodeProto::of("Mul", &[x, &power], y, &[]),
        ]);
        facts
            .shapes
            .extend([square, sum, power].map(|name| (name, shape.clone())));
        facts
            .constants
            .extend(weights.iter().map(|w| (w.name().to_owned(), w.clone())));
        graph.initializer.extend(weights);
    }
}
