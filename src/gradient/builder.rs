//! Writes the backward half: one method per operator that the rules use.

use std::collections::{HashMap, HashSet};

use super::Error;
use super::prepare::node;
use super::probe::Facts;
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto};

/// A tensor of the graph with its shape for one photo and one seed row.
///
/// The shape of a gradient may have 1 where its tensor has more: the gradient is the same all along that axis and is
/// kept small until somebody needs it whole ([`Builder::whole`]).
#[derive(Clone, Debug)]
pub struct Value {
    /// The tensor's name.
    pub name: String,
    /// Its shape; the first axis stands for photos or seed rows.
    pub shape: Vec<usize>,
}

/// The graph that is being written, and what is known of the forward half.
#[derive(Debug)]
pub struct Builder {
    /// Forward nodes, then backward nodes.
    pub(super) nodes: Vec<NodeProto>,
    /// Weights, then new constants.
    pub(super) weights: Vec<TensorProto>,
    facts: Facts,
    /// The tensors between image and score.
    path: HashSet<String>,
    /// Makers of forward tensors, by position in `nodes`.
    makers: HashMap<String, usize>,
    /// Names are given as `grad/<scope>/<operator>`: a gradient is called after the tensor that it belongs to.
    scope: String,
    used: HashMap<String, usize>,
}

impl Builder {
    pub(super) fn new(nodes: Vec<NodeProto>, weights: Vec<TensorProto>, facts: Facts, path: HashSet<String>) -> Self {
        let outputs =
            |(i, node): (usize, &NodeProto)| node.output.iter().map(move |o| (o.clone(), i)).collect::<Vec<_>>();
        let makers = nodes.iter().enumerate().flat_map(outputs).collect();
        Self { nodes, weights, facts, path, makers, scope: String::new(), used: HashMap::new() }
    }

    pub(super) fn enter(&mut self, scope: &str) {
        scope.clone_into(&mut self.scope);
    }

    /// Whether a gradient for `tensor` is wanted: it lies between image and score.
    #[must_use]
    pub fn wants(&self, tensor: &str) -> bool {
        self.path.contains(tensor)
    }

    /// The shape of a forward tensor for one photo.
    #[must_use]
    pub fn shape(&self, tensor: &str) -> Vec<usize> {
        let constant = || self.facts.constants.get(tensor).map(TensorProto::shape);
        self.facts.shapes.get(tensor).cloned().or_else(constant).unwrap_or_default()
    }

    /// A forward tensor as a value.
    #[must_use]
    pub fn forward(&self, tensor: &str) -> Value {
        Value { name: tensor.into(), shape: self.shape(tensor) }
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
    pub fn constant(&self, node: &NodeProto, i: usize) -> Result<&TensorProto, Error> {
        let name = node.input_name(i).unwrap_or_default();
        self.facts.constants.get(name).ok_or_else(|| unsupported(node, &format!("input {i} is not constant")))
    }

    /// The numbers of a constant input.
    ///
    /// # Errors
    /// When it is computed from the image, or not of type float32.
    pub fn floats(&self, node: &NodeProto, i: usize) -> Result<Vec<f32>, Error> {
        self.constant(node, i)?.floats().map_err(|reason| unsupported(node, &reason))
    }

    /// The integers of a constant input.
    ///
    /// # Errors
    /// When it is computed from the image, or not an integer tensor.
    pub fn integers(&self, node: &NodeProto, i: usize) -> Result<Vec<i64>, Error> {
        self.constant(node, i)?.integers().map_err(|reason| unsupported(node, &reason))
    }

    /// The second output of a forward node, added to it where it has none.
    pub fn second_output(&mut self, node: &NodeProto, suffix: &str) -> Value {
        let maker = &mut self.nodes[self.makers[&node.output[0]]];
        let name = format!("{}/{suffix}", node.output[0]);
        match maker.output.get(1) {
            Some(old) if !old.is_empty() => Value { name: old.clone(), shape: self.shape(&node.output[0]) },
            _ => {
                maker.output.truncate(1);
                maker.output.push(name.clone());
                Value { name, shape: self.shape(&node.output[0]) }
            }
        }
    }

    fn name(&mut self, what: &str) -> String {
        let name = format!("grad/{}/{what}", self.scope);
        let count = self.used.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}_{count}") }
    }

