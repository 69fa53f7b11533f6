//! One rule per operator: the gradients of its inputs, given that of its first output.
//!
//! A rule states its formula and writes it with the `Builder`. It returns one gradient per input,
//! `None` or nothing where none flows. It may return a gradient with 1 on an axis along which it is
//! constant; the engine repeats and sums. To add an operator: the function, a line in [`RULES`], a
//! case in `tests/suite/cases.rs`.

mod activation;
mod arithmetic;
mod conv;
mod gather;
mod linear;
mod max_pool;
mod norm;
mod pool;
mod quantize;
mod reduce;
mod shape;
mod window;

pub(super) use window::integers;

use super::builder::{Builder, Value};
use super::{GradientError, ReluRule, unsupported};
use crate::onnx::proto::NodeProto;

/// The gradients of a node's inputs, in order.
pub type Grads = Result<Vec<Option<Value>>, GradientError>;

/// How an operator is differentiated.
#[derive(Debug)]
pub struct Rule {
    /// The operator of the standard ONNX domain.
    pub operator: &'static str,
    /// The first opset that has it, or 7; older spellings are lifted.
    pub since: i64,
    /// From the builder, the forward node and the gradient of its first output to the gradients of
    /// its inputs.
    pub gradients: fn(&mut Builder, &NodeProto, &Value) -> Grads,
    /// Whether the rule also asks for the gradients of the other outputs (`Builder::gradient`).
    pub all_outputs: bool,
}

const fn rule(
    operator: &'static str,
    since: i64,
    gradients: fn(&mut Builder, &NodeProto, &Value) -> Grads,
) -> Rule {
    Rule {
        operator,
        since,
        gradients,
        all_outputs: false,
    }
}

/// The operators that have a gradient, sorted by name.
pub const RULES: &[Rule] = &[
    rule("Abs", 7, arithmetic::abs),
    rule("Add", 7, arithmetic::add),
    rule("AveragePool", 7, pool::average),
    rule("BatchNormalization", 7, norm::batch),
    rule("Cast", 7, shape::identity),
    rule("Celu", 12, activation::celu),
    rule("Clip", 7, activation::clip),
    rule("Concat", 7, shape::concat),
    rule("Conv", 7, conv::conv),
    rule("Cos", 7, arithmetic::cos),
    rule("DepthToSpace", 7, shape::depth_to_space),
    rule("DequantizeLinear", 10, quantize::dequantize),
    rule("Div", 7, arithmetic::div),
    rule("Einsum", 12, linear::einsum),
    rule("Elu", 7, activation::elu),
    rule("Erf", 9, arithmetic::erf),
    rule("Exp", 7, arithmetic::exp),
    rule("Expand", 8, shape::expand),
    rule("Flatten", 7, shape::reshape),
    rule("Gather", 7, gather::gather),
    rule("Gelu", 20, activation::gelu),
    rule("Gemm", 7, linear::gemm),
    rule("GlobalAveragePool", 7, pool::global_average),
    rule("GlobalLpPool", 7, pool::global_lp),
    rule("GlobalMaxPool", 7, pool::global_max),
    rule("GroupNormalization", 18, norm::group),
    rule("HardSigmoid", 7, activation::hard_sigmoid),
    rule("HardSwish", 14, activation::hard_swish),
    rule("Identity", 7, shape::identity),
    rule("InstanceNormalization", 7, norm::instance),
    rule("LRN", 7, norm::local_response),
    rule("LayerNormalization", 17, norm::layer),
    rule("LeakyRelu", 7, activation::leaky_relu),
    rule("Log", 7, arithmetic::log),
    rule("LogSoftmax", 7, norm::log_softmax),
    rule("LpNormalization", 7, norm::lp),
    rule("LpPool", 7, pool::lp),
    rule("MatMul", 7, linear::matmul),
    rule("Max", 7, arithmetic::extremum),
    rule("MaxPool", 7, max_pool::max),
    rule("Mean", 7, arithmetic::mean),
    rule("Min", 7, arithmetic::extremum),
    rule("Mish", 18, activation::mish),
    rule("Mul", 7, arithmetic::mul),
    rule("Neg", 7, arithmetic::neg),
    rule("PRelu", 7, activation::prelu),
    rule("Pad", 7, gather::pad),
    rule("Pow", 7, arithmetic::pow),
    rule("QuantizeLinear", 10, quantize::quantize),
    rule("RMSNormalization", 23, norm::root_mean_square),
    rule("Reciprocal", 7, arithmetic::reciprocal),
    rule("ReduceL1", 7, reduce::l1),
    rule("ReduceL2", 7, reduce::l2),
    rule("ReduceLogSum", 7, reduce::log_sum),
    rule("ReduceLogSumExp", 7, reduce::log_sum_exp),
    rule("ReduceMax", 7, reduce::extremum),
    rule("ReduceMean", 7, reduce::mean),
    rule("ReduceMin", 7, reduce::extremum),
    rule("ReduceSum", 7, reduce::sum),
    rule("ReduceSumSquare", 7, reduce::sum_square),
    rule("Relu", 7, activation::relu),
    rule("Reshape", 7, shape::reshape),
    rule("Resize", 10, shape::resize),
    rule("Selu", 7, activation::selu),
    rule("Sigmoid", 7, activation::sigmoid),
    rule("Sin", 7, arithmetic::sin),
    rule("Slice", 7, gather::slice),
    rule("Softmax", 7, norm::softmax),
    rule("Softplus", 7, activation::softplus),
    rule("Softsign", 7, activation::softsign),
    rule("SpaceToDepth", 7, shape::space_to_depth),
    Rule {
        all_outputs: true,
        ..rule("Split", 7, shape::split)
    },
    rule("Sqrt", 7, arithmetic::sqrt),
    rule("Squeeze", 7, shape::reshape),
    rule("Sub", 7, arithmetic::sub),
    rule("Sum", 7, arithmetic::sum),
    rule("Swish", 24, activation::swish),
    rule("Tanh", 7, activation::tanh),
    rule("ThresholdedRelu", 10, activation::thresholded_relu),
    rule("Tile", 7, shape::tile),
    rule("Transpose", 7, shape::transpose),
    rule("Unsqueeze", 7, shape::reshape),
    rule("Where", 9, arithmetic::choose),
];

