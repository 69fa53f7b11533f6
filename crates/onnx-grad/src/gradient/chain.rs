//! The nodes on the path from input to target, each with its rule.

use std::collections::HashSet;

use super::error::{GradientError, MissingRule, unsupported};
use super::graph::varying;
use super::prepare::Prepared;
use super::rules::{self, Rule};
use crate::onnx::proto::NodeProto;

/// A node on the path from input to target, with the rule of its operator.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) node: NodeProto,
    pub(super) rule: &'static Rule,
}

/// The nodes on the path with their rules, from the target back.
pub(super) fn chain(
    prepared: &Prepared,
    path: &HashSet<String>,
) -> Result<Vec<Link>, GradientError> {
    let (wrt, target) = (&prepared.wrt, &prepared.target);
    if let Some(unrelated) = wrt.iter().find(|tensor| !path.contains(*tensor)) {
        return Err(GradientError::NoDependence {
            target: target.clone(),
            wrt: unrelated.clone(),
        });
    }
    let varying = varying(prepared.graph());
    let varies = |node: &NodeProto| node.input.iter().any(|name| varying.contains(name));
    let mut missing: Vec<MissingRule> = Vec::new();
    let mut chain = Vec::new();
    for node in prepared.graph().node.iter().rev() {
        let on_path = !rules::is_piecewise_constant(node)
            && node.output.iter().any(|name| path.contains(name))
            && node.input.iter().any(|name| path.contains(name));
        let is_hazard = is_loop(node) || is_sized_by_values(node) && varies(node);
        if !on_path && !is_hazard {
            continue;
        }
        let Some(rule) = rules::find(node) else {
            add_missing(&mut missing, node);
            continue;
        };
        if !rule.all_outputs && other_output_needed(node, prepared, path) {
            return Err(unsupported(
                node,
                "only its first output has a gradient rule",
            ));
        }
        chain.push(Link {
            node: node.clone(),
            rule,
        });
    }
    if missing.is_empty() {
        return Ok(chain);
    }
    missing.sort();
    Err(GradientError::NoRule {
        wrt: wrt.clone(),
        target: target.clone(),
        operators: missing,
    })
}

/// Whether a node is refused even if it is not on the path, because it could keep the probe from
/// ending.
pub(super) fn is_loop(node: &NodeProto) -> bool {
    matches!(node.op_type(), "If" | "Loop" | "Scan")
}

/// Whether a size depends on the values of the node's inputs. Where these vary with the image, the
/// probe's shapes would be wrong for other images, so the node is refused even if it is not on the
/// path. Exporters also write such nodes for what depends on shapes alone.
fn is_sized_by_values(node: &NodeProto) -> bool {
    matches!(node.op_type(), "NonZero" | "Compress" | "Unique")
}

fn add_missing(missing: &mut Vec<MissingRule>, node: &NodeProto) {
    let operator = match node.domain() {
        "" => node.op_type().to_owned(),
        domain => format!("{domain}:{}", node.op_type()),
    };
    let label = node.label().to_owned();
    match missing.iter_mut().find(|m| m.operator == operator) {
        Some(known) => known.nodes.push(label),
        None => missing.push(MissingRule {
            operator,
            nodes: vec![label],
        }),
    }
}

/// Whether the target depends on an output of `node` other than the first.
fn other_output_needed(node: &NodeProto, prepared: &Prepared, path: &HashSet<String>) -> bool {
    let others = &node.output[1..];
    let nodes = &prepared.graph().node;
    let is_used = || {
        nodes
            .iter()
            .any(|user| user.input.iter().any(|name| others.contains(name)))
    };
    others.iter().any(|name| path.contains(name))
        && (is_used() || others.contains(&prepared.target))
}
