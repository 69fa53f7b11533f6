//! The onnx package's own tests: every operator test whose operator has a rule, differentiated and
//! checked by differences; and the nine light graphs of the model zoo. `scripts/fetch-onnx-tests`
//! puts them in place.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use localise::classifier::{AnyModel, runtime};
use localise::gradient::rules::RULES;
use localise::gradient::{self, Options, SEED};
use localise::onnx::proto::{ModelProto, TensorProto, ValueInfoProto};
use prost::Message;

use crate::support::notation::numbers;

const FLOAT: i32 = 1;

fn folders(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(".onnx-tests").join(kind);
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}; scripts/test fetches it", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// What became of a test.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fate {
    /// Its gradients agree with differences.
    Agrees,
    /// No float32 input, or no float32 output that depends on it: nothing to differentiate.
    NoFloats,
    /// The rule, or the compiler, says what it does not do.
    Refused,
    /// ONNX Runtime has no kernel for it, or cannot take its data.
    Runtime,
    /// The data sit on kinks at every place tried.
    Kinks,
}

#[test]
fn the_operators_tests_are_differentiated() {
    let known: HashSet<_> = RULES.iter().map(|rule| rule.operator).collect();
    let (mut fates, mut refusals, mut wrong) =
        (BTreeMap::<Fate, usize>::new(), Vec::new(), Vec::new());
    let mut operators = HashSet::new();
    for folder in folders("node") {
        let Ok(model) = localise::onnx::load(&folder.join("model.onnx")) else {
            continue;
        };
        let nodes = &model.graph.as_ref().unwrap().node;
        if nodes.len() != 1 || !known.contains(nodes[0].op_type()) || !nodes[0].domain().is_empty()
        {
            continue;
        }
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        match differentiate(&model, &folder.join("test_data_set_0")) {
            Ok((fate, why)) => {
                *fates.entry(fate).or_default() += 1;
                if fate == Fate::Agrees {
                    operators.insert(nodes[0].op_type().to_owned());
                }
                if fate == Fate::Refused {
                    refusals.push(format!("{name}: {why}"));
                }
            }
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    println!(
        "{fates:?}, {} operators\n{}",
        operators.len(),
        refusals.join("\n")
    );
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        fates[&Fate::Agrees] >= 370 && operators.len() >= 70,
        "too few were checked: {fates:?}"
    );
    assert!(
        fates[&Fate::Refused] <= 30,
        "too many were refused\n{}",
        refusals.join("\n")
    );
}

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
        let value = data(data_set, "input", i).ok_or("an input is no tensor")?;
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
    graph.output.truncate(1);
    if data(data_set, "output", 0).is_none_or(|y| y.data_type() != FLOAT) {
        return Err("no float32 output");
    }
    Ok((model, image))
}

/// Compares the gradient of a test's operator with differences.
fn differentiate(model: &ModelProto, data_set: &Path) -> Result<(Fate, String), String> {
    let no = |fate: Fate, why: &str| Ok((fate, why.to_owned()));
    let (model, image) = match prepared(model, data_set) {
        Ok(prepared) => prepared,
        Err(why) => return no(Fate::NoFloats, why),
    };
    // The values themselves, also where the operator is a softmax.
    let target = model
        .graph
        .as_ref()
        .map(|graph| graph.output[0].name().to_owned());
    let Ok(mut forward) = AnyModel::new(&model) else {
        return no(Fate::Runtime, "");
    };
    let Ok(y) = forward.run(std::slice::from_ref(&image)) else {
        return no(Fate::Runtime, "");
    };
    let compiled = match gradient::compile(
        &model,
        &Options {
            target,
            ..Options::default()
        },
        &runtime(),
    ) {
        Ok(compiled) => compiled,
        Err(e) => return no(Fate::Refused, &e.to_string().replace('\n', " ")),
    };
    if compiled.classes == 0 || y[0].floats()?.iter().any(|v| !v.is_finite()) {
        return no(Fate::NoFloats, "an empty or infinite result");
    }
    let seed = numbers(compiled.classes, 7);
    let rows = TensorProto::from_floats(SEED, &[1, compiled.classes], &seed);
    let outputs = AnyModel::new(&compiled.model)
        .and_then(|mut m| m.run(&[image.clone(), rows]))
        .map_err(|e| e.to_string())?;
    let gradient = outputs
        .iter()
        .find(|t| t.name() == compiled.gradients[0])
        .unwrap()
        .floats()?;
    let size = y[0]
        .floats()?
        .iter()
        .zip(&seed)
        .map(|(y, s)| f64::from((y * s).abs()))
        .sum::<f64>();
    let smooth = by_differences(&mut forward, &image, &seed, size, &gradient)?;
    Ok((
        if smooth > 0 {
            Fate::Agrees
        } else {
            Fate::Kinks
        },
        String::new(),
    ))
}

