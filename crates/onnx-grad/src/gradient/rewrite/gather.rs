//! Gathers of single positions, which transformers use to take one tensor apart, as a split.

use crate::gradient::prepare::Prepared;
use crate::gradient::probe::Facts;
use crate::onnx::Graph;
use crate::onnx::proto::{NodeProto, TensorProto};

/// Replaces the `Gather`s that take each position along an axis of one tensor (such as queries,
/// keys and values) by one `Split`. The gradient is then one `Concat`, and not a sum of tensors
/// that are mostly zero.
pub(super) fn merge_into_splits(prepared: &mut Prepared, facts: &mut Facts) {
    for family in families(prepared, facts) {
        replace_by_split(&family, prepared, facts);
    }
}

/// A `Gather` of a single position.
#[derive(PartialEq)]
struct Position {
    axis: i64,
    at: usize,
    /// The number of positions along the axis.
    size: usize,
}

/// The gathers of one tensor along one axis, one for each position, in order.
struct Family {
    axis: i64,
    members: Vec<NodeProto>,
}

/// The position that a node takes, if it is a `Gather` of a single one.
fn position(node: &NodeProto, facts: &Facts) -> Option<Position> {
    if node.op_type() != "Gather" || !node.domain().is_empty() {
        return None;
    }
    let index = facts
        .constants
        .get(node.input_name(1)?)
        .filter(|t| t.dims.is_empty())?;
    let x = facts.shapes.get(node.input_name(0)?)?;
    let axis = node.int("axis", 0).rem_euclid(x.len() as i64);
    let size = x[axis as usize];
    let at = index.integers().ok()?[0].rem_euclid(size as i64) as usize;
    Some(Position { axis, at, size })
}

/// All families of the graph, found by the gather of their first position.
fn families(prepared: &Prepared, facts: &Facts) -> Vec<Family> {
    let graph = prepared.graph();
    let index = Graph::new(graph);
    let mut families = Vec::new();
    for first in &graph.node {
        let Some(Position { axis, at: 0, size }) = position(first, facts) else {
            continue;
        };
        let member = |at: usize| {
            let wanted = Some(Position { axis, at, size });
            index
                .consumers(&first.input[0])
                .find(|node| position(node, facts) == wanted)
                .cloned()
        };
        let members: Vec<_> = (0..size).map_while(member).collect();
        if size > 1 && members.len() == size {
            families.push(Family { axis, members });
        }
    }
    families
}

/// Puts a `Split` in the place of the first member, and a `Squeeze` in the place of each.
fn replace_by_split(family: &Family, prepared: &mut Prepared, facts: &mut Facts) {
    let Family { axis, members } = family;
    let x = members[0].input[0].clone();
    let mut part_shape = facts.shapes[&x].clone();
    part_shape[*axis as usize] = 1;
    let parts: Vec<_> = members
        .iter()
        .map(|member| format!("fold/{}/part", member.output[0]))
        .collect();
    let axes = TensorProto::from_integers(&format!("{}/axes", parts[0]), &[1], &[*axis]);
    let attributes = [
        ("axis", (*axis).into()),
        ("num_outputs", (parts.len() as i64).into()),
    ];
    let mut split = NodeProto::new("Split", &[&x], &parts[0], &attributes);
    split.output.clone_from(&parts);
    let mut split = Some(split);
    let graph = prepared.graph_mut();
    for old in std::mem::take(&mut graph.node) {
        match members.iter().position(|member| *member == old) {
            Some(i) => {
                graph.node.extend(split.take());
                graph.node.push(NodeProto::new(
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
        .extend(parts.into_iter().map(|name| (name, part_shape.clone())));
    facts.constants.insert(axes.name().into(), axes.clone());
    graph.initializer.push(axes);
}
