//! Tensors of the model that are called like one that the compiler makes get other names, so that no
//! model is refused for a name.

use std::collections::{HashMap, HashSet};

use super::graph::for_each_name;
use super::options::{ASKED, CLASSES, SEED};
use crate::onnx::proto::GraphProto;

/// What the names of inner tensors that the compiler makes begin with.
const PREFIXES: [&str; 8] = [
    "background/",
    "batch/",
    "dense/",
    "fold/",
    "grad/",
    "lift/",
    "outputs/",
    "shape/",
];

/// Whether the compiler has made the tensor: no tensor of a model keeps such a name.
pub(super) fn is_inner(tensor: &str) -> bool {
    PREFIXES.iter().any(|prefix| tensor.starts_with(prefix))
}

/// The name of the gradient with respect to a tensor.
pub(super) fn gradient_of(tensor: &str) -> String {
    format!("{tensor}_grad")
}

/// Renames the tensors that are called like an input, an output or an inner tensor of the gradient
/// model, except for the gradients. Returns the new names by the old ones.
pub(super) fn free_interface(graph: &mut GraphProto) -> HashMap<String, String> {
    rename(graph, |name| {
        name == SEED || name == CLASSES || ASKED.contains(&name) || is_inner(name)
    })
}

/// Renames the tensors that are called like the gradient with respect to one of `wrt`. Returns the
/// new names by the old ones.
pub(super) fn free_gradients(graph: &mut GraphProto, wrt: &[String]) -> HashMap<String, String> {
    let gradients: HashSet<_> = wrt.iter().map(|tensor| gradient_of(tensor)).collect();
    rename(graph, |name| gradients.contains(name))
}

/// Renames the tensors that `is_taken` by putting `own/` before their names, as often as it takes.
fn rename(graph: &mut GraphProto, is_taken: impl Fn(&str) -> bool) -> HashMap<String, String> {
    clear_node_names(graph, &is_taken);
    let mut names = HashSet::new();
    for_each_name(graph, &mut |name| {
        names.insert(name.clone());
    });
    let own = |name: &String| {
        let mut new = format!("own/{name}");
        while names.contains(&new) {
            new.insert_str(0, "own/");
        }
        (name.clone(), new)
    };
    let taken = names.iter().filter(|name| is_taken(name));
    let renamed: HashMap<_, _> = taken.map(own).collect();
    if !renamed.is_empty() {
        for_each_name(graph, &mut |name| {
            if let Some(new) = renamed.get(name) {
                name.clone_from(new);
            }
        });
    }
    renamed
}

/// Drops the names of nodes that are taken, also in subgraphs: two nodes must not have the same.
fn clear_node_names(graph: &mut GraphProto, is_taken: &dyn Fn(&str) -> bool) {
    for node in &mut graph.node {
        if is_taken(node.name()) {
            node.name = None;
        }
        for attribute in &mut node.attribute {
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                clear_node_names(inner, is_taken);
            }
        }
    }
}
