//! What all other code assumes of a graph: nodes in order, and weights of the size that they
//! declare.

use std::collections::HashSet;

use super::proto::tensor_proto::{DataLocation, DataType};
use super::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

/// Checks the order of the nodes and the sizes of the weights, including those of subgraphs.
///
/// # Errors
/// A text that names the node or the tensor at fault.
pub fn check(graph: &GraphProto) -> Result<(), String> {
    check_nested(graph, &HashSet::new())
}

fn check_nested(graph: &GraphProto, outer: &HashSet<&str>) -> Result<(), String> {
    let (mut known, mut made) = (outer.clone(), HashSet::new());
    known.extend(graph.input.iter().map(ValueInfoProto::name));
    known.extend(graph.initializer.iter().map(TensorProto::name));
    known.extend(
        graph
            .sparse_initializer
            .iter()
            .filter_map(|sparse| Some(sparse.values.as_ref()?.name())),
    );
    graph.initializer.iter().try_for_each(check_size)?;
    for node in &graph.node {
        if let Some(name) = node
            .input
            .iter()
            .find(|name| !name.is_empty() && !known.contains(name.as_str()))
        {
            return Err(unknown_tensor(graph, node, name));
        }
        for attribute in &node.attribute {
            attribute
                .t
                .iter()
                .chain(&attribute.tensors)
                .try_for_each(check_size)?;
            attribute
                .g
                .iter()
                .chain(&attribute.graphs)
                .try_for_each(|inner| check_nested(inner, &known))?;
        }
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            if !made.insert(output.as_str()) {
                return Err(format!("two nodes make the tensor '{output}'"));
            }
            known.insert(output);
        }
    }
    Ok(())
}

/// The message for a node whose input `name` is not known before it.
fn unknown_tensor(graph: &GraphProto, node: &NodeProto, name: &str) -> String {
    let later = graph
        .node
        .iter()
        .any(|other| other.output.iter().any(|output| output == name));
    let why = if later {
        "which is made later: a cycle, or nodes out of order"
    } else {
        "which no node makes"
    };
    format!("node '{}' uses '{name}', {why}", node.label())
}

/// Checks that a tensor has as much data as its shape and type need.
fn check_size(tensor: &TensorProto) -> Result<(), String> {
    let Some(count) = tensor
        .dims
        .iter()
        .try_fold(1i64, |n, &d| if d < 0 { None } else { n.checked_mul(d) })
    else {
        return Err(format!(
            "tensor '{}' has the impossible shape {:?}",
            tensor.name(),
            tensor.dims
        ));
    };
    let bits = match DataType::try_from(tensor.data_type()) {
        Ok(DataType::Double | DataType::Int64 | DataType::Uint64 | DataType::Complex64) => 64,
        Ok(DataType::Float | DataType::Int32 | DataType::Uint32) => 32,
        Ok(DataType::Float16 | DataType::Bfloat16 | DataType::Int16 | DataType::Uint16) => 16,
        Ok(DataType::Int8 | DataType::Uint8 | DataType::Bool) => 8,
        // Packed and rare types are left to the runtime.
        _ => return Ok(()),
    };
    if tensor.data_location() == DataLocation::External {
        return Ok(());
    }
    let (have, want, unit) = if let Some(raw) = &tensor.raw_data {
        (raw.len() as i64, count.saturating_mul(bits / 8), "bytes")
    } else {
        let is_complex = tensor.data_type() == DataType::Complex64 as i32;
        let per_value = if is_complex { 2 } else { 1 };
        let have = longest_list(tensor) as i64;
        (have, count.saturating_mul(per_value), "values")
    };
    if have == want {
        return Ok(());
    }
    Err(format!(
        "tensor '{}' of shape {:?} has {have} {unit}, but needs {want}",
        tensor.name(),
        tensor.dims
    ))
}

/// The length of the list that holds the values of a tensor without raw data.
fn longest_list(tensor: &TensorProto) -> usize {
    let lengths = [
        tensor.float_data.len(),
        tensor.int32_data.len(),
        tensor.int64_data.len(),
        tensor.double_data.len(),
        tensor.uint64_data.len(),
    ];
    lengths.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(inputs: &[&str], output: &str) -> NodeProto {
        NodeProto::new("Add", inputs, output, &[])
    }

    #[test]
    fn contradictory_graphs_are_refused() {
        let weight = |dims: &[i64], bytes: usize| TensorProto {
            dims: dims.into(),
            ..TensorProto::from_raw("w", &[], DataType::Float, vec![0; bytes])
        };
        let cases = [
            (
                vec![node(&["w", "b"], "a"), node(&["a", "w"], "b")],
                weight(&[2], 8),
                "uses 'b', which is made later",
            ),
            (
                vec![node(&["w", "gone"], "a")],
                weight(&[2], 8),
                "uses 'gone', which no node makes",
            ),
            (
                vec![node(&["w"], "a"), node(&["a"], "a")],
                weight(&[2], 8),
                "two nodes make the tensor 'a'",
            ),
            (vec![], weight(&[3], 8), "has 8 bytes, but needs 12"),
            (vec![], weight(&[-1], 0), "impossible shape [-1]"),
            (vec![], weight(&[1 << 40, 1 << 40], 0), "impossible shape"),
        ];
        for (node, tensor, expected) in cases {
            let graph = GraphProto {
                node,
                initializer: vec![tensor],
                ..GraphProto::default()
            };
            let message = check(&graph).expect_err(expected);
            assert!(message.contains(expected), "{message}");
        }
        let good = vec![node(&["w", ""], "a"), node(&["a", "w"], "b")];
        let graph = GraphProto {
            node: good,
            initializer: vec![weight(&[2], 8)],
            ..GraphProto::default()
        };
        assert_eq!(check(&graph), Ok(()));
    }
}
