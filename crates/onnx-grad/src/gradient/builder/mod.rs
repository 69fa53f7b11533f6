//! Writes the backward half: one method per operator that the rules use.
//!
//! Here is what the builder knows of the forward half, and how it writes a node; the operators are
//! in `elementwise` and `shape`.

mod elementwise;
mod shape;

use std::collections::{HashMap, HashSet};

use super::probe::Facts;
use super::{GradientError, ReluRule, unsupported};
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto};

/// A tensor of the graph with its shape.
///
/// A **gradient** has its rows, one per seed row, on its first axis, and they are written as 1 in
/// its shape. The gradient of a tensor [1, C, ...] is [rows, C, ...]: the rows stand where the
/// photo stood. Of any other tensor [A, ...], say the windows of a transformer, it is [rows, A,
/// ...]. [`Builder::row`] gives that shape. Either broadcasts against forward tensors as it is.
///
/// A gradient may have 1 where its tensor has more: it is the same all along that axis and is kept
/// small until somebody needs it whole ([`Builder::whole`]).
#[derive(Clone, Debug)]
pub struct Value {
    /// The tensor's name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// The graph that is being written, and what is known of the forward half.
#[derive(Debug)]
pub struct Builder {
    /// Forward nodes, then backward nodes.
    pub(super) nodes: Vec<NodeProto>,
    /// Weights, then new constants.
    pub(super) weights: Vec<TensorProto>,
    /// How a gradient passes a ReLU.
    pub relu: ReluRule,
    /// Whether there was one where that made a difference.
    pub met_relu: bool,
    /// What the user should know.
    pub(super) warnings: Vec<String>,
    /// What each user of a tensor contributes to its gradient.
    contributions: HashMap<String, Vec<Value>>,
    facts: Facts,
    /// The tensors between image and score.
    path: HashSet<String>,
    /// Makers of forward tensors, by position in `nodes`.
    makers: HashMap<String, usize>,
    /// Names are given as `grad/<scope>/<operator>`: a gradient is called after the tensor that it
    /// belongs to.
    scope: String,
    used: HashMap<String, usize>,
    /// The tensors that have a row for each row of the seed.
    rows: HashSet<String>,
    /// Products of a gradient and a forward tensor.
    products: HashMap<String, (Value, Value)>,
    /// The seed in other shapes and scaled, masks among the scales: what is 0 in all channels in
    /// which it is.
    seeds: HashSet<String>,
}

impl Builder {
    pub(super) fn new(
        nodes: Vec<NodeProto>,
        weights: Vec<TensorProto>,
        facts: Facts,
        path: HashSet<String>,
        relu: ReluRule,
    ) -> Self {
        let outputs = |(i, node): (usize, &NodeProto)| {
            node.output
                .iter()
                .map(move |o| (o.clone(), i))
                .collect::<Vec<_>>()
        };
        Self {
            makers: nodes.iter().enumerate().flat_map(outputs).collect(),
            nodes,
            weights,
            relu,
            met_relu: false,
            warnings: Vec::new(),
            contributions: HashMap::new(),
            facts,
            path,
            scope: String::new(),
            used: HashMap::new(),
            rows: HashSet::new(),
            products: HashMap::new(),
            seeds: HashSet::new(),
        }
    }

    pub(super) fn enter(&mut self, scope: &str) {
        scope.clone_into(&mut self.scope);
    }

    /// Starts the backward half from `seed`.
    pub(super) fn start(&mut self, target: &str, seed: Value) {
        self.rows.insert(seed.name.clone());
        self.seeds.insert(seed.name.clone());
        self.contribute(target, seed);
    }

    /// Tells the user something, once.
    pub fn warn(&mut self, text: &str) {
        if !self.warnings.iter().any(|w| w == text) {
            self.warnings.push(text.into());
        }
    }

    // What is known of the forward half.

    /// Whether a gradient for `tensor` is wanted: it lies between image and score.
    #[must_use]
    pub fn wants(&self, tensor: &str) -> bool {
        self.path.contains(tensor)
    }

    /// The shape of a forward tensor.
    #[must_use]
    pub fn shape(&self, tensor: &str) -> Vec<usize> {
        let constant = || self.facts.constants.get(tensor).map(TensorProto::shape);
        self.facts
            .shapes
            .get(tensor)
            .cloned()
            .or_else(constant)
            .unwrap_or_default()
    }

    /// The shape of a forward tensor's gradient.
    #[must_use]
    pub fn row(&self, tensor: &str) -> Vec<usize> {
        row(&self.shape(tensor))
    }

    /// A forward tensor as a value.
    #[must_use]
    pub fn forward(&self, tensor: &str) -> Value {
        Value {
            name: tensor.into(),
            shape: self.shape(tensor),
        }
    }

    /// Input `i` of a forward node.
    #[must_use]
    pub fn input(&self, node: &NodeProto, i: usize) -> Value {
        self.forward(&node.input[i])
    }

