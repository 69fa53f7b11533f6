//! Nodes in the form of training are refused, and those of inference are not, whichever way the
//! opset has of saying so.

use onnx_grad::gradient::Options;
use onnx_grad::onnx::proto::{FunctionProto, ModelProto, OperatorSetIdProto, TensorProto};

use crate::support::models::{compile, golden_model, refusal};
use crate::support::notation::{nodes, written};

const NORMALIZE: &str = "BatchNormalization(c, s, b, m, v)";
const WEIGHTS: &str = "w: 3x2x2x2; s: 3; b: 3; m: 3; v = [0.3, 2.0, 0.7]; r = 0.5; z = 0.0";

/// A network with this node, which makes `n` from `c`.
fn network(opset: i64, node: &str) -> ModelProto {
    let graph = format!("c = Conv(x, w); {node}; t = Tanh(n); y = GlobalAveragePool(t)");
    let mut model = written(opset, &[1, 2, 4, 4], &graph, WEIGHTS);
    for (name, value) in [("yes", 1), ("no", 0)] {
        let boolean = TensorProto {
            name: Some(name.into()),
            data_type: Some(9),
            raw_data: Some(vec![value].into()),
            ..Default::default()
        };
        model.graph.as_mut().unwrap().initializer.push(boolean);
    }
    model
}

fn assert_refused(model: &ModelProto, what: &str) {
    let error = refusal(model, &Options::default(), what);
    assert!(
        error.contains("node `n` is not in the form for inference"),
        "{what}: {error}"
    );
}

#[test]
fn normalization_in_training_form_is_refused() {
    let cases = [
        (
            1,
            format!("n = {NORMALIZE} is_test=0 consumed_inputs=[0,0,0,1,1]"),
        ),
        (3, format!("n = {NORMALIZE}")),
        (5, format!("n, m2, v2, sm, sv = {NORMALIZE} is_test=1")),
        (6, format!("n = {NORMALIZE} is_test=0 epsilon=0.01")),
        (7, format!("n, m2, v2, sm, sv = {NORMALIZE}")),
        (8, format!("n, m2, v2 = {NORMALIZE} momentum=0.9")),
        (9, format!("n, , , sm, = {NORMALIZE}")),
        (13, format!("n, m2, v2, sm, sv = {NORMALIZE} momentum=0.9")),
        (14, format!("n, m2, v2 = {NORMALIZE} training_mode=1")),
        (17, format!("n = {NORMALIZE} training_mode=1")),
        (8, format!("n = {NORMALIZE} spatial=0")),
    ];
    for (opset, node) in cases {
        assert_refused(&network(opset, &node), &format!("opset {opset}, {node}"));
    }
}

#[test]
fn dropout_in_training_form_is_refused() {
    let cases = [
        (5, "n = Dropout(c) ratio=0.4"),
        (6, "n, mask = Dropout(c) is_test=0"),
        (12, "n = Dropout(c, r, yes)"),
        (13, "n, mask = Dropout(c, , yes)"),
        (17, "t0 = Not(no); n = Dropout(c, r, t0)"),
    ];
    for (opset, node) in cases {
        assert_refused(&network(opset, node), &format!("opset {opset}, {node}"));
    }
}

/// The forms for inference give the scores of the same network without these attributes.
#[test]
fn the_form_for_inference_is_not_refused() {
    let normalizations = [
        (6, format!("n = {NORMALIZE} is_test=1")),
        (7, format!("n = {NORMALIZE} momentum=0.9")),
        (9, format!("n, , , , = {NORMALIZE}")),
        (13, format!("n, = {NORMALIZE}")),
        (14, format!("n = {NORMALIZE} training_mode=0")),
    ];
    for (opset, node) in normalizations {
        assert_eq!(
            compile(&network(opset, &node)).classes,
            3,
            "{opset}, {node}"
        );
    }
    let dropouts = [
        (6, "n = Dropout(c) is_test=1 ratio=0.5"),
        (6, "n = Dropout(c) ratio=0.0"),
        (7, "n, mask = Dropout(c) ratio=0.5"),
        (13, "n = Dropout(c, r)"),
        (13, "n = Dropout(c, r, no)"),
        (13, "n = Dropout(c, z, yes)"),
    ];
    for (opset, node) in dropouts {
        assert_eq!(compile(&network(opset, node)).classes, 3, "{opset}, {node}");
    }
}

/// The same inside a function of the model.
#[test]
fn a_function_is_looked_into() {
    let mut model = network(13, "n = mine:Norm(c, s, b, m, v)");
    model.functions = vec![FunctionProto {
        name: Some("Norm".into()),
        domain: Some("mine".into()),
        input: ["c", "s", "b", "m", "v"].map(Into::into).into(),
        output: vec!["o".into()],
        node: nodes(&format!("o, m2, v2 = {NORMALIZE}")),
        ..Default::default()
    }];
    model.opset_import.push(OperatorSetIdProto {
        domain: Some("mine".into()),
        version: Some(1),
    });
    let error = refusal(&model, &Options::default(), "a function");
    assert!(
        error.contains("is not in the form for inference"),
        "{error}"
    );
}

/// A function of another opset, between which an operator of it changed.
#[test]
fn a_function_of_another_opset_is_refused() {
    let function = |opset: i64, body: &str| {
        let mut model = network(17, "n = mine:Last(c)");
        model.functions = vec![FunctionProto {
            name: Some("Last".into()),
            domain: Some("mine".into()),
            input: vec!["c".into()],
            output: vec!["o".into()],
            node: nodes(body),
            opset_import: vec![OperatorSetIdProto {
                domain: None,
                version: Some(opset),
            }],
            ..Default::default()
        }];
        model.opset_import.push(OperatorSetIdProto {
            domain: Some("mine".into()),
            version: Some(1),
        });
        model
    };
    let error = refusal(
        &function(11, "o = Softmax(c)"),
        &Options::default(),
        "Softmax",
    );
    assert!(
        error.contains("function `Last` is of opset 11 and the model of opset 17"),
        "{error}"
    );
    assert_eq!(compile(&function(11, "o = Tanh(c)")).classes, 3);
}

/// A public report: five outputs at opset 13. It was differentiated as if it were for inference.
#[test]
fn the_reported_model_is_refused() {
    let model = golden_model("reports/batchnorm-training-opset13.onnx");
    let error = refusal(&model, &Options::default(), "training form");
    assert!(
        error.contains("BatchNormalization node `bn` is not in the form"),
        "{error}"
    );
}

/// The weights of a convolution may be standardised by a normalization in training form. As soon as
/// the image has a part in it, it is refused.
#[test]
fn weights_may_be_standardised_in_training_form() {
    let network = |normalized: &str| {
        let graph = format!(
            "p = Reshape({normalized}, flat); \
             n, m2, v2 = BatchNormalization(p, s, b, m, v) training_mode=1; \
             k = Reshape(n, whole); c = Conv(x, k); y = GlobalAveragePool(c)"
        );
        let weights = "f: 3x2x2x2; s: 3; b: 3; m: 3; v = [0.3, 2.0, 0.7]; flat = [1, 3, 8]; \
                       whole = [3, 2, 2, 2]";
        written(17, &[1, 2, 4, 3], &graph, weights)
    };
    assert_eq!(compile(&network("f")).classes, 3);
    assert_refused(&network("x"), "a filter made of the image");
}
