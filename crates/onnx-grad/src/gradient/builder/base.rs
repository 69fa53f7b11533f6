//! What the builder knows of the forward half, and how it writes a node.

use std::collections::{HashMap, HashSet};

use super::value::{Value, broadcast, gradient_shape};
use crate::gradient::error::{GradientError, unsupported};
use crate::gradient::options::ReluRule;
use crate::gradient::probe::Facts;
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto};

/// The graph that is being written, and what is known of its forward half.
#[derive(Debug)]
pub(crate) struct Builder {
    /// Forward nodes, then backward nodes.
    pub(crate) nodes: Vec<NodeProto>,
    /// Weights, then new constants.
    pub(crate) weights: Vec<TensorProto>,
    /// How a gradient passes a ReLU.
    pub(crate) relu: ReluRule,
    /// Whether a rule has applied `relu`.
    pub(crate) found_relu: bool,
    /// Whether relevance has passed a weighted layer, the first of which makes the class scores.
    pub(crate) found_classifier: bool,
    /// What a user of the gradients should know.
    pub(crate) warnings: Vec<String>,
    /// What each user of a tensor contributes to its gradient.
    contributions: HashMap<String, Vec<Value>>,
    /// The shapes of forward tensors, and the constants.
    pub(crate) facts: Facts,
    /// The tensors between input and target.
    path: HashSet<String>,
    /// The nodes that make the forward tensors, by position in `nodes`.
    producers: HashMap<String, usize>,
    /// The tensor whose gradient is being propagated. New tensors are called
    /// `grad/<scope>/<operator>`.
    scope: String,
    /// How often each name has been given.
    name_counts: HashMap<String, usize>,
    /// The tensors that have a row for each row of the output gradient.
    pub(super) with_rows: HashSet<String>,
    /// Each product of a gradient and a forward tensor, with its two factors.
    pub(super) products: HashMap<String, Product>,
    /// The output gradient reshaped and scaled, masks among the scales: a channel in which the
    /// output gradient is 0 is 0 in all of these.
    pub(super) seeds: HashSet<String>,
}

/// The factors of a product.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    /// A gradient.
    pub(crate) dy: Value,
    /// A forward tensor.
    pub(crate) factor: Value,
}

impl Builder {
    pub(crate) fn new(
        nodes: Vec<NodeProto>,
        weights: Vec<TensorProto>,
        facts: Facts,
        path: HashSet<String>,
        relu: ReluRule,
    ) -> Self {
        let mut producers = HashMap::new();
        for (i, node) in nodes.iter().enumerate() {
            producers.extend(node.output.iter().map(|output| (output.clone(), i)));
        }
        Self {
            nodes,
            weights,
            relu,
            found_relu: false,
            found_classifier: false,
            warnings: Vec::new(),
            contributions: HashMap::new(),
            facts,
            path,
            producers,
            scope: String::new(),
            name_counts: HashMap::new(),
            with_rows: HashSet::new(),
            products: HashMap::new(),
            seeds: HashSet::new(),
        }
    }

    /// Names the tensors that follow after `scope`.
    pub(crate) fn enter(&mut self, scope: &str) {
        scope.clone_into(&mut self.scope);
    }

    /// Starts the backward half with `seed`, the gradient of the scores.
    pub(crate) fn start(&mut self, target: &str, seed: Value) {
        self.start_rows(&seed);
        self.seeds.insert(seed.name.clone());
        self.contribute(target, seed);
    }

    /// Marks a tensor with a row for each requested gradient.
    pub(crate) fn start_rows(&mut self, seed: &Value) {
        self.with_rows.insert(seed.name.clone());
    }

    /// Adds a warning, unless it has been given before.
    pub(crate) fn warn(&mut self, text: &str) {
        if !self.warnings.iter().any(|w| w == text) {
            self.warnings.push(text.into());
        }
    }

    // What is known of the forward half.

    /// Whether the gradient of `tensor` is needed, because it is on the path from input to target.
    pub(crate) fn needs_gradient(&self, tensor: &str) -> bool {
        self.path.contains(tensor)
    }

    /// The shape of a forward tensor.
    pub(crate) fn shape(&self, tensor: &str) -> Vec<usize> {
        let constant = || self.facts.constants.get(tensor).map(TensorProto::shape);
        self.facts
            .shapes
            .get(tensor)
            .cloned()
            .or_else(constant)
            .unwrap_or_default()
    }

    /// The shape of a forward tensor's gradient.
    pub(crate) fn gradient_shape(&self, tensor: &str) -> Vec<usize> {
        gradient_shape(&self.shape(tensor))
    }

    /// Whether a tensor does not depend on the image.
    pub(crate) fn is_constant(&self, tensor: &str) -> bool {
        !self.facts.shapes.contains_key(tensor)
    }

    /// Adds a constant that forward nodes can use.
    pub(crate) fn add_constant(&mut self, constant: TensorProto) {
        self.weights.push(constant.clone());
        self.facts
            .constants
            .insert(constant.name().to_owned(), constant);
    }

    /// Makes a new tensor known as one of the forward half.
    pub(crate) fn add_forward(&mut self, tensor: &Value) {
        self.facts
            .shapes
            .insert(tensor.name.clone(), tensor.shape.clone());
    }

    /// A forward tensor as a value.
    pub(crate) fn forward(&self, tensor: &str) -> Value {
        Value {
            name: tensor.into(),
            shape: self.shape(tensor),
        }
    }

    /// Input `i` of a forward node.
    pub(crate) fn input(&self, node: &NodeProto, i: usize) -> Value {
        self.forward(&node.input[i])
    }

