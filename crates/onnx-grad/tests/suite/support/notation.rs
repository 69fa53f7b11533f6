//! Small models in a text notation: the form that `onnx::text` writes, read back.
//!
//! The test suite of `localise` includes this file too.

use onnx_grad::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
};
use onnx_grad::onnx::proto::{
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
};
use onnx_grad::onnx::proto::{tensor_shape_proto as shape, type_proto};

/// Numbers in (−1, 1) that follow no pattern. No two are near each other, so that pools have no
/// ties.
pub(crate) fn numbers(n: usize, salt: usize) -> Vec<f32> {
    (0..n)
        .map(|i| (((i * 7919 + salt * 104_729 + 13) % 1_999) as f32 / 999.5) - 1.0)
        .collect()
}

/// A float32 tensor of [`numbers`].
pub(crate) fn tensor(name: &str, dims: &[usize], salt: usize) -> TensorProto {
    TensorProto::from_floats(name, dims, &numbers(dims.iter().product(), salt))
}

/// Weights as `w: 3x2x3x3; lo = -0.5; v = [0.3, 2.0]; i = [0, 1]; n = 3`: a shape filled with
/// [`numbers`], or values, which are integers where they have no decimal point.
pub(crate) fn weights(text: &str) -> Vec<TensorProto> {
    let weight = |(salt, part): (usize, &str)| match part.split_once('=') {
        None => {
            let (name, dims) = part
                .split_once(':')
                .unwrap_or_else(|| panic!("weight '{part}'"));
            tensor(
                name.trim(),
                &dims
                    .trim()
                    .split('x')
                    .map(|n| n.parse().unwrap())
                    .collect::<Vec<_>>(),
                salt + 1,
            )
        }
        Some((name, value)) => {
            let (name, list) = (name.trim(), items(value));
            let dims = if value.trim().starts_with('[') {
                vec![list.len()]
            } else {
                vec![]
            };
            match list
                .iter()
                .map(|v| v.parse())
                .collect::<Result<Vec<i64>, _>>()
            {
                Ok(integers) => TensorProto::from_integers(name, &dims, &integers),
                Err(_) => TensorProto::from_floats(
                    name,
                    &dims,
                    &list.iter().map(|v| v.parse().unwrap()).collect::<Vec<_>>(),
                ),
            }
        }
    };
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .enumerate()
        .map(weight)
        .collect()
}

fn items(list: &str) -> Vec<&str> {
    list.trim()
        .trim_matches(['[', ']'])
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect()
}

/// Nodes as `p = MaxPool(x) kernel_shape=[2,2] ceil_mode=1; y = Relu(p)`.
pub(crate) fn nodes(text: &str) -> Vec<NodeProto> {
    text.split(';').map(|line| node(line.trim())).collect()
}

fn node(line: &str) -> NodeProto {
    let (outputs, rest) = line
        .split_once(" = ")
        .unwrap_or_else(|| panic!("node '{line}'"));
    let (op, rest) = rest
        .split_once('(')
        .unwrap_or_else(|| panic!("node '{line}'"));
    let (inputs, attributes) = rest
        .split_once(')')
        .unwrap_or_else(|| panic!("node '{line}'"));
    let names = |list: &str| match list.trim() {
        "" => vec![],
        list => list.split(',').map(|name| name.trim().to_owned()).collect(),
    };
    let (domain, op) = op
        .split_once(':')
        .map_or((None, op), |(domain, op)| (Some(domain.to_owned()), op));
    NodeProto {
        op_type: Some(op.into()),
        domain,
        name: Some(names(outputs)[0].clone()),
        input: names(inputs),
        output: names(outputs),
        attribute: attributes.split_whitespace().map(attribute).collect(),
        ..Default::default()
    }
}

fn attribute(text: &str) -> AttributeProto {
    let (name, value) = text
        .split_once('=')
        .unwrap_or_else(|| panic!("attribute '{text}'"));
    let integers = |list: &[&str]| {
        list.iter()
            .map(|v| v.parse())
            .collect::<Result<Vec<i64>, _>>()
    };
    let floats = |list: &[&str]| {
        list.iter()
            .map(|v| v.parse())
            .collect::<Result<Vec<f32>, _>>()
    };
    let list = items(value);
    let attribute: AttributeProto = match (value.starts_with('['), integers(&list), floats(&list)) {
        (true, Ok(integers), _) => integers.into(),
        (true, _, Ok(floats)) => AttributeProto {
            r#type: Some(AttributeType::Floats as i32),
            floats,
            ..Default::default()
        },
        (false, Ok(integers), _) => integers[0].into(),
        (false, _, Ok(floats)) => floats[0].into(),
        _ => value.into(),
    };
    AttributeProto {
        name: Some(name.into()),
        ..attribute
    }
}

/// A float32 input of a fixed shape.
pub(crate) fn declared(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |&n: &usize| shape::Dimension {
        value: Some(shape::dimension::Value::DimValue(n as i64)),
        ..Default::default()
    };
    let dims = TensorShapeProto {
        dim: dims.iter().map(dim).collect(),
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(1),
        shape: Some(dims),
    };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A model from `x` to `y`.
pub(crate) fn model(
    opset: i64,
    x: &[usize],
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
) -> ModelProto {
    let graph = GraphProto {
        name: Some("case".into()),
        node: nodes,
        initializer: weights,
        input: vec![declared("x", x)],
        output: vec![ValueInfoProto {
            name: Some("y".into()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let opset = OperatorSetIdProto {
        version: Some(opset),
        ..Default::default()
    };
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![opset],
        graph: Some(graph),
        ..Default::default()
    }
}

/// The model that the notation describes.
pub(crate) fn written(opset: i64, x: &[usize], graph: &str, constants: &str) -> ModelProto {
    model(opset, x, nodes(graph), weights(constants))
}

/// An encoded model with a `Loop` whose condition never becomes false.
pub(crate) fn endless() -> Vec<u8> {
    let graph = "c = Loop(, yes); g = GlobalAveragePool(x); f = Flatten(g); y = Add(f, c)";
    let mut model = written(17, &[1, 3, 16, 16], graph, "");
    let outer = model.graph.as_mut().unwrap();
    let truth = |name: &str| TensorProto {
        name: Some(name.into()),
        data_type: Some(9),
        raw_data: Some(vec![1].into()),
        ..Default::default()
    };
    outer.initializer.push(truth("yes"));
    let body = GraphProto {
        node: nodes("go = Identity(on); s = Identity(one)"),
        initializer: vec![truth("on"), TensorProto::from_floats("one", &[], &[1.0])],
        input: ["i", "before"]
            .map(|n| ValueInfoProto {
                name: Some(n.into()),
                ..Default::default()
            })
            .into(),
        output: ["go", "s"]
            .map(|n| ValueInfoProto {
                name: Some(n.into()),
                ..Default::default()
            })
            .into(),
        ..Default::default()
    };
    outer.node[0].attribute = vec![AttributeProto {
        name: Some("body".into()),
        g: Some(body),
        ..Default::default()
    }];
    onnx_grad::onnx::encode(&model)
}
