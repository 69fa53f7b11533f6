//! Model files that are broken, or made to do harm: the program ends at once, with an error that
//! names the file and the fault.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use assert_cmd::cargo::cargo_bin;
use onnx_grad::onnx::proto::{AttributeProto, GraphProto, ModelProto, TensorProto};
use onnx_grad::onnx::{declared, encode};
use prost::Message;

use crate::support::changed::{add, external, graph, weight, with};
use crate::support::job::Job;
use crate::support::notation::{endless, nodes, written};
use crate::support::program::{ended, localise, lossy};
use crate::support::{strace, within};

fn constant_of_shape(dims: &str) -> Vec<u8> {
    encode(&written(
        17,
        &[1, 4],
        "c = ConstantOfShape(n); s = ReduceSum(c); y = Add(x, s)",
        &format!("n = {dims}"),
    ))
}

/// Models as files, with words of the error that each ends in; none where there is no error. One
/// for each kind of error: crates/onnx-grad/tests/suite/broken_models.rs has many more of each.
fn models(folder: &Path) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    fs::write(folder.parent().unwrap().join("secret.bin"), [0; 16]).unwrap();
    fs::write(folder.join("w.bin"), [0; 16]).unwrap();
    let good = encode(&add());
    let unknown = with(|m| graph(m).node[0].op_type = Some("Ad".into()));
    vec![
        ("good", good.clone(), ""),
        (
            "truncated",
            good[..good.len() / 2].to_vec(),
            "not a usable ONNX model",
        ),
        ("external", external("w.bin", &[]), ""),
        (
            "external-parent",
            external("../secret.bin", &[]),
            "outside the model's folder",
        ),
        ("unknown-op", unknown, "no gradient rule for 1 operator(s)"),
        (
            "nan",
            weight(|w| *w = TensorProto::from_floats("w", &[4], &[f32::NAN; 4])),
            "not finite",
        ),
        (
            "12-gb-constant",
            constant_of_shape("[3, 1073741824]"),
            "of more than 4 GiB",
        ),
        ("endless-loop", endless(), "Loop"),
    ]
}

#[test]
fn a_broken_model_ends_the_program_at_once() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("models");
    fs::create_dir(&folder).unwrap();
    for (name, bytes, expected) in models(&folder) {
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

/// A location that leads out of the folder is never opened, wherever in the model it is, and no
/// pipe is waited for.
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
            let wanted = ["outside the model's folder", "not a regular file"];
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

/// A run refuses a model that does not fit its description before it reads a photo, also where
/// memory is short.
#[test]
fn a_model_that_does_not_fit_is_refused_by_a_run() {
    let job = Job::new(2);
    let refused = |model: Vec<u8>, expected: &str| {
        fs::write(job.out("small.onnx"), model).unwrap();
        let start = Instant::now();
        // As in a job whose address space is limited to 8 GiB.
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
        "the shape of its input is [1, 3, 8, 8]",
    );
    refused(
        written(&[1, 768], "y = Gemm(x, w)", "w: 768x2"),
        "the shape of its input is [1, 768]",
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

/// What `localise grad` prints about inputs and outputs, and what the file records about its
/// origin.
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
    let of_classes = "input   x [1, 3, 2, 2]\noutput  y [1, 6]\noutput  classes [2]\noutput  x_grad [2, 3, 2, 2]\n";
    assert_eq!(run(&["--classes", "2"]), of_classes);
    let of_seed_input = "input   x [1, 3, 2, 2]\ninput   seed [M, 6]\noutput  y [1, 6]\noutput  f_grad [M, 12]\noutput  f [1, 12]\n";
    assert_eq!(run(&["--seed-input", "--wrt", "f"]), of_seed_input);
    let written = onnx_grad::onnx::load(&output).unwrap();
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

/// `localise grad` takes what `localise run --model` takes.
#[test]
fn a_gradient_model_is_made_by_name_or_by_description() {
    let folder = tempfile::tempdir().unwrap();
    let made = |model: &str| {
        let output = folder.path().join("g.onnx");
        ended(0, localise().args(["grad", model, "-o"]).arg(&output));
        fs::read(output).unwrap()
    };
    let file = made("data/models/squeezenet1.1.onnx");
    assert_eq!(made("squeezenet1.1"), file);
    assert_eq!(made("data/models/squeezenet1.1.toml"), file);
    // What a description says of the scores counts, and a file that is not there is named.
    let text = fs::read_to_string("data/models/squeezenet1.1.toml").unwrap();
    let model = fs::canonicalize("data/models/squeezenet1.1.onnx").unwrap();
    let refusal = |onnx: &str, key: &str| {
        let changed = text.replace("squeezenet1.1.onnx", onnx);
        let path = folder.path().join("changed.toml");
        fs::write(
            &path,
            changed.replace("channels = ", &format!("{key}channels = ")),
        )
        .unwrap();
        let output = folder.path().join("changed.onnx");
        ended(2, localise().arg("grad").arg(&path).arg("-o").arg(output)).1
    };
    let of_target = refusal(model.to_str().unwrap(), "target = \"elsewhere\"\n");
    assert!(of_target.contains("elsewhere"), "{of_target}");
    let of_file = refusal("missing.onnx", "");
    assert!(
        of_file.contains("help: fetch it with scripts/fetch-models"),
        "{of_file}"
    );
}
