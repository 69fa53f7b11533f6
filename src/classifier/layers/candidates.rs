//! The feature maps between the blocks of a network, found from the graph alone.
//!
//! A tensor through which every path from the image to the scores leads is one at which a block of
//! the network ends, because skip connections and branches bypass all others. Where the paths of a
//! block meet again in a sum or a concatenation, the tensor is the block's output: the residual
//! stream of a ResNet or a transformer, the concatenation of an Inception module.

use std::collections::{BTreeSet, HashMap, HashSet};

use onnx_grad::gradient::Trace;
use onnx_grad::onnx::proto::NodeProto;

use super::layout::{AxisOrder, FeatureLayout};
use super::shaped_graph::ShapedGraph;

/// Operators with weights, and others that mix positions or channels.
const LINEAR: [&str; 8] = [
    "Attention",
    "Conv",
    "ConvTranspose",
    "Einsum",
    "Gemm",
    "MatMul",
    "MultiHeadAttention",
    "QLinearConv",
];
/// Operators that treat each value by itself: activations, and normalisation with fixed statistics.
const POINTWISE: [&str; 32] = [
    "Add",
    "BatchNormalization",
    "Cast",
    "Celu",
    "Clip",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Max",
    "Min",
    "Mish",
    "Mul",
    "Neg",
    "PRelu",
    "Pow",
    "QuantizeLinear",
    "Relu",
    "Selu",
    "Sigmoid",
    "Softplus",
    "Sqrt",
    "Sub",
    "Swish",
    "Tanh",
];
/// Operators of a projection: a product with weights and its bias.
const PROJECTION: [&str; 4] = ["Add", "Gemm", "Identity", "MatMul"];
/// Operators that join branches.
const JOINS: [&str; 3] = ["Add", "Concat", "Sum"];

/// A feature map that ends a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerCandidate {
    /// The name of the tensor.
    pub tensor: String,
    /// The operator that makes it.
    pub operator: String,
    /// The shape of the tensor.
    pub shape: Vec<usize>,
    /// How its numbers are laid out.
    pub layout: FeatureLayout,
    /// Whether branches or a skip connection end in it.
    pub joins: bool,
    /// Whether every path from the image to the scores leads through it.
    pub on_every_path: bool,
}

/// The end of a block that cannot be read as a feature map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadEnd {
    /// The name of the tensor.
    pub tensor: String,
    /// What is wrong with it, in words that follow its name.
    pub fault: String,
    /// The shape of the tensor.
    pub(super) shape: Vec<usize>,
}

/// The feature maps of a network that end its blocks, in the order of the graph: those on every path
/// and, where branches run in parallel to the end, the sums and concatenations in them. And the last
/// block's end, if it cannot be read.
pub(super) fn candidates(
    trace: &Trace,
    graph: &ShapedGraph<'_>,
) -> (Vec<LayerCandidate>, Option<UnreadEnd>) {
    let path = ScorePath::new(trace, graph);
    let mut ends = path.block_ends();
    let known: HashSet<_> = ends.iter().map(|end| end.tensor).collect();
    ends.extend(path.inner_joins().filter(|end| !known.contains(end.tensor)));
    ends.sort_by_key(|end| end.place);
    let mut candidates = Vec::new();
    let mut unread = None;
    for end in ends {
        if end.projects || !trace.is_of_model(end.tensor) {
            continue;
        }
        let (tensor, shape) = (end.tensor.to_owned(), graph.shapes[end.tensor].clone());
        match graph.layout(end.tensor) {
            // Inside of a transformer's blocks, what is joined are the keys and values.
            Ok(layout) if end.on_every_path || layout.form == AxisOrder::ChannelsFirst => {
                unread = unread.filter(|_| !end.on_every_path);
                candidates.push(LayerCandidate {
                    tensor,
                    operator: path.nodes[end.place].op_type().to_owned(),
                    shape,
                    layout,
                    joins: end.joins,
                    on_every_path: end.on_every_path,
                });
            }
            Err(fault) if end.on_every_path && end.joins && has_positions(&shape) => {
                unread = Some(UnreadEnd {
                    tensor,
                    fault,
                    shape,
                });
            }
            _ => {}
        }
    }
    (candidates, unread)
}

/// Whether a tensor can have channels at several positions.
fn has_positions(shape: &[usize]) -> bool {
    shape.iter().filter(|&&side| side > 1).count() > 1
}

/// A tensor at which a block ends.
#[derive(Clone, Copy)]
struct BlockEnd<'a> {
    /// The position of its node on the path.
    place: usize,
    tensor: &'a str,
    joins: bool,
    /// Whether it is a linear projection of the end before it, such as the keys and values that are
    /// pooled in the head of a transformer. It ends no block.
    projects: bool,
    on_every_path: bool,
}