/// Compares S(x) = Σ seed · y, differenced at up to 60 places, with the gradient; where the two
/// sides differ there is a kink. `size` is Σ |seed · y|, of which S is rounded. Gives the number of
/// places without a kink.
fn by_differences(
    forward: &mut AnyModel,
    image: &TensorProto,
    seed: &[f32],
    size: f64,
    gradient: &[f32],
) -> Result<usize, String> {
    let x = image.floats()?;
    let mut value = |x: &[f32]| -> Result<f64, String> {
        let y = forward
            .run(&[TensorProto::from_floats(image.name(), &image.shape(), x)])
            .map_err(|e| e.to_string())?;
        Ok(y[0]
            .floats()?
            .iter()
            .zip(seed)
            .map(|(&y, &s)| f64::from(y) * f64::from(s))
            .sum())
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

/// The light graphs keep their weights as `ConstantOfShape`; numbers of a fan-in's size take their
/// place.
#[test]
fn the_light_graphs_are_differentiated() {
    let mut seen = 0;
    for path in folders("light")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"))
    {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let model = with_numbers(localise::onnx::load(&path).unwrap());
        let compiled = gradient::compile(&model, &Options::default(), &runtime())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        seen += 1;
        // The larger ones differ in size only; `benches/pytorch/light.py` measures them all.
        if !matches!(
            name.as_str(),
            "light_squeezenet" | "light_shufflenet" | "light_inception_v1" | "light_zfnet512"
        ) {
            continue;
        }
        let count: usize = compiled.input_shape.iter().product();
        let (x, v) = (numbers(count, 1), numbers(count, 2));
        let mut forward = AnyModel::new(&compiled.forward).unwrap();
        let mut both = AnyModel::new(&compiled.model).unwrap();
        let class = 17;
        let seed: Vec<_> = (0..compiled.classes)
            .map(|c| f32::from(u8::from(c == class)))
            .collect();
        let seed = TensorProto::from_floats(SEED, &[1, compiled.classes], &seed);
        let at = |t: f64| {
            let values: Vec<_> = x
                .iter()
                .zip(&v)
                .map(|(&x, &v)| (f64::from(x) + t * f64::from(v)) as f32)
                .collect();
            TensorProto::from_floats(&compiled.input, &compiled.input_shape, &values)
        };
        // S(x + hv) − S(x − hv) against the slope along the way, by the midpoint rule.
        let (step, points) = (0.02, 64);
        let mut score =
            |t: f64| f64::from(forward.run(&[at(t)]).unwrap()[0].floats().unwrap()[class]);
        let difference = score(step) - score(-step);
        let mut slope = |t: f64| {
            let outputs = both.run(&[at(t), seed.clone()]).unwrap();
            let gradient = outputs
                .iter()
                .find(|t| t.name() == compiled.gradients[0])
                .unwrap()
                .floats()
                .unwrap();
            gradient
                .iter()
                .zip(&v)
                .map(|(&g, &v)| f64::from(g) * f64::from(v))
                .sum::<f64>()
        };
        let middles = (0..points).map(|i| (f64::from(2 * i + 1) / f64::from(points) - 1.0) * step);
        let integral = middles.map(&mut slope).sum::<f64>() * 2.0 * step / f64::from(points);
        assert!(
            (difference - integral).abs() <= 0.03 * integral.abs(),
            "{name}: {difference:e}, {integral:e}"
        );
    }
    assert_eq!(seen, 9);
}

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
        let values = numbers(dims.iter().product(), weights.len());
        let values: Vec<_> = values.iter().map(|v| offset + spread * v).collect();
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
