//! The onnx package's own tests: every operator test whose operator has a rule is differentiated
//! and compared with differences, and so are the nine light graphs of the model zoo.
//! `scripts/fetch-onnx-tests` fetches them into the root of the repository.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use onnx_grad::gradient::rules::RULES;
use onnx_grad::gradient::{self, GradientModel, Options, SEED};
use onnx_grad::onnx::proto::{ModelProto, TensorProto, ValueInfoProto};
use prost::Message;

use crate::support::models::{merge_images, values};
use crate::support::notation::numbers;
use crate::support::runtime::{self, OrtModel, OrtRuntime};

const FLOAT: i32 = 1;

/// The entries of a folder of the package's tests, in order.
fn entries(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join(".onnx-tests").join(kind);
    let read = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}; scripts/test fetches it", folder.display()));
    let mut paths: Vec<_> = read.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The outcome of a test.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Outcome {
    /// Its gradients agree with differences.
    Agrees,
    /// It has no float32 input, or no float32 output that depends on it: there is nothing to
    /// differentiate.
    NoFloats,
    /// The rule or the compiler refuses it.
    Refused,
    /// ONNX Runtime has no kernel for it, or cannot read its data.
    NotRun,
    /// The data are at a kink at every place tried.
    Kinks,
}

#[test]
fn the_operators_tests_are_differentiated() {
    let known: HashSet<_> = RULES.iter().map(|rule| rule.operator).collect();
    let mut outcomes = BTreeMap::<Outcome, usize>::new();
    let (mut refusals, mut wrong) = (Vec::new(), Vec::new());
    let mut operators = HashSet::new();
    for folder in entries("node") {
        let Ok(model) = onnx_grad::onnx::load(&folder.join("model.onnx")) else {
            continue;
        };
        let [node] = &model.graph.as_ref().unwrap().node[..] else {
            continue;
        };
        if !known.contains(node.op_type()) || !node.domain().is_empty() {
            continue;
        }
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        match differentiate(&model, &folder.join("test_data_set_0")) {
            Ok((outcome, reason)) => {
                *outcomes.entry(outcome).or_default() += 1;
                if outcome == Outcome::Agrees {
                    operators.insert(node.op_type().to_owned());
                }
                if outcome == Outcome::Refused {
                    refusals.push(format!("{name}: {reason}"));
                }
            }
            Err(reason) => wrong.push(format!("{name}: {reason}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let expected = [
        (Outcome::Agrees, 510),
        (Outcome::NoFloats, 265),
        (Outcome::Refused, 55),
        (Outcome::NotRun, 5),
    ];
    let refusals = refusals.join("\n");
    assert_eq!(outcomes, BTreeMap::from(expected), "refused:\n{refusals}");
    assert_eq!(operators.len(), 97, "{operators:?}");
}

/// A stored input or output of a test.
fn data(folder: &Path, what: &str, i: usize) -> Option<TensorProto> {
    let bytes = fs::read(folder.join(format!("{what}_{i}.pb"))).ok()?;
    TensorProto::decode(bytes.as_slice()).ok()
}

/// The model of a test and its image: the first float32 input is the image, the others are weights.
fn prepared(
    model: &ModelProto,
    data_set: &Path,
) -> Result<(ModelProto, TensorProto), &'static str> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().unwrap();
    let inputs: Vec<_> = graph
        .input
        .iter()
        .map(|input| input.name().to_owned())
        .collect();
    let mut values = Vec::new();
    for (i, name) in inputs.iter().enumerate() {
        let value = data(data_set, "input", i).ok_or("an input is not a tensor")?;
        values.push(TensorProto {
            name: Some(name.clone()),
            ..value
        });
    }
    let at = values
        .iter()
        .position(|v| v.data_type() == FLOAT && !v.dims.contains(&0))
        .ok_or("no float32 input")?;
    let image = values.remove(at);
    graph.input = vec![graph.input[at].clone()];
    graph.initializer.extend(values);
    let dims = merge_images(graph, &image.shape());
    let image = TensorProto {
        name: graph.input[0].name.clone(),
        dims: dims.iter().map(|&n| n as i64).collect(),
        ..image
    };
    graph.output.truncate(1);
    if data(data_set, "output", 0).is_none_or(|y| y.data_type() != FLOAT) {
        return Err("no float32 output");
    }
    Ok((model, image))
}

/// Compares the gradient of a test's operator with differences.
fn differentiate(model: &ModelProto, data_set: &Path) -> Result<(Outcome, String), String> {
    let ended = |outcome: Outcome, reason: &str| Ok((outcome, reason.to_owned()));
    let (model, image) = match prepared(model, data_set) {
        Ok(prepared) => prepared,
        Err(reason) => return ended(Outcome::NoFloats, reason),
    };
    // The output itself, also where the operator is a softmax.
    let options = Options {
        target: Some(model.graph.as_ref().unwrap().output[0].name().to_owned()),
        ..Options::default()
    };
    let Ok(mut forward) = OrtModel::new(&model) else {
        return ended(Outcome::NotRun, "");
    };
    let Ok(y) = forward.run(std::slice::from_ref(&image)) else {
        return ended(Outcome::NotRun, "");
    };
    let compiled = match gradient::compile(&model, &options, &OrtRuntime) {
        Ok(compiled) => compiled,
        Err(e) => return ended(Outcome::Refused, &e.to_string().replace('\n', " ")),
    };
    if compiled.classes == 0 || y[0].floats()?.iter().any(|v| !v.is_finite()) {
        return ended(Outcome::NoFloats, "an empty or infinite result");
    }
    let seed = numbers(compiled.classes, 7);
    let rows = TensorProto::from_floats(SEED, &[1, compiled.classes], &seed);
    let outputs = runtime::run(&compiled.model, &[image.clone(), rows])?;
    let gradient = values(&outputs, &compiled.gradients[0]);
    let y = y[0].floats()?;
    let products = y.iter().zip(&seed).map(|(y, s)| f64::from((y * s).abs()));
    let size = products.sum::<f64>();
    let smooth = compare_with_differences(&mut forward, &image, &seed, size, &gradient)?;
    if smooth > 0 {
        ended(Outcome::Agrees, "")
    } else {
        ended(Outcome::Kinks, "")
    }
}

/// Compares the gradient with differences of S(x) = Σ seed · y at up to 60 places. Where the
/// differences on the two sides disagree there is a kink. `size` is Σ |seed · y|, from which the
/// rounding error of S follows. Returns the number of places without a kink.
fn compare_with_differences(
    forward: &mut OrtModel,
    image: &TensorProto,
    seed: &[f32],
    size: f64,
    gradient: &[f32],
) -> Result<usize, String> {
    let x = image.floats()?;
    let mut value = |at: &[f32]| -> Result<f64, String> {
        let y = forward.run(&[TensorProto::from_floats(image.name(), &image.shape(), at)])?;
        Ok(dot(&y[0].floats()?, seed))
    };
    let (middle, mut smooth) = (value(&x)?, 0);
    for place in (0..x.len()).step_by(x.len().div_ceil(60)) {
        let step = 2e-3f32.max(x[place].abs() * 2e-3);
        let mut at = |by: f32| {
            let mut moved = x.clone();
            moved[place] += by;
            Ok::<_, String>((
                f64::from(moved[place]) - f64::from(x[place]),
                value(&moved)?,
            ))
        };
        let ((right, above), (left, below)) = (at(step)?, at(-step)?);
        let (up, down) = ((above - middle) / right, (below - middle) / left);
        let (half, nearer) = at(step / 2.0)?;
        let rounding = size * f64::from(f32::EPSILON) / f64::from(step);
        let scale = up.abs().max(down.abs());
        // A kink shows on its two sides, a jump by a slope that grows as the step shrinks.
        let bent = |other: f64| (up - other).abs() > 0.05 * scale + 4.0 * rounding;
        if bent(down) || bent((nearer - middle) / half) {
            continue;
        }
        smooth += 1;
        let (expected, found) = ((above - below) / (right - left), f64::from(gradient[place]));
        let allowed = 0.02 * scale + rounding + 1e-4;
        if found.is_nan() || (found - expected).abs() > allowed {
            return Err(format!(
                "at {place}: {found:e}, by differences {expected:e} (± {allowed:.0e})"
            ));
        }
    }
    Ok(smooth)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
    products.sum()
}

/// The light graphs generate their weights with `ConstantOfShape`. These are replaced by numbers
/// that are scaled by their fan-in.
#[test]
fn the_light_graphs_are_differentiated() {
    let mut graphs = 0;
    for path in entries("light") {
        if path.extension().is_none_or(|e| e != "onnx") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let model = with_numbers(onnx_grad::onnx::load(&path).unwrap());
        let compiled = gradient::compile(&model, &Options::default(), &OrtRuntime)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        graphs += 1;
        // The larger ones differ in size only; `benches/pytorch/light.py` measures them all.
        if matches!(
            name.as_str(),
            "light_squeezenet" | "light_shufflenet" | "light_inception_v1" | "light_zfnet512"
        ) {
            let (difference, integral) = along_a_line(&compiled, 17);
            assert!(
                (difference - integral).abs() <= 0.03 * integral.abs(),
                "{name}: {difference:e}, {integral:e}"
            );
        }
    }
    assert_eq!(graphs, 9);
}

/// S(x + hv) − S(x − hv) for the score S of a class, and the integral of ∇S · v over the same
/// line by the midpoint rule.
fn along_a_line(compiled: &GradientModel, class: usize) -> (f64, f64) {
    let (step, points) = (0.02, 64);
    let count: usize = compiled.input_shape.iter().product();
    let (x, v) = (numbers(count, 1), numbers(count, 2));
    let at = |t: f64| {
        let mut values = Vec::new();
        for (&a, &b) in x.iter().zip(&v) {
            values.push((f64::from(a) + t * f64::from(b)) as f32);
        }
        TensorProto::from_floats(&compiled.input, &compiled.input_shape, &values)
    };

    let mut forward = OrtModel::new(&compiled.forward).unwrap();
    let mut score = |t: f64| f64::from(forward.run(&[at(t)]).unwrap()[0].floats().unwrap()[class]);
    let difference = score(step) - score(-step);

    let mut one_hot = vec![0.0; compiled.classes];
    one_hot[class] = 1.0;
    let seed = TensorProto::from_floats(SEED, &[1, compiled.classes], &one_hot);
    let mut gradient = OrtModel::new(&compiled.model).unwrap();
    let mut slope = |t: f64| {
        let outputs = gradient.run(&[at(t), seed.clone()]).unwrap();
        dot(&values(&outputs, &compiled.gradients[0]), &v)
    };
    let mut sum = 0.0;
    for i in 0..points {
        sum += slope((f64::from(2 * i + 1) / f64::from(points) - 1.0) * step);
    }
    (difference, sum * 2.0 * step / f64::from(points))
}

/// The model with numbers in place of the weights that `ConstantOfShape` generates.
fn with_numbers(mut model: ModelProto) -> ModelProto {
    let graph = model.graph.as_mut().unwrap();
    let shapes: BTreeMap<_, _> = graph
        .initializer
        .iter()
        .map(|t| (t.name().to_owned(), t.integers().ok()))
        .collect();
    let mut weights = Vec::new();
    graph.node.retain(|node| {
        let shape = match node.op_type() {
            "ConstantOfShape" => shapes[&node.input[0]].clone().unwrap(),
            _ => return true,
        };
        let dims: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let fan_in = dims[1..].iter().product::<usize>().max(1) as f32;
        let spread = if dims.len() > 1 {
            (6.0 / fan_in).sqrt()
        } else {
            0.1
        };
        let offset = if dims.len() > 1 { 0.0 } else { 0.6 };
        let unscaled = numbers(dims.iter().product(), weights.len());
        let values: Vec<_> = unscaled.iter().map(|v| offset + spread * v).collect();
        weights.push(TensorProto::from_floats(&node.output[0], &dims, &values));
        false
    });
    let made: HashSet<_> = weights.iter().map(|w| w.name().to_owned()).collect();
    graph
        .input
        .retain(|input: &ValueInfoProto| !made.contains(input.name()));
    graph.initializer.extend(weights);
    model
}