/// The nodes on the paths from the image to the scores, up to the last one with weights, which makes
/// the scores.
struct ScorePath<'a> {
    graph: &'a ShapedGraph<'a>,
    input: &'a str,
    nodes: Vec<&'a NodeProto>,
    /// The position of the last node that uses a tensor.
    last_use: HashMap<&'a str, usize>,
}

impl<'a> ScorePath<'a> {
    fn new(trace: &'a Trace, graph: &'a ShapedGraph<'a>) -> Self {
        let mut needed = HashSet::from([trace.scores.as_str()]);
        let mut nodes = Vec::new();
        for node in trace.graph.node.iter().rev() {
            let depends = node
                .output
                .iter()
                .any(|name| graph.shapes.contains_key(name));
            if depends
                && node
                    .output
                    .iter()
                    .any(|name| needed.contains(name.as_str()))
            {
                needed.extend(node.input.iter().map(String::as_str));
                nodes.push(node);
            }
        }
        nodes.reverse();
        let mut last_use = HashMap::new();
        for (place, node) in nodes.iter().enumerate() {
            last_use.extend(graph.inputs(node).map(|(input, _)| (input, place)));
        }
        let head = nodes
            .iter()
            .rposition(|node| LINEAR.contains(&node.op_type()));
        nodes.truncate(head.unwrap_or(0));
        Self {
            graph,
            input: &trace.input,
            nodes,
            last_use,
        }
    }

    /// The tensors that are on every path. Activations and the like that follow a block belong to
    /// it.
    fn block_ends(&self) -> Vec<BlockEnd<'a>> {
        let mut ends: Vec<BlockEnd<'a>> = Vec::new();
        // The position up to which tensors from before are in use.
        let mut open = self.last_use.get(self.input).copied().unwrap_or(0);
        let mut region: Vec<&str> = Vec::new();
        for (place, node) in self.nodes.iter().copied().enumerate() {
            region.push(node.op_type());
            let outputs = || {
                let used = |name: &&'a String| self.last_use.contains_key(name.as_str());
                node.output.iter().filter(used).map(String::as_str)
            };
            let bypassed = open > place;
            let until = outputs().map(|tensor| self.last_use[tensor]).max();
            open = open.max(until.unwrap_or(0));
            let (1, false, Some(tensor)) = (outputs().count(), bypassed, outputs().next()) else {
                continue;
            };
            let is_linear = region.iter().any(|op| LINEAR.contains(op));
            let mut end = BlockEnd {
                place,
                tensor,
                joins: is_linear && self.is_join(node),
                projects: region.iter().all(|op| PROJECTION.contains(op)) && is_linear,
                on_every_path: true,
            };
            let is_pointwise = region.iter().all(|op| POINTWISE.contains(op));
            region.clear();
            if let Some(previous) = ends.last()
                && is_pointwise
                && self.graph.shapes[previous.tensor] == self.graph.shapes[tensor]
            {
                end.joins = previous.joins;
                end.projects = previous.projects && node.op_type() == "Add";
                ends.pop();
            }
            ends.push(end);
        }
        ends
    }

    /// The sums and concatenations that other paths bypass.
    fn inner_joins(&self) -> impl Iterator<Item = BlockEnd<'a>> {
        let places = self.nodes.iter().copied().enumerate();
        places
            .filter(|(_, node)| self.is_join(node) && self.joins_different(node))
            .map(|(place, node)| BlockEnd {
                place,
                tensor: &node.output[0],
                joins: true,
                projects: false,
                on_every_path: false,
            })
    }

    /// Whether a node joins several tensors that depend on the image.
    fn is_join(&self, node: &NodeProto) -> bool {
        let inputs: BTreeSet<_> = self.graph.inputs(node).map(|(input, _)| input).collect();
        JOINS.contains(&node.op_type()) && inputs.len() > 1
    }

    /// Whether the inputs of a node are made from different tensors, and not by an activation from
    /// the same one, as in `x + 0.04 x³`.
    fn joins_different(&self, node: &NodeProto) -> bool {
        let mut sources = self
            .graph
            .inputs(node)
            .map(|(input, _)| self.sources(input));
        let first = sources.next();
        sources.any(|other| Some(other) != first)
    }

    /// The tensors from which pointwise operators make `tensor`.
    fn sources(&self, tensor: &str) -> BTreeSet<String> {
        let mut sources = BTreeSet::new();
        let mut seen = HashSet::new();
        let mut open = vec![tensor.to_owned()];
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            match self.graph.graph.producer(&name) {
                Some(node) if POINTWISE.contains(&node.op_type()) => {
                    open.extend(self.graph.inputs(node).map(|(input, _)| input.to_owned()));
                }
                _ => {
                    sources.insert(name);
                }
            }
        }
        sources
    }
}
