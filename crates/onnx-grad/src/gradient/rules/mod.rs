//! One rule per operator: the gradients of its inputs, given that of its first output.
//!
//! A rule states its formula and writes it with the builder. It returns one gradient per input. A
//! gradient may have size 1 along an axis where it is constant; the engine expands it and sums the
//! contributions of several users. To add an operator: write the function, add a line to [`RULES`],
//! and add a case to `tests/suite/cases.rs` of this crate.

mod activation;
mod arithmetic;
mod attention;
mod col2im;
mod common;
mod conv;
mod conv_transpose;
mod einsum;
mod gather;
mod heads;
mod linear;
mod max_pool;
mod norm;
mod pool;
mod positions;
mod quantize;
mod reduce;
mod rotary;
mod scatter;
mod shape;
mod window;

use super::builder::{Builder, Value};
use crate::onnx::proto::NodeProto;
use common::Grads;

/// From the builder, the forward node and the gradient of its first output to the gradients of its
/// inputs.
type RuleFn = fn(&mut Builder, &NodeProto, &Value) -> Grads;

/// An operator that can be differentiated.
#[derive(Debug)]
pub struct Rule {
    /// The operator, of the standard ONNX domain.
    pub operator: &'static str,
    /// The oldest opset that is supported: the first that has the operator, and 7 at least.
    pub since: i64,
    pub(super) gradients: RuleFn,
    /// Whether the rule also uses the gradients of the other outputs (`Builder::gradient`).
    pub(super) all_outputs: bool,
}

const fn rule(operator: &'static str, since: i64, gradients: RuleFn) -> Rule {
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
    rule("Acos", 7, arithmetic::acos),
    rule("Acosh", 9, arithmetic::acosh),
    rule("Add", 7, arithmetic::add),
    rule("Asin", 7, arithmetic::asin),
    rule("Asinh", 9, arithmetic::asinh),
    rule("Atan", 7, arithmetic::atan),
    rule("Atanh", 9, arithmetic::atanh),
    rule("Attention", 23, attention::attention),
    rule("AveragePool", 7, pool::average),
    rule("BatchNormalization", 7, norm::batch),
    rule("Cast", 7, shape::identity),
    rule("Celu", 12, activation::celu),
    rule("Clip", 7, activation::clip),
    rule("Col2Im", 18, col2im::col2im),
    rule("Concat", 7, shape::concat),
    rule("Conv", 7, conv::conv),
    rule("ConvTranspose", 7, conv_transpose::conv_transpose),
    rule("Cos", 7, arithmetic::cos),
    rule("Cosh", 9, arithmetic::cosh),
    rule("CumSum", 11, reduce::running_sum),
    rule("DepthToSpace", 7, shape::depth_to_space),
    rule("DequantizeLinear", 10, quantize::dequantize),
    rule("Div", 7, arithmetic::div),
    rule("Einsum", 12, einsum::einsum),
    rule("Elu", 7, activation::elu),
    rule("Erf", 9, arithmetic::erf),
    rule("Exp", 7, arithmetic::exp),
    rule("Expand", 8, shape::expand),
    rule("Flatten", 7, shape::reshape),
    rule("Gather", 7, gather::gather),
    rule("GatherElements", 11, gather::gather_elements),
    rule("GatherND", 11, gather::gather_slices),
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
    rule("MeanVarianceNormalization", 9, norm::mean_variance),
    rule("Min", 7, arithmetic::extremum),
    rule("Mish", 18, activation::mish),
    rule("Mod", 10, arithmetic::modulo),
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
    rule("ReduceProd", 7, reduce::product),
    rule("ReduceSum", 7, reduce::sum),
    rule("ReduceSumSquare", 7, reduce::sum_square),
    rule("Relu", 7, activation::relu),
    rule("Reshape", 7, shape::reshape),
    rule("Resize", 10, shape::resize),
    rule("RotaryEmbedding", 23, rotary::embedding),
    rule("ScatterElements", 9, scatter::elements),
    rule("ScatterND", 11, scatter::slices),
    rule("Selu", 7, activation::selu),
    rule("Shrink", 9, activation::shrink),
    rule("Sigmoid", 7, activation::sigmoid),
    rule("Sin", 7, arithmetic::sin),
    rule("Sinh", 9, arithmetic::sinh),
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
    rule("Tan", 7, arithmetic::tan),
    rule("Tanh", 7, activation::tanh),
    rule("ThresholdedRelu", 10, activation::thresholded_relu),
    rule("Tile", 7, shape::tile),
    rule("TopK", 7, gather::top),
    rule("Transpose", 7, shape::transpose),
    rule("Trilu", 14, gather::triangle),
    rule("Unsqueeze", 7, shape::reshape),
    rule("Where", 9, arithmetic::select),
];

/// The rule of a node's operator.
pub(super) fn find(node: &NodeProto) -> Option<&'static Rule> {
    if !node.domain().is_empty() {
        return None;
    }
    let place = RULES.binary_search_by_key(&node.op_type(), |rule| rule.operator);
    place.ok().map(|i| &RULES[i])
}

/// The operators whose outputs change only in steps, sorted by name.
const PIECEWISE_CONSTANT: [&str; 25] = [
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
    "Hardmax",
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

/// Whether the node's outputs change only in steps, so that their derivative is 0 wherever it
/// exists. Such a node needs no rule.
pub(super) fn is_piecewise_constant(node: &NodeProto) -> bool {
    const FLOAT: i64 = 1;
    PIECEWISE_CONSTANT.contains(&node.op_type())
        || (node.op_type() == "Cast" && node.int("to", FLOAT) != FLOAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(RULES.is_sorted_by_key(|rule| rule.operator));
        assert!(PIECEWISE_CONSTANT.is_sorted());
    }

    #[test]
    fn the_readme_lists_the_operators() {
        let readme = include_str!("../../../README.md");
        let names: Vec<_> = RULES
            .iter()
            .map(|rule| format!("`{}`", rule.operator))
            .collect();
        let words: Vec<_> = readme.split_whitespace().collect();
        assert!(words.join(" ").contains(&format!("{}.", names.join(", "))));
        assert!(readme.contains(&format!("{} operators", RULES.len())));
    }
}