    /// A new float32 constant.
    pub fn new_floats(&mut self, what: &str, shape: &[usize], values: &[f32]) -> Value {
        let name = self.name(what);
        self.weights.push(TensorProto::from_floats(&name, shape, values));
        Value { name, shape: shape.into() }
    }

    /// A new list of int64 constants.
    pub fn new_integers(&mut self, what: &str, values: &[i64]) -> Value {
        let name = self.name(what);
        self.weights.push(TensorProto::from_integers(&name, &[values.len()], values));
        Value { name, shape: vec![values.len()] }
    }

    /// A new int64 scalar.
    pub fn new_integer(&mut self, what: &str, value: i64) -> Value {
        let name = self.name(what);
        self.weights.push(TensorProto::from_integers(&name, &[], &[value]));
        Value { name, shape: vec![] }
    }

    /// A new node with one output of the given shape.
    pub fn emit(
        &mut self,
        op: &str,
        inputs: &[&Value],
        attributes: &[(&str, AttributeProto)],
        shape: Vec<usize>,
    ) -> Value {
        let name = self.name(op);
        let inputs: Vec<_> = inputs.iter().map(|v| v.name.as_str()).collect();
        self.nodes.push(node(op, &inputs, &name, attributes));
        Value { name, shape }
    }

    fn elementwise(&mut self, op: &str, a: &Value, b: &Value) -> Value {
        let shape = broadcast(&a.shape, &b.shape);
        self.emit(op, &[a, b], &[], shape)
    }

    /// a + b
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.elementwise("Add", a, b)
    }

    /// a − b
    pub fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.elementwise("Sub", a, b)
    }

    /// a · b
    pub fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.elementwise("Mul", a, b)
    }

    /// a / b
    pub fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.elementwise("Div", a, b)
    }

    /// a · factor
    pub fn scale(&mut self, a: &Value, factor: f32) -> Value {
        let factor = self.new_floats("factor", &[], &[factor]);
        self.mul(a, &factor)
    }

    /// max(0, min(1, alpha·a + beta)). With a huge alpha this is a step; it stays in ONNX Runtime's blocked layout,
    /// where comparisons do not.
    pub fn hard_sigmoid(&mut self, a: &Value, alpha: f32, beta: f32) -> Value {
        self.emit("HardSigmoid", &[a], &[("alpha", alpha.into()), ("beta", beta.into())], a.shape.clone())
    }

    /// `a` with every axis behind the first as given; the first takes what is there.
    pub fn reshape(&mut self, a: &Value, shape: &[usize]) -> Value {
        if a.shape == shape {
            return a.clone();
        }
        let target: Vec<_> = std::iter::once(-1).chain(shape[1..].iter().map(|&n| n as i64)).collect();
        let target = self.new_integers("shape", &target);
        self.emit("Reshape", &[a, &target], &[], shape.to_vec())
    }

    /// `a` repeated along the axes where it has 1 and `shape` has more.
    pub fn whole(&mut self, a: &Value, shape: &[usize]) -> Value {
        if a.shape == shape {
            return a.clone();
        }
        let target: Vec<_> = shape.iter().map(|&n| n as i64).collect();
        let target = self.new_integers("shape", &target);
        self.emit("Expand", &[a, &target], &[], shape.to_vec())
    }

    /// `a` summed over the axes where `shape` has 1 and `a` has more.
    pub(super) fn summed_to(&mut self, a: &Value, shape: &[usize]) -> Value {
        let axes: Vec<_> = (0..shape.len()).filter(|&i| shape[i] == 1 && a.shape[i] > 1).map(|i| i as i64).collect();
        if axes.is_empty() {
            return a.clone();
        }
        let summed = (0..shape.len()).map(|i| if axes.contains(&(i as i64)) { 1 } else { a.shape[i] }).collect();
        let axes = self.new_integers("axes", &axes);
        self.emit("ReduceSum", &[a, &axes], &[], summed)
    }
}

/// The shape of an elementwise result (numpy's broadcasting).
fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| {
        if i + s.len() < rank { 1 } else { s[i + s.len() - rank] }
    };
    (0..rank).map(|i| at(a, i).max(at(b, i))).collect()
}

/// The error of a rule that meets what it does not know.
pub(super) fn unsupported(node: &NodeProto, reason: &str) -> Error {
    Error::Unsupported { operator: node.op_type().into(), node: node.label().into(), reason: reason.into() }
}
