//! Cases with one attribute changed to a number that no exporter writes. Each is refused, or its
//! gradient is still that of what the runtime computes; none leads to a panic.

use onnx_grad::gradient::{self, Options};
use onnx_grad::onnx;
use onnx_grad::onnx::proto::{AttributeProto, ModelProto};

use crate::cases::CASES;
use crate::gradients::compare_with_differences;
use crate::support::models::merge_images;
use crate::support::notation::written;
use crate::support::runtime::OrtRuntime;

/// The numbers that take the place of an attribute.
const ODD: [i64; 4] = [-7, 0, 2, 99];

/// The operators whose attributes are changed. Their kernels take a time and memory that do not
/// grow with an attribute.
const OPERATORS: [&str; 17] = [
    "Attention",
    "Col2Im",
    "CumSum",
    "GatherElements",
    "GatherND",
    "GroupNormalization",
    "LayerNormalization",
    "LpNormalization",
    "MeanVarianceNormalization",
    "Mod",
    "RMSNormalization",
    "ReduceProd",
    "RotaryEmbedding",
    "ScatterElements",
    "ScatterND",
    "TopK",
    "Trilu",
];

/// Every model that differs from `model` in one integer of one attribute of the case's operator.
fn changed(model: &ModelProto, operator: &str) -> Vec<ModelProto> {
    let mut models = Vec::new();
    let nodes = &model.graph.as_ref().unwrap().node;
    for (n, node) in nodes.iter().enumerate() {
        if node.op_type() != operator {
            continue;
        }
        for (at, attribute) in node.attribute.iter().enumerate() {
            for number in ODD {
                let change = |put: &dyn Fn(&mut AttributeProto)| {
                    let mut odd = model.clone();
                    put(&mut odd.graph.as_mut().unwrap().node[n].attribute[at]);
                    odd
                };
                if attribute.i.is_some() {
                    models.push(change(&|a| a.i = Some(number)));
                }
                for i in 0..attribute.ints.len() {
                    models.push(change(&|a| a.ints[i] = number));
                }
            }
        }
    }
    models
}

#[test]
fn odd_attributes_are_refused_or_differentiated() {
    let options = Options {
        target: Some("y".into()),
        ..Options::default()
    };
    let (mut refused, mut wrong) = (0, Vec::new());
    let mut agreed = 0;
    for (salt, case) in CASES.iter().enumerate() {
        if !OPERATORS.contains(&case.operator) {
            continue;
        }
        let mut model = written(case.opset, case.x, case.graph, case.weights);
        let x = merge_images(model.graph.as_mut().unwrap(), case.x);
        for odd in changed(&model, case.operator) {
            match gradient::compile(&odd, &options, &OrtRuntime) {
                Err(_) => refused += 1,
                Ok(compiled) => match compare_with_differences(&compiled, &odd, &x, salt) {
                    Ok(()) => agreed += 1,
                    Err(error) => {
                        let nodes = onnx::text(&odd);
                        wrong.push(format!("{}: {error}\n{nodes}", case.operator));
                    }
                },
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        refused > 50 && agreed > 50,
        "{refused} refused, {agreed} agreed"
    );
}
