//! The score of a background class, which is not one of the classes that a model is used for.

use super::options::Background;
use super::prepare::Prepared;
use crate::onnx::proto::{NodeProto, TensorProto};

/// Appends nodes that leave out the first or the last score. The target becomes the tensor of the
/// others, [1, classes]. In the fully convolutional form, axis 1 is that of the classes too.
pub(super) fn leave_out(prepared: &mut Prepared, background: Background) {
    let (flat, scores) = ("background/flat", "background/scores");
    let bounds = match background {
        Background::First => [1, i64::MAX],
        Background::Last => [0, -1],
    };
    let target = std::mem::replace(&mut prepared.target, scores.to_owned());
    prepared.scores = scores.to_owned();
    let graph = prepared.graph_mut();
    let names = ["start", "end", "axis"].map(|name| format!("background/{name}"));
    for (name, value) in names.iter().zip([bounds[0], bounds[1], 1]) {
        let weight = TensorProto::from_integers(name, &[1], &[value]);
        graph.initializer.push(weight);
    }
    let [start, end, axis] = names.each_ref().map(String::as_str);
    graph.node.extend([
        NodeProto::new("Flatten", &[&target], flat, &[("axis", 0.into())]),
        NodeProto::new("Slice", &[flat, start, end, axis], scores, &[]),
    ]);
}
