//! The single positions that a transformer takes out of one tensor, as a split.

use super::{Facts, Prepared};
use crate::onnx::Graph;
use crate::onnx::proto::{NodeProto, TensorProto};

/// Writes the `Gather`s that take each position along an axis of one tensor (queries, keys and
/// values) as one `Split`: the gradient is then one `Concat`, and not a sum of tensors that are
/// mostly zero.
pub(super) fn as_splits(prepared: &mut Prepared, facts: &mut Facts) {
    let graph = prepared.graph();
    let index = Graph::new(graph);
    let position = |node: &NodeProto| {
        if node.op_type() != "Gather" || !node.domain().is_empty() {
            return None;
        }
        let single = facts
            .constants
            .get(node.input_name(1)?)
            .filter(|t| t.dims.is_empty())?;
        let x = facts.shapes.get(node.input_name(0)?)?;
        let axis = node.int("axis", 0).rem_euclid(x.len() as i64);
        let at = single.integers().ok()?[0].rem_euclid(x[axis as usize] as i64);
        Some((axis, at as usize, x[axis as usize]))
    };
    // The gathers of one tensor along one axis, where they are one for each position.
    let family = |first: &NodeProto| {
        let (axis, 0, size) = position(first)? else {
            return None;
        };
        let takes = |at: usize| {
            index
                .consumers(&first.input[0])
                .find(|node| position(node) == Some((axis, at, size)))
                .cloned()
        };
        let members: Vec<_> = (0..size).map_while(takes).collect();
        (size > 1 && members.len() == size).then_some((axis, members))
    };
    let families: Vec<_> = graph.node.iter().filter_map(family).collect();
    for (axis, members) in families {
        let x = members[0].input[0].clone();
        let mut part = facts.shapes[&x].clone();
        part[axis as usize] = 1;
        let parts: Vec<_> = members
            .iter()
            .map(|member| format!("fold/{}/part", member.output[0]))
            .collect();
        let axes = TensorProto::from_integers(&format!("{}/axes", parts[0]), &[1], &[axis]);
        let attributes = [
            ("axis", axis.into()),
            ("num_outputs", (parts.len() as i64).into()),
        ];
        let mut split = NodeProto::of("Split", &[&x], &parts[0], &attributes);
        split.output.clone_from(&parts);
        let mut split = Some(split);
        let graph = prepared.graph_mut();
        for old in std::mem::take(&mut graph.node) {
            match members.iter().position(|member| *member == old) {
                Some(i) => {
                    graph.node.extend(split.take());
                    graph.node.push(NodeProto::of(
                        "Squeeze",
                        &[&parts[i], axes.name()],
                        &old.output[0],
                        &[],
                    ));
                }
                None => graph.node.push(old),
            }
        }
        facts
            .shapes
            .extend(parts.into_iter().map(|name| (name, part.clone())));
        facts.constants.insert(axes.name().into(), axes.clone());
        graph.initializer.push(axes);
    }
}