    /// Output 0 of a forward node.
    pub(crate) fn output(&self, node: &NodeProto) -> Value {
        self.forward(&node.output[0])
    }

    /// Input `i` of `node` as a constant.
    ///
    /// # Errors
    /// If it is computed from the image.
    pub(crate) fn constant(
        &self,
        node: &NodeProto,
        i: usize,
    ) -> Result<&TensorProto, GradientError> {
        let name = node.input_name(i).unwrap_or_default();
        self.facts
            .constants
            .get(name)
            .ok_or_else(|| unsupported(node, &format!("input {i} is not constant")))
    }

    /// The numbers of a constant input.
    ///
    /// # Errors
    /// If it is computed from the image, or is not float32.
    pub(crate) fn floats(&self, node: &NodeProto, i: usize) -> Result<Vec<f32>, GradientError> {
        self.constant(node, i)?
            .floats()
            .map_err(|reason| unsupported(node, &reason))
    }

    /// The integers of a constant input.
    ///
    /// # Errors
    /// If it is computed from the image, or is not an integer tensor.
    pub(crate) fn integers(&self, node: &NodeProto, i: usize) -> Result<Vec<i64>, GradientError> {
        self.constant(node, i)?
            .integers()
            .map_err(|reason| unsupported(node, &reason))
    }

    /// Whether a node uses `tensor`.
    pub(crate) fn has_users(&self, tensor: &str) -> bool {
        let uses_it = |node: &NodeProto| node.input.iter().any(|name| name == tensor);
        self.nodes.iter().any(uses_it)
    }

    /// A forward node as it is in the graph, to be changed.
    pub(crate) fn producer(&mut self, node: &NodeProto) -> &mut NodeProto {
        &mut self.nodes[self.producers[&node.output[0]]]
    }

    /// Output `i` of a forward node, of the given shape. The output is added to the node if it was
    /// left out.
    pub(crate) fn extra_output(&mut self, node: &NodeProto, i: usize, shape: Vec<usize>) -> Value {
        let producer = self.producer(node);
        producer
            .output
            .resize(producer.output.len().max(i + 1), String::new());
        if producer.output[i].is_empty() {
            producer.output[i] = format!("grad/{}/output_{i}", node.output[0]);
        }
        Value {
            name: producer.output[i].clone(),
            shape,
        }
    }

    // Gradients of forward tensors.

    /// The gradient of a tensor, the sum of what all its users contributed, or `None` if the target
    /// does not depend on it.
    pub(crate) fn gradient(&mut self, tensor: &str) -> Option<Value> {
        let contributions = self.contributions.get(tensor)?.clone();
        let sum = match contributions.as_slice() {
            [one] => one.clone(),
            [a, b] => self.add(a, b),
            several => {
                let shape = several
                    .iter()
                    .fold(vec![], |shape, value| broadcast(&shape, &value.shape));
                self.emit("Sum", &several.iter().collect::<Vec<_>>(), &[], shape)
            }
        };
        self.contributions
            .insert(tensor.to_owned(), vec![sum.clone()]);
        Some(sum)
    }

    /// Adds to the gradient of a tensor.
    pub(crate) fn contribute(&mut self, tensor: &str, dx: Value) {
        self.contributions
            .entry(tensor.to_owned())
            .or_default()
            .push(dx);
    }

    // New constants and nodes.

    fn new_name(&mut self, what: &str) -> String {
        let name = format!("grad/{}/{what}", self.scope);
        let count = self.name_counts.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 {
            name
        } else {
            format!("{name}_{count}")
        }
    }

    /// A new float32 constant.
    pub(crate) fn new_floats(&mut self, what: &str, shape: &[usize], values: &[f32]) -> Value {
        let name = self.new_name(what);
        self.weights
            .push(TensorProto::from_floats(&name, shape, values));
        Value {
            name,
            shape: shape.into(),
        }
    }

    /// A new float32 scalar.
    pub(crate) fn scalar(&mut self, value: f32) -> Value {
        self.new_floats("constant", &[], &[value])
    }

    /// A new list of int64 constants.
    pub(crate) fn new_integers(&mut self, what: &str, values: &[i64]) -> Value {
        self.new_integer_tensor(what, &[values.len()], values)
    }

    /// A new int64 scalar.
    pub(crate) fn new_integer(&mut self, what: &str, value: i64) -> Value {
        self.new_integer_tensor(what, &[], &[value])
    }

    /// A new int64 constant.
    pub(crate) fn new_integer_tensor(
        &mut self,
        what: &str,
        shape: &[usize],
        values: &[i64],
    ) -> Value {
        let name = self.new_name(what);
        self.weights
            .push(TensorProto::from_integers(&name, shape, values));
        Value {
            name,
            shape: shape.into(),
        }
    }

    /// A new node with one output of the given shape.
    pub(crate) fn emit(
        &mut self,
        op: &str,
        inputs: &[&Value],
        attributes: &[(&str, AttributeProto)],
        shape: Vec<usize>,
    ) -> Value {
        let name = self.new_name(op);
        if inputs.iter().any(|v| self.with_rows.contains(&v.name)) {
            self.with_rows.insert(name.clone());
        }
        if inputs.first().is_some_and(|v| self.seeds.contains(&v.name))
            && ["Reshape", "Mul", "Div"].contains(&op)
        {
            self.seeds.insert(name.clone());
        }
        let inputs: Vec<_> = inputs.iter().map(|v| v.name.as_str()).collect();
        self.nodes
            .push(NodeProto::new(op, &inputs, &name, attributes));
        Value { name, shape }
    }
}