    /// Output 0 of a forward node.
    #[must_use]
    pub fn output(&self, node: &NodeProto) -> Value {
        self.forward(&node.output[0])
    }

    /// Input `i` of `node` as a constant.
    ///
    /// # Errors
    /// When it is computed from the image.
    pub fn constant(&self, node: &NodeProto, i: usize) -> Result<&TensorProto, GradientError> {
        let name = node.input_name(i).unwrap_or_default();
        self.facts
            .constants
            .get(name)
            .ok_or_else(|| unsupported(node, &format!("input {i} is not constant")))
    }

    /// The numbers of a constant input.
    ///
    /// # Errors
    /// When it is computed from the image, or not of type float32.
    pub fn floats(&self, node: &NodeProto, i: usize) -> Result<Vec<f32>, GradientError> {
        self.constant(node, i)?
            .floats()
            .map_err(|reason| unsupported(node, &reason))
    }

    /// The integers of a constant input.
    ///
    /// # Errors
    /// When it is computed from the image, or not an integer tensor.
    pub fn integers(&self, node: &NodeProto, i: usize) -> Result<Vec<i64>, GradientError> {
        self.constant(node, i)?
            .integers()
            .map_err(|reason| unsupported(node, &reason))
    }

    /// Output `i` of a forward node, of the given shape; added to it where it has none.
    pub fn extra_output(&mut self, node: &NodeProto, i: usize, shape: Vec<usize>) -> Value {
        let maker = &mut self.nodes[self.makers[&node.output[0]]];
        maker
            .output
            .resize(maker.output.len().max(i + 1), String::new());
        if maker.output[i].is_empty() {
            maker.output[i] = format!("grad/{}/output_{i}", node.output[0]);
        }
        Value {
            name: maker.output[i].clone(),
            shape,
        }
    }

    /// The gradient of a tensor, the sum of what all its users contributed, or `None` where nothing
    /// depends on it.
    pub fn gradient(&mut self, tensor: &str) -> Option<Value> {
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
    pub(super) fn contribute(&mut self, tensor: &str, dx: Value) {
        self.contributions
            .entry(tensor.to_owned())
            .or_default()
            .push(dx);
    }

    // New constants and nodes.

    fn name(&mut self, what: &str) -> String {
        let name = format!("grad/{}/{what}", self.scope);
        let count = self.used.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 {
            name
        } else {
            format!("{name}_{count}")
        }
    }

    /// A new float32 constant.
    pub fn new_floats(&mut self, what: &str, shape: &[usize], values: &[f32]) -> Value {
        let name = self.name(what);
        self.weights
            .push(TensorProto::from_floats(&name, shape, values));
        Value {
            name,
            shape: shape.into(),
        }
    }

    /// A new float32 scalar.
    pub fn scalar(&mut self, value: f32) -> Value {
        self.new_floats("constant", &[], &[value])
    }

    /// A new list of int64 constants.
    pub fn new_integers(&mut self, what: &str, values: &[i64]) -> Value {
        let name = self.name(what);
        self.weights
            .push(TensorProto::from_integers(&name, &[values.len()], values));
        Value {
            name,
            shape: vec![values.len()],
        }
    }

    /// A new int64 scalar.
    pub fn new_integer(&mut self, what: &str, value: i64) -> Value {
        let name = self.name(what);
        self.weights
            .push(TensorProto::from_integers(&name, &[], &[value]));
        Value {
            name,
            shape: vec![],
        }
    }

    /// A new node with one output of the given shape. An input without a name is one that is left
    /// out.
    pub fn emit(
        &mut self,
        op: &str,
        inputs: &[&Value],
        attributes: &[(&str, AttributeProto)],
        shape: Vec<usize>,
    ) -> Value {
        let name = self.name(op);
        if inputs.iter().any(|v| self.rows.contains(&v.name)) {
            self.rows.insert(name.clone());
        }
        if inputs.first().is_some_and(|v| self.seeds.contains(&v.name))
            && ["Reshape", "Mul", "Div"].contains(&op)
        {
            self.seeds.insert(name.clone());
        }
        let inputs: Vec<_> = inputs.iter().map(|v| v.name.as_str()).collect();
        self.nodes
            .push(NodeProto::of(op, &inputs, &name, attributes));
        Value { name, shape }
    }
}

/// The shape of the gradient of a tensor of shape `tensor`.
pub(super) fn row(tensor: &[usize]) -> Vec<usize> {
    if tensor.first() == Some(&1) {
        tensor.to_vec()
    } else {
        [&[1], tensor].concat()
    }
}

/// The shape of an elementwise result (numpy's broadcasting).
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| {
        if i + s.len() < rank {
            1
        } else {
            s[i + s.len() - rank]
        }
    };
    (0..rank).map(|i| at(a, i).max(at(b, i))).collect()
}
