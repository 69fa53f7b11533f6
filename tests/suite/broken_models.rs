//! Model files that are broken, or made to break: each ends at once, in an error that names the
//! file and the fault.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use assert_cmd::cargo::cargo_bin;
use localise::onnx::proto::tensor_proto::DataLocation;
use localise::onnx::proto::tensor_shape_proto::{Dimension, dimension};
use localise::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, StringStringEntryProto, TensorProto, type_proto,
};
use localise::onnx::{declared, encode};
use prost::Message;

use crate::support::job::Job;
use crate::support::models::endless;
use crate::support::notation::{nodes, numbers, written};
use crate::support::program::{ended, localise, lossy};
use crate::support::{strace, within};

/// `y = x + w`, four numbers.
fn add() -> ModelProto {
    written(17, &[1, 4], "y = Add(x, w)", "w = [0.5, 1.5, 2.5, 3.5]")
}

fn with(change: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    let mut model = add();
    change(&mut model);
    encode(&model)
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

fn weight(change: impl FnOnce(&mut TensorProto)) -> Vec<u8> {
    with(|model| change(&mut graph(model).initializer[0]))
}

fn external(location: &str, more: &[(&str, &str)]) -> Vec<u8> {
    weight(|w| {
        let entry = |(k, v): (&str, &str)| StringStringEntryProto {
            key: Some(k.into()),
            value: Some(v.into()),
        };
        w.raw_data = None;
        w.data_location = Some(DataLocation::External as i32);
        w.external_data = [("location", location)]
            .iter()
            .chain(more)
            .map(|&e| entry(e))
            .collect();
    })
}

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

fn constant_of_shape(dims: &str) -> Vec<u8> {
    encode(&written(
        17,
        &[1, 4],
        "c = ConstantOfShape(n); s = ReduceSum(c); y = Add(x, s)",
        &format!("n = {dims}"),
    ))
}

/// `If` in `If`, 3,000 deep, as bytes: no encoder goes that far.
fn nested() -> Vec<u8> {
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
            "no size",
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
            "holds 16 bytes where 20 belong",
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
        let (path, output) = (
            folder.join(name).with_extension("onnx"),
            folder.join("grad.onnx"),
        );
        fs::write(&path, bytes).unwrap();
        let _ = fs::remove_file(&output);
        let start = Instant::now();
        let result = localise()
            .arg("grad")
            .arg(&path)
            .arg("-o")
            .arg(&output)
            .output()
            .unwrap();
        let (took, message) = (start.elapsed(), lossy(&result.stderr));
        assert!(took < within(2.0), "{name} took {took:?}");
        let code = if expected.is_empty() { 0 } else { 2 };
        assert_eq!(result.status.code(), Some(code), "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
        assert!(
            expected.is_empty() || message.contains(path.to_str().unwrap()),
            "{name} is not named: {message}"
        );
        assert_eq!(output.exists(), expected.is_empty(), "{name}");
    }
}

/// A location that leads out of the folder is never opened, wherever in the model it stands; a pipe
/// is not waited for.
#[test]
fn nothing_outside_the_folder_is_opened() {
    if !strace() {
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("models");
    fs::create_dir(&folder).unwrap();
    let secret = outer.path().join("secret.bin");
    fs::write(&secret, [0; 16]).unwrap();
    symlink(&secret, folder.join("link.bin")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(folder.join("pipe.bin"))
            .status()
            .unwrap()
            .success()
    );
    let tensor = |location: &str| {
        let model = ModelProto::decode(external(location, &[]).as_slice()).unwrap();
        model.graph.unwrap().initializer.remove(0)
    };
    let attribute = |location: &str| AttributeProto {
        name: Some("value".into()),
        t: Some(tensor(location)),
        ..Default::default()
    };
    let in_an_attribute = |location: &str| {
        with(|model| {
            graph(model).node = nodes("c = Constant(); y = Add(x, c)");
            graph(model).node[0].attribute = vec![attribute(location)];
        })
    };
    let in_a_subgraph = |location: &str| {
        with(|model| {
            let inner = GraphProto {
                initializer: vec![tensor(location)],
                ..Default::default()
            };
            let branch = AttributeProto {
                name: Some("then_branch".into()),
                g: Some(inner),
                ..Default::default()
            };
            graph(model).node = nodes("c = If(w); y = Add(x, c)");
            graph(model).node[0].attribute = vec![branch];
        })
    };
    let (path, trace) = (folder.join("model.onnx"), outer.path().join("trace"));
    let mut tried = 0;
    for location in [
        "../secret.bin",
        secret.to_str().unwrap(),
        "link.bin",
        "pipe.bin",
        "/dev/zero",
        "./../secret.bin",
    ] {
        for model in [
            external(location, &[]),
            in_an_attribute(location),
            in_a_subgraph(location),
        ] {
            fs::write(&path, model).unwrap();
            let start = Instant::now();
            let mut command = Command::new("strace");
            command.args([
                "-f",
                "-qqq",
                "-e",
                "trace=open,openat",
                "-o",
                trace.to_str().unwrap(),
            ]);
            let output = command
                .arg(cargo_bin("localise"))
                .arg("grad")
                .arg(&path)
                .arg("-o")
                .arg(outer.path().join("g.onnx"))
                .output()
                .unwrap();
            let said = lossy(&output.stderr);
            assert!(
                start.elapsed() < within(4.0),
                "{location} took {:?}",
                start.elapsed()
            );
            assert_eq!(output.status.code(), Some(2), "{location}: {said}");
            let wanted = ["outside the model's folder", "no regular file"];
            assert!(
                wanted.iter().any(|wanted| said.contains(wanted)) && said.contains("'w'"),
                "{location}: {said}"
            );
            let opened = fs::read_to_string(&trace).unwrap();
            for target in ["secret.bin", "pipe.bin", "/dev/zero", "link.bin"] {
                assert!(!opened.contains(target), "{location}: {opened}");
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 18);
}

/// Through a run: what does not fit its description is refused before any photo, also where memory
/// is short.
#[test]
fn a_model_that_does_not_fit_is_refused_by_a_run() {
    let job = Job::new(2);
    let refused = |model: Vec<u8>, expected: &str| {
        fs::write(job.out("small.onnx"), model).unwrap();
        let start = Instant::now();
        // As a job with a limit on its address space, 8 GiB.
        let mut limited = Command::new("sh");
        limited
            .args(["-c", "ulimit -v 8388608; exec \"$@\"", "sh"])
            .arg(cargo_bin("localise"));
        let said = ended(2, limited.args(job.arguments("out"))).1;
        assert!(
            said.contains(expected) && said.contains("small.onnx"),
            "{expected}: {said}"
        );
        assert!(
            start.elapsed() < within(2.0),
            "{expected} took {:?}",
            start.elapsed()
        );
    };
    let flat = "f = Flatten(x); y = Gemm(f, w)";
    let written = |x: &[usize], graph: &str, weights: &str| encode(&written(17, x, graph, weights));
    refused(
        written(&[1, 3, 16, 16], flat, "w: 768x3"),
        "the model has 3 class scores",
    );
    refused(
        written(&[1, 3, 8, 8], flat, "w: 192x2"),
        "its input is of shape [1, 3, 8, 8]",
    );
    refused(
        written(&[1, 768], "y = Gemm(x, w)", "w: 768x2"),
        "its input is of shape [1, 768]",
    );
    refused(
        written(
            &[1, 3, 16, 16],
            "f = Flatten(x); s = Sign(f); y = Gemm(s, w)",
            "w: 768x2",
        ),
        "only in steps",
    );
    refused(
        written(
            &[1, 3, 16, 16],
            "f = Flatten(x); g = Gemm(f, w); y = Softmax(g); z = Neg(y)",
            "w: 768x3",
        ),
        "3 class",
    );
    for size in ["0", "-3", "4611686018427387904"] {
        let graph = format!("l = LRN(x) size={size}; f = Flatten(l); y = Gemm(f, w)");
        refused(written(&[1, 3, 16, 16], &graph, "w: 768x2"), "LRN");
    }
    let large = "f = Flatten(x); g = Gemm(f, w); c = ConstantOfShape(n); s = ReduceSum(c) keepdims=0; y = Add(g, s)";
    refused(
        written(&[1, 3, 16, 16], large, "w: 768x2; n = [3, 1073741824]"),
        "of more than 4 GiB",
    );
}

/// What `localise grad` says of its inputs and outputs, and what it writes down about their origin.
#[test]
fn a_gradient_model_tells_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, output) = (folder.path().join("m.onnx"), folder.path().join("g.onnx"));
    fs::write(
        &path,
        encode(&written(
            17,
            &[1, 3, 2, 2],
            "f = Flatten(x); y = Gemm(f, w)",
            "w: 12x6",
        )),
    )
    .unwrap();
    let run = |more: &[&str]| {
        ended(
            0,
            localise()
                .arg("grad")
                .arg(&path)
                .arg("-o")
                .arg(&output)
                .args(more),
        )
        .0
    };
    let table = "input   x [1, 3, 2, 2]\noutput  y [1, 6]\noutput  classes [2]\noutput  x_grad [2, 3, 2, 2]\n";
    assert_eq!(run(&["--classes", "2"]), table);
    let table = "input   x [1, 3, 2, 2]\ninput   seed [M, 6]\noutput  y [1, 6]\noutput  f_grad [M, 12]\noutput  f [1, 12]\n";
    assert_eq!(run(&["--seed-input", "--wrt", "f"]), table);
    let written = localise::onnx::load(&output).unwrap();
    let facts: Vec<_> = written
        .metadata_props
        .iter()
        .map(|p| (p.key(), p.value()))
        .collect();
    assert_eq!(facts[0].0, "localise.source_sha256");
    assert_eq!(facts[0].1.len(), 64);
    assert!(facts[1].1.contains("wrt: [\"f\"]"), "{facts:?}");
    assert_eq!(
        declared(&written.graph.unwrap().output[1]),
        "f_grad [M, 12]"
    );
}
