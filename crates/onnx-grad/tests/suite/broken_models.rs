//! Model files that are broken, or made to do harm: each is refused at once, in an error that names
//! the fault and, where it is in the file, the file.
//!
//! The same through the program: `tests/suite/gradient/broken_models.rs` of `localise`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use onnx_grad::gradient::{self, Options};
use onnx_grad::onnx::proto::tensor_shape_proto::{Dimension, dimension};
use onnx_grad::onnx::proto::{TensorProto, type_proto};
use onnx_grad::onnx::{self, encode};

use crate::support::changed::{add, external, graph, weight, with};
use crate::support::notation::{endless, nodes, numbers, written};
use crate::support::runtime::OrtRuntime;

/// The longest that loading and compiling one of the models may take, on a machine where other
/// tests run at the same time.
const TIME_LIMIT: Duration = Duration::from_secs(8);

/// [`add`] after a change of the type of its input, encoded.
fn input(change: impl FnOnce(&mut type_proto::Tensor)) -> Vec<u8> {
    with(|model| {
        let value = graph(model).input[0]
            .r#type
            .as_mut()
            .unwrap()
            .value
            .as_mut()
            .unwrap();
        let type_proto::Value::TensorType(tensor) = value else {
            unreachable!("a tensor")
        };
        change(tensor);
    })
}

/// A model that adds the sum of a constant of this shape, encoded.
fn constant_of_shape(dims: &str) -> Vec<u8> {
    encode(&written(
        17,
        &[1, 4],
        "c = ConstantOfShape(n); s = ReduceSum(c); y = Add(x, s)",
        &format!("n = {dims}"),
    ))
}

/// `If` in `If`, 3,000 deep, written as bytes because no encoder goes that deep.
fn nested() -> Vec<u8> {
    // A field of bytes: its number and wire type 2, its length as a varint, its content.
    let field = |number: u8, content: &[u8]| {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 128 {
            bytes.push(length as u8 | 128);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(content);
        bytes
    };
    let mut inner = Vec::new();
    for _ in 0..3000 {
        let branch = [field(1, b"then_branch"), field(6, &inner)].concat();
        inner = field(1, &[field(4, b"If"), field(5, &branch)].concat());
    }
    [vec![8, 8], field(7, &inner)].concat()
}

/// Models as files in `folder`, with words of the error that each ends in; none where there is no
/// error.
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn models(folder: &Path) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = encode(&add());
    let random: Vec<u8> = numbers(500, 1)
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let secret = folder.parent().unwrap().join("secret.bin");
    fs::write(&secret, [0; 16]).unwrap();
    fs::write(folder.join("w.bin"), [0; 16]).unwrap();
    fs::hard_link(folder.join("w.bin"), folder.join("hard.bin")).unwrap();
    symlink("../secret.bin", folder.join("link.bin")).unwrap();
    let dim = |name: &str| Dimension {
        value: Some(dimension::Value::DimParam(name.into())),
        ..Default::default()
    };
    vec![
        ("good", good.clone(), ""),
        (
            "truncated",
            good[..good.len() / 2].to_vec(),
            "not a usable ONNX model",
        ),
        ("zero", vec![], "the file is empty"),
        ("random", random, "not a usable ONNX model"),
        (
            "lfs",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec(),
            "git-lfs pointer",
        ),
        (
            "html",
            b"<!DOCTYPE html><html><body>404</body></html>".to_vec(),
            "not a usable ONNX model",
        ),
        (
            "cycle",
            with(|m| graph(m).node = nodes("a = Add(x, b); b = Add(a, w); y = Add(a, b)")),
            "a cycle",
        ),
        (
            "unknown-op",
            with(|m| graph(m).node[0].op_type = Some("Ad".into())),
            "no gradient rule for 1 operator(s)",
        ),
        (
            "unknown-domain",
            with(|m| graph(m).node[0].domain = Some("shop".into())),
            "shop:Add",
        ),
        (
            "future-opset",
            with(|m| m.opset_import[0].version = Some(99)),
            "opset 99",
        ),
        (
            "future-ir",
            with(|m| m.ir_version = Some(99)),
            "IR version 99",
        ),
        ("external", external("w.bin", &[]), ""),
        (
            "external-parent",
            external("../secret.bin", &[]),
            "outside the model's folder",
        ),
        (
            "external-absolute",
            external(secret.to_str().unwrap(), &[]),
            "outside the model's folder",
        ),
        (
            "external-symlink",
            external("link.bin", &[]),
            "outside the model's folder",
        ),
        ("external-hard-link", external("hard.bin", &[]), ""),
        (
            "external-missing",
            external("gone.bin", &[]),
            "cannot be read",
        ),
        (
            "external-short",
            external("w.bin", &[("length", "32")]),
            "but the file has 16",
        ),
        (
            "external-huge",
            external("w.bin", &[("length", "1125899906842624")]),
            "but the file has 16",
        ),
        (
            "external-negative",
            external("w.bin", &[("offset", "-4")]),
            "not a size",
        ),
        (
            "external-device",
            external("/dev/zero", &[("length", "16")]),
            "outside the model's folder",
        ),
        (
            "huge-dimensions",
            weight(|w| w.dims = vec![1 << 40, 1 << 40]),
            "impossible shape",
        ),
        (
            "size-mismatch",
            weight(|w| w.dims = vec![5]),
            "has 16 bytes, but needs 20",
        ),
        (
            "negative-dimension",
            weight(|w| w.dims = vec![-4]),
            "impossible shape",
        ),
        (
            "large-constant",
            constant_of_shape("[68719476736]"),
            "of more than 4 GiB",
        ),
        (
            "12-gb-constant",
            constant_of_shape("[3, 1073741824]"),
            "of more than 4 GiB",
        ),
        (
            "nan",
            weight(|w| *w = TensorProto::from_floats("w", &[4], &[f32::NAN; 4])),
            "not finite",
        ),
        (
            "inf",
            weight(|w| *w = TensorProto::from_floats("w", &[4], &[f32::INFINITY; 4])),
            "not finite",
        ),
        ("endless-loop", endless(), "Loop"),
        ("nested-if", nested(), "not a usable ONNX model"),
        (
            "dynamic",
            input(|t| t.shape.as_mut().unwrap().dim = ["n", "c", "h", "w"].map(dim).into()),
            "leaves its size open",
        ),
        (
            "uint8",
            input(|t| t.elem_type = Some(2)),
            "is of type uint8",
        ),
    ]
}

#[test]
fn hostile_models_end_in_a_clear_error_at_once() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("models");
    fs::create_dir(&folder).unwrap();
    let models = models(&folder);
    assert_eq!(models.len(), 32);
    for (name, bytes, expected) in models {
        let path = folder.join(name).with_extension("onnx");
        fs::write(&path, bytes).unwrap();
        let start = Instant::now();
        let result = onnx::load(&path)
            .map_err(|e| (e.to_string(), true))
            .and_then(|model| {
                gradient::compile(&model, &Options::default(), &OrtRuntime)
                    .map_err(|e| (e.to_string(), false))
            });
        let elapsed = start.elapsed();
        assert!(elapsed < TIME_LIMIT, "{name} took {elapsed:?}");
        match result {
            Ok(_) => assert!(expected.is_empty(), "{name} is not refused"),
            Err((message, in_file)) => {
                assert!(!expected.is_empty(), "{name}: {message}");
                assert!(message.contains(expected), "{name}: {message}");
                assert!(
                    !in_file || message.contains(path.to_str().unwrap()),
                    "{name} is not named: {message}"
                );
            }
        }
    }
}
