//! Many variants of a tensor at once.

use onnx_grad::gradient::{GradientModel, Options, variants};
use onnx_grad::onnx::proto::TensorProto;

use crate::support::models::{assert_close, compile_with, values};
use crate::support::notation::{numbers, written};
use crate::support::runtime;

/// The scores of two variants of a tensor [1, ...], together and one by one.
fn scores(compiled: &GradientModel, tensor: &str, shape: &[usize]) -> [Vec<f32>; 2] {
    let size: usize = shape.iter().product();
    let given = numbers(2 * size, 5);
    let several = variants(&compiled.forward, tensor, shape, true);
    let alone = variants(&compiled.forward, tensor, shape, false);
    let inputs = |count: usize, values: &[f32]| {
        let dims = [&[count], &shape[1..]].concat();
        let mut inputs = vec![TensorProto::from_floats(tensor, &dims, values)];
        if alone.graph.as_ref().unwrap().input.len() > 1 {
            let image = numbers(compiled.input_shape.iter().product(), 9);
            inputs.push(TensorProto::from_floats("x", &compiled.input_shape, &image));
        }
        inputs
    };
    let together = runtime::run(&several, &inputs(2, &given)).unwrap();
    let one_by_one = given.chunks(size).flat_map(|values_of_one| {
        let outputs = runtime::run(&alone, &inputs(1, values_of_one)).unwrap();
        values(&outputs, &compiled.scores)
    });
    [values(&together, &compiled.scores), one_by_one.collect()]
}

/// A picture, a layer, and a layer beside which the picture reaches the scores another way. The
/// number of images is written into the `Reshape`.
#[test]
fn two_variants_have_the_scores_of_each() {
    let graph = "c = Conv(x, k) pads=[1,1,1,1]; r = Relu(c); s = Add(r, x); d = Conv(s, k) pads=[1,1,1,1]; \
                 t = Relu(d); g = GlobalAveragePool(t); f = Reshape(g, shape); y = Gemm(f, w)";
    let model = written(
        17,
        &[1, 3, 6, 6],
        graph,
        "k: 3x3x3x3; shape = [1, -1]; w: 3x4",
    );
    for (tensor, other_inputs) in [("x", 0), ("r", 1), ("t", 0)] {
        let options = Options {
            wrt: vec![tensor.into()],
            ..Options::default()
        };
        let compiled = compile_with(&model, &options);
        let part = variants(&compiled.forward, tensor, &[1, 3, 6, 6], true);
        assert_eq!(
            part.graph.unwrap().input.len(),
            1 + other_inputs,
            "{tensor}"
        );
        let [together, one_by_one] = scores(&compiled, tensor, &[1, 3, 6, 6]);
        assert_close(&together, &one_by_one, 1e-6, tensor);
        assert_eq!(together.len(), 8);
        assert_ne!(together[..4], together[4..]);
    }
}
