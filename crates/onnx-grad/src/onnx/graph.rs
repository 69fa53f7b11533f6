//! Which nodes make and use a tensor.

use std::collections::HashMap;

use super::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

/// An index of a graph: nodes by the tensors that they make and use, weights by name.
#[derive(Debug)]
pub struct Graph<'a> {
    /// The graph itself. ONNX requires its nodes to be in topological order.
    pub proto: &'a GraphProto,
    producers: HashMap<&'a str, usize>,
    consumers: HashMap<&'a str, Vec<usize>>,
    initializers: HashMap<&'a str, &'a TensorProto>,
}

impl<'a> Graph<'a> {
    /// Indexes `proto`.
    #[must_use]
    pub fn new(proto: &'a GraphProto) -> Self {
        let mut producers = HashMap::new();
        let mut consumers: HashMap<_, Vec<_>> = HashMap::new();
        for (i, node) in proto.node.iter().enumerate() {
            producers.extend(
                node.output
                    .iter()
                    .filter(|name| !name.is_empty())
                    .map(|name| (name.as_str(), i)),
            );
            for name in node.input.iter().filter(|name| !name.is_empty()) {
                consumers.entry(name.as_str()).or_default().push(i);
            }
        }
        let initializers = proto.initializer.iter().map(|t| (t.name(), t)).collect();
        Self {
            proto,
            producers,
            consumers,
            initializers,
        }
    }

    /// The node that makes `tensor`, or `None` if it is an input or a weight.
    #[must_use]
    pub fn producer(&self, tensor: &str) -> Option<&'a NodeProto> {
        self.producers.get(tensor).map(|&i| &self.proto.node[i])
    }

    /// The nodes that use `tensor`, in graph order.
    pub fn consumers(&self, tensor: &str) -> impl Iterator<Item = &'a NodeProto> {
        self.consumers
            .get(tensor)
            .into_iter()
            .flatten()
            .map(|&i| &self.proto.node[i])
    }

    /// The weight called `tensor`, or `None` if there is none.
    #[must_use]
    pub fn initializer(&self, tensor: &str) -> Option<&'a TensorProto> {
        self.initializers.get(tensor).copied()
    }

    /// The inputs that a caller must provide. Old files also list the weights as inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &'a str> {
        self.proto
            .input
            .iter()
            .map(ValueInfoProto::name)
            .filter(|name| self.initializer(name).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_and_consumers_are_found() {
        let node =
            |op: &str, inputs: &[&str], output: &str| NodeProto::new(op, inputs, output, &[]);
        let input = |name: &str| ValueInfoProto {
            name: Some(name.into()),
            ..ValueInfoProto::default()
        };
        let proto = GraphProto {
            node: vec![
                node("Relu", &["x"], "a"),
                node("Add", &["a", "w"], "b"),
                node("Clip", &["a", "", "w"], "c"),
            ],
            initializer: vec![TensorProto::from_floats("w", &[], &[1.0])],
            input: vec![input("x"), input("w")],
            ..GraphProto::default()
        };
        let graph = Graph::new(&proto);
        assert_eq!(
            graph.inputs().collect::<Vec<_>>(),
            ["x"],
            "a weight listed as an input is not one"
        );
        assert_eq!(graph.producer("a").map(NodeProto::op_type), Some("Relu"));
        assert_eq!(
            graph
                .consumers("a")
                .map(NodeProto::op_type)
                .collect::<Vec<_>>(),
            ["Add", "Clip"]
        );
        assert!(graph.producer("w").is_none() && graph.consumers("").next().is_none());
        assert_eq!(
            proto.node[2].input_name(1),
            None,
            "an omitted input has an empty name"
        );
    }
}
