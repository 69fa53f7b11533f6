//! One rule per operator: the gradient of its inputs, given that of its first output.
//!
//! A rule states its formula and writes it with the `Builder`. It returns one gradient per input, `None` where
//! none flows. It may return a gradient that is smaller than its tensor where it is constant along an axis, or larger
//! where the operator broadcast the input; the engine repeats and sums. To add an operator: the function, a line
//! in [`RULES`], a case in `tests/suite/gradients.rs`.

mod activation;
mod arithmetic;
mod conv;
mod linear;
mod norm;
mod pool;
mod shape;
mod window;

pub(super) use window::integers;

use super::Error;
use super::builder::{Builder, Value};
use crate::onnx::proto::NodeProto;

/// The gradients of a node's inputs, in order.
pub type Grads = Result<Vec<Option<Value>>, Error>;

/// A rule: the builder, the forward node, the gradient of its first output.
pub type Rule = fn(&mut Builder, &NodeProto, &Value) -> Grads;

/// The operators that have a gradient, sorted by name.
pub const RULES: &[(&str, Rule)] = &[
    ("Add", arithmetic::add),
    ("AveragePool", pool::average),
    ("BatchNormalization", norm::batch),
    ("Clip", activation::clip),
    ("Concat", shape::concat),
    ("Conv", conv::conv),
    ("Div", arithmetic::div),
    ("Flatten", shape::reshape),
    ("Gemm", linear::gemm),
    ("GlobalAveragePool", pool::global_average),
    ("Identity", shape::identity),
    ("LRN", norm::local_response),
    ("MatMul", linear::matmul),
    ("MaxPool", pool::max),
    ("Mul", arithmetic::mul),
    ("ReduceMean", pool::reduce_mean),
    ("Relu", activation::relu),
    ("Reshape", shape::reshape),
    ("Sigmoid", activation::sigmoid),
    ("Squeeze", shape::reshape),
    ("Sub", arithmetic::sub),
    ("Sum", arithmetic::sum),
    ("Tanh", activation::tanh),
    ("Transpose", shape::transpose),
    ("Unsqueeze", shape::reshape),
];

/// The rule of an operator.
#[must_use]
pub fn find(op: &str) -> Option<Rule> {
    RULES.binary_search_by_key(&op, |(name, _)| name).ok().map(|i| RULES[i].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(RULES.is_sorted_by_key(|(name, _)| name));
        assert!(RULES.iter().all(|(name, _)| find(name).is_some()));
    }
}
