//! Writes the backward half: one method per operator that the rules use.

use std::collections::{HashMap, HashSet};

use super::graph::node;
use super::probe::Facts;
use super::{Error, ReluRule, unsupported};
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto};

/// A tensor of the graph with its shape.
///
/// A **gradient** has its rows, one per seed row, on its first axis, and they are written as 1 in its shape. The
/// gradient of a tensor [1, C, ...] is [rows, C, ...]: the rows stand where the photo stood. Of any other tensor
/// [A, ...], say the windows of a transformer, it is [rows, A, ...]. [`Builder::row`] gives that shape. Either
/// broadcasts against forward tensors as it is.
///
/// A gradient may have 1 where its tensor has more: it is the same all along that axis and is kept small until
/// somebody needs it whole ([`Builder::whole`]).
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
    /// Names are given as `grad/<scope>/<operator>`: a gradient is called after the tensor that it belongs to.
    scope: String,
    used: HashMap<String, usize>,
    /// The tensors that have a row for each row of the seed.
    rows: HashSet<String>,
    /// Products of a gradient and a forward tensor.
    products: HashMap<String, (Value, Value)>,
    /// The seed in other shapes and scaled, masks among the scales: what is 0 in all channels in which it is.
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
        let outputs =
            |(i, node): (usize, &NodeProto)| node.output.iter().map(move |o| (o.clone(), i)).collect::<Vec<_>>();
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
        self.facts.shapes.get(tensor).cloned().or_else(constant).unwrap_or_default()
    }

    /// The shape of a forward tensor's gradient.
    #[must_use]
    pub fn row(&self, tensor: &str) -> Vec<usize> {
        row(&self.shape(tensor))
    }

    /// A forward tensor as a value.
    #[must_use]
    pub fn forward(&self, tensor: &str) -> Value {
        Value { name: tensor.into(), shape: self.shape(tensor) }
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

    /// Output `i` of a forward node, of the given shape; added to it where it has none.
    pub fn extra_output(&mut self, node: &NodeProto, i: usize, shape: Vec<usize>) -> Value {
        let maker = &mut self.nodes[self.makers[&node.output[0]]];
        maker.output.resize(maker.output.len().max(i + 1), String::new());
        if maker.output[i].is_empty() {
            maker.output[i] = format!("grad/{}/output_{i}", node.output[0]);
        }
        Value { name: maker.output[i].clone(), shape }
    }

    /// The gradient of a tensor, the sum of what all its users contributed, or `None` where nothing depends on it.
    pub fn gradient(&mut self, tensor: &str) -> Option<Value> {
        let contributions = self.contributions.get(tensor)?.clone();
        let sum = match contributions.as_slice() {
            [one] => one.clone(),
            [a, b] => self.add(a, b),
            several => {
                let shape = several.iter().fold(vec![], |shape, value| broadcast(&shape, &value.shape));
                self.emit("Sum", &several.iter().collect::<Vec<_>>(), &[], shape)
            }
        };
        self.contributions.insert(tensor.to_owned(), vec![sum.clone()]);
        Some(sum)
    }

    /// Adds to the gradient of a tensor.
    pub(super) fn contribute(&mut self, tensor: &str, dx: Value) {
        self.contributions.entry(tensor.to_owned()).or_default().push(dx);
    }

    // New constants and nodes.

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

    /// A new float32 scalar.
    pub fn scalar(&mut self, value: f32) -> Value {
        self.new_floats("constant", &[], &[value])
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

    /// A new node with one output of the given shape. An input without a name is one that is left out.
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
        if inputs.first().is_some_and(|v| self.seeds.contains(&v.name)) && ["Reshape", "Mul", "Div"].contains(&op) {
            self.seeds.insert(name.clone());
        }
        let inputs: Vec<_> = inputs.iter().map(|v| v.name.as_str()).collect();
        self.nodes.push(node(op, &inputs, &name, attributes));
        Value { name, shape }
    }

    // Elementwise.

    /// A function of each value alone.
    pub fn map(&mut self, op: &str, a: &Value) -> Value {
        self.emit(op, &[a], &[], a.shape.clone())
    }

    /// A function of two values, with numpy's broadcasting.
    pub fn zip(&mut self, op: &str, a: &Value, b: &Value) -> Value {
        let shape = broadcast(&a.shape, &b.shape);
        self.emit(op, &[a, b], &[], shape)
    }

    /// a + b
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.zip("Add", a, b)
    }

    /// a − b
    pub fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.zip("Sub", a, b)
    }

    /// a · b
    ///
    /// A gradient times two forward tensors one after the other is written as the gradient times their product, which
    /// is computed once for all rows; the first product is dropped unless something else uses it.
    pub fn mul(&mut self, a: &Value, b: &Value) -> Value {
        let (a, b) = if self.rows.contains(&b.name) { (b, a) } else { (a, b) };
        if !self.rows.contains(&a.name) || self.rows.contains(&b.name) {
            return self.zip("Mul", a, b);
        }
        let earlier = self.products.get(&a.name).filter(|_| broadcast(&a.shape, &b.shape) == a.shape).cloned();
        let (dy, factor) = match earlier {
            Some((dy, factor)) => (dy, self.mul(&factor, b)),
            None => (a.clone(), b.clone()),
        };
        let product = self.zip("Mul", &dy, &factor);
        self.products.insert(product.name.clone(), (dy, factor));
        product
    }

    /// Seed and forward tensor whose product a gradient is, where it is one.
    #[must_use]
    pub fn masked_seed(&self, dy: &Value) -> Option<(Value, Value)> {
        self.products.get(&dy.name).filter(|(seed, _)| self.seeds.contains(&seed.name)).cloned()
    }

    /// a / b
    pub fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.zip("Div", a, b)
    }

    /// a · factor
    pub fn scale(&mut self, a: &Value, factor: f32) -> Value {
        if factor == 1.0 {
            return a.clone();
        }
        let factor = self.scalar(factor);
        self.mul(a, &factor)
    }

    /// a + offset
    pub fn shift(&mut self, a: &Value, offset: f32) -> Value {
        let offset = self.scalar(offset);
        self.add(a, &offset)
    }

    /// 1 − a, for a in [0, 1]. `HardSigmoid` stays in ONNX Runtime's blocked layout, where `Sub` does not.
    pub fn complement(&mut self, a: &Value) -> Value {
        self.hard_sigmoid(a, -1.0, 1.0)
    }

    /// max(0, min(1, alpha·a + beta))
    pub fn hard_sigmoid(&mut self, a: &Value, alpha: f32, beta: f32) -> Value {
        self.emit("HardSigmoid", &[a], &[("alpha", alpha.into()), ("beta", beta.into())], a.shape.clone())
    }

    /// `[a > 0]`: 1 for every a above 3.4e-39, otherwise 0. It stays in ONNX Runtime's blocked layout, where comparisons
    /// do not.
    pub fn step(&mut self, a: &Value) -> Value {
        self.hard_sigmoid(a, 3e38, 0.0)
    }

    /// `[a > bound]`, or `[a < bound]` where `below`. With a slope of a power of two, slope·a − slope·bound has no rounding
    /// error that could change its sign.
    pub fn beyond(&mut self, a: &Value, bound: f32, below: bool) -> Value {
        let slope = 2f32.powi(100 - bound.abs().max(1.0).log2().ceil() as i32);
        let slope = if below { -slope } else { slope };
        self.hard_sigmoid(a, slope, -slope * bound)
    }

    /// [a = b], as numbers
    pub fn equal(&mut self, a: &Value, b: &Value) -> Value {
        let equal = self.zip("Equal", a, b);
        self.emit("Cast", &[&equal], &[("to", 1.into())], equal.shape.clone())
    }

    // Shapes.

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

    /// The gradient of `node`'s first output, whole.
    pub fn whole_output(&mut self, node: &NodeProto, dy: &Value) -> Value {
        let shape = self.row(&node.output[0]);
        self.whole(dy, &shape)
    }

    /// The gradient of `tensor` with rows and first axis apart: [rows, A, ...] also where A is 1.
    pub fn apart(&mut self, a: &Value, tensor: &[usize]) -> Value {
        if tensor.first() != Some(&1) {
            return a.clone();
        }
        let shape = [&[1, 1], &a.shape[1..]].concat();
        self.reshape(a, &shape)
    }

    /// The gradient of `tensor` with rows and first axis as one, [rows · A, ...]: what works on photos apart from
    /// each other takes it for photos. Whole where it was not.
    pub fn together(&mut self, a: &Value, tensor: &[usize]) -> Value {
        let a = self.whole(a, &row(tensor));
        self.reshape(&a, tensor)
    }

    /// `a` as the gradient of a tensor of shape `tensor`.
    pub fn settle(&mut self, a: &Value, tensor: &[usize]) -> Value {
        self.reshape(a, &row(tensor))
    }

    /// Σ over `axes`, which stay with size 1.
    pub fn sum(&mut self, a: &Value, axes: &[usize]) -> Value {
        self.reduce("ReduceSum", a, axes)
    }

    /// Mean over `axes`, which stay with size 1.
    pub fn mean(&mut self, a: &Value, axes: &[usize]) -> Value {
        self.reduce("ReduceMean", a, axes)
    }

    fn reduce(&mut self, op: &str, a: &Value, axes: &[usize]) -> Value {
        let axes: Vec<usize> = axes.iter().copied().filter(|&i| a.shape[i] > 1).collect();
        if axes.is_empty() {
            return a.clone();
        }
        let shape = (0..a.shape.len()).map(|i| if axes.contains(&i) { 1 } else { a.shape[i] }).collect();
        let list: Vec<_> = axes.iter().map(|&i| i as i64).collect();
        let list = self.new_integers("axes", &list);
        self.emit(op, &[a, &list], &[], shape)
    }

    /// `a` with its axes in the order `perm`.
    pub fn transpose(&mut self, a: &Value, perm: &[usize]) -> Value {
        if perm.is_sorted() {
            return a.clone();
        }
        let shape = perm.iter().map(|&i| a.shape[i]).collect();
        let perm: Vec<_> = perm.iter().map(|&i| i as i64).collect();
        self.emit("Transpose", &[a], &[("perm", perm.into())], shape)
    }

    /// `size` positions of `a` from `start` on along `axis`.
    pub fn slice(&mut self, a: &Value, axis: usize, start: usize, size: usize) -> Value {
        let [from, to, along] = [("start", start), ("end", start + size), ("axis", axis)]
            .map(|(what, n)| self.new_integers(what, &[n as i64]));
        let mut shape = a.shape.clone();
        shape[axis] = size;
        self.emit("Slice", &[a, &from, &to, &along], &[], shape)
    }

    /// `a` with zeros before and after it along each axis; negative numbers take away.
    pub fn pad(&mut self, a: &Value, before: &[i64], after: &[i64]) -> Value {
        let shape = (0..a.shape.len()).map(|i| (a.shape[i] as i64 + before[i] + after[i]) as usize).collect();
        let pads = self.new_integers("pads", &[before, after].concat());
        self.emit("Pad", &[a, &pads], &[], shape)
    }

    /// Each value of `a` repeated `factors[i]` times along axis i.
    pub fn repeated(&mut self, a: &Value, factors: &[usize]) -> Value {
        let none = Value { name: String::new(), shape: vec![] };
        let scales =
            self.new_floats("scales", &[factors.len()], &factors.iter().map(|&f| f as f32).collect::<Vec<_>>());
        let attributes = [("coordinate_transformation_mode", "asymmetric".into()), ("nearest_mode", "floor".into())];
        let shape = a.shape.iter().zip(factors).map(|(n, f)| n * f).collect();
        self.emit("Resize", &[a, &none, &scales], &attributes, shape)
    }

    /// `a` moved along an axis by `before` places, `value` in the free ones, and made longer by `before + after`.
    pub fn shifted(&mut self, a: &Value, axis: usize, before: i64, after: i64, value: f32) -> Value {
        if (before, after) == (0, 0) {
            return a.clone();
        }
        let mut pads = vec![0; 2 * a.shape.len()];
        (pads[axis], pads[axis + a.shape.len()]) = (before, after);
        let pads = self.new_integers("pads", &pads);
        let value = self.scalar(value);
        let mut shape = a.shape.clone();
        shape[axis] = (shape[axis] as i64 + before + after) as usize;
        self.emit("Pad", &[a, &pads, &value], &[], shape)
    }

    /// A gradient `dx` that has the shape of `node`'s output, for its input `i` that was broadcast to that shape:
    /// summed over the axes that the input did not have.
    pub fn unbroadcast(&mut self, node: &NodeProto, i: usize, dx: &Value) -> Value {
        let (x, y) = (self.shape(&node.input[i]), self.shape(&node.output[0]));
        let dx = self.apart(dx, &y);
        let missing = y.len() - x.len();
        let repeated: Vec<_> = (0..y.len()).filter(|&a| y[a] > 1 && (a < missing || x[a - missing] == 1)).collect();
        // Where the gradient is kept small the sum is a product.
        let count: usize = repeated.iter().filter(|&&a| dx.shape[a + 1] == 1).map(|&a| y[a]).product();
        let axes: Vec<_> = repeated.iter().map(|a| a + 1).collect();
        let dx = self.sum(&dx, &axes);
        let dx = self.scale(&dx, count as f32);
        let own = [&[1], &dx.shape[1 + missing..]].concat();
        let kept = if x.first() == Some(&1) { own[1..].to_vec() } else { own };
        self.reshape(&dx, &kept)
    }
}

/// The shape of the gradient of a tensor of shape `tensor`.
pub(super) fn row(tensor: &[usize]) -> Vec<usize> {
    if tensor.first() == Some(&1) { tensor.to_vec() } else { [&[1], tensor].concat() }
}

/// The shape of an elementwise result (numpy's broadcasting).
fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| {
        if i + s.len() < rank { 1 } else { s[i + s.len() - rank] }
    };
    (0..rank).map(|i| at(a, i).max(at(b, i))).collect()
}