/// `dx = dy · slope`, the end of many rules of one input.
fn times(g: &mut Builder, dy: &Value, slope: &Value) -> Grads {
    Ok(vec![Some(g.mul(dy, slope))])
}

/// The attribute `axis` of a node, counted from the front of `rank` axes.
fn axis(node: &NodeProto, default: i64, rank: usize) -> usize {
    node.int("axis", default).rem_euclid(rank as i64) as usize
}

/// Positions among `count`, of which ONNX counts negative ones from the end.
fn from_front(positions: &[i64], count: usize) -> Vec<usize> {
    positions
        .iter()
        .map(|i| i.rem_euclid(count as i64) as usize)
        .collect()
}

/// The rule of a node's operator.
#[must_use]
pub fn find(node: &NodeProto) -> Option<&'static Rule> {
    let place = RULES
        .binary_search_by_key(&node.op_type(), |rule| rule.operator)
        .ok()?;
    node.domain().is_empty().then_some(&RULES[place])
}

/// The operators whose outputs change only in steps, sorted by name.
const FLAT: [&str; 24] = [
    "And",
    "ArgMax",
    "ArgMin",
    "Ceil",
    "ConstantOfShape",
    "Equal",
    "EyeLike",
    "Floor",
    "Greater",
    "GreaterOrEqual",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "NonZero",
    "Not",
    "OneHot",
    "Or",
    "Range",
    "Round",
    "Shape",
    "Sign",
    "Size",
    "Xor",
];

/// Whether the node's outputs change only in steps, so that their slope is 0 wherever there is one.
#[must_use]
pub fn is_flat(node: &NodeProto) -> bool {
    const FLOAT: i64 = 1;
    FLAT.contains(&node.op_type()) || (node.op_type() == "Cast" && node.int("to", FLOAT) != FLOAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(RULES.is_sorted_by_key(|rule| rule.operator));
        assert!(FLAT.is_sorted());
    }
}
