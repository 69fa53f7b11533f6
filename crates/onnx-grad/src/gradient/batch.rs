//! A model that takes a fixed number of images at once is rewritten to take one.
//!
//! The number of images is written in the declaration of the input, in the shapes of `Reshape`,
//! `Expand` and `Resize`, and in constants that have the same values for every image, such as a
//! class token that was expanded. Which axis of a tensor holds the images is seen from two runs that
//! differ in the first image alone.
//!
//! The rewritten model is compared with the original on made-up images. If the scores of an image
//! differ, for example because the images influence each other, the model is refused.

use std::collections::{HashMap, HashSet};

use super::error::GradientError;
use super::graph::{declaration, keep_ancestors, output, varying};
use super::prepare::Prepared;
use super::probe::Facts;
use super::runtime::{Runtime, run};
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

/// How far the scores of an image may be off, relative to the greatest score. The runtime may add
/// in another order.
const TOLERANCE: f32 = 1e-4;

/// The number of images for which the models are compared, from the first and last places of a
/// batch.
const COMPARED: usize = 4;

/// Rewrites a model with the input [N, ., ., .] and a fixed N above 1 to take one image.
pub(super) fn take_one_image(
    prepared: &mut Prepared,
    runtime: &dyn Runtime,
) -> Result<(), GradientError> {
    let shape = prepared.sample.shape();
    if shape.len() != 4 || shape[0] < 2 {
        return Ok(());
    }
    let refused = |reason: String| {
        let (input, images) = (prepared.sample.name(), shape[0]);
        GradientError::export(
            format!("input `{input}` takes {images} images at once, and {reason}"),
            "export the model with a batch size of 1, or with an open one",
        )
    };
    let original = Original {
        prepared,
        images: shape[0],
        runtime,
    };
    let (one, axis) = original.for_one_image().map_err(&refused)?;
    original.compare(&one, axis).map_err(&refused)?;
    *prepared = one;
    Ok(())
}

/// Adds a warning if the classes seem to run over several inputs at once: an input whose first axis
/// is no batch axis of images, but is that of the scores too.
pub(super) fn warn_of_several(prepared: &mut Prepared, facts: &Facts) {
    let first = |shape: &[usize]| shape.first().copied().filter(|&n| n > 1 && shape.len() > 1);
    let input = prepared.sample.shape();
    let scores = facts.shapes.get(&prepared.target);
    if let (Some(n), Some(scores)) = (first(&input), scores)
        && first(scores) == Some(n)
    {
        prepared.warnings.push(format!(
            "the input is of shape {input:?} and the scores `{}` are of shape {scores:?}: if {n} is \
             a number of examples, the index of a class runs over all of them",
            prepared.target
        ));
    }
}

/// The model as it is, for several images.
struct Original<'a> {
    prepared: &'a Prepared,
    images: usize,
    runtime: &'a dyn Runtime,
}

impl Original<'_> {
    /// The model for one image, and the axis of the original scores that holds the images.
    fn for_one_image(&self) -> Result<(Prepared, usize), String> {
        let graph = self.prepared.graph();
        let operands = ConstantOperands::new(graph, self.images);
        let observed = self.observe(&operands)?;
        let weights: HashMap<_, _> = graph.initializer.iter().map(|t| (t.name(), t)).collect();
        let mut one = self.prepared.clone();
        let rewritten = one.graph_mut();
        for node in &mut rewritten.node {
            let Some(axis) = observed.image_axis(&node.output[0], self.images) else {
                continue;
            };
            for i in operands.of(node) {
                let name = node.input[i].as_str();
                let value = weights.get(name).copied();
                let new = value
                    .or_else(|| observed.value(name))
                    .and_then(|value| axis.in_operand(node, i, value));
                if let Some(mut new) = new {
                    let new_name = format!("batch/{}/{i}", node.output[0]);
                    new.name = Some(new_name.clone());
                    rewritten.initializer.push(new);
                    node.input[i] = new_name;
                }
            }
        }
        let mut shape = self.prepared.sample.shape();
        shape[0] = 1;
        let input = self.prepared.sample.name();
        let kind = kind(&self.prepared.sample);
        rewritten.input = vec![declaration(input, kind, None, &shape)];
        one.sample = TensorProto::sample(input, &shape, kind)?;
        let scores = observed.image_axis(&self.prepared.target, self.images);
        let scores = scores.ok_or("its scores are not those of each image")?;
        Ok((one, scores.axis))
    }

    /// Runs the model on two batches that differ in the first image.
    fn observe(&self, operands: &ConstantOperands) -> Result<Observed, String> {
        let graph = self.prepared.graph();
        let mut names = vec![self.prepared.target.clone()];
        for node in &graph.node {
            let constant = operands.of(node);
            let computed = constant
                .iter()
                .map(|&i| &node.input[i])
                .filter(|name| !graph.initializer.iter().any(|w| w.name() == *name));
            names.extend(computed.cloned());
            if !constant.is_empty() {
                names.extend(node.output.first().cloned());
            }
        }
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let shape = self.prepared.sample.shape();
        let before = images(&self.prepared.sample, &shape, 0);
        let mut after = before.clone();
        let changed = images(&self.prepared.sample, &shape, 1);
        copy_image(&changed, &mut after, self.images);
        let [before, after] = [before, after].map(|batch| self.run(self.prepared, &names, &batch));
        Ok(Observed {
            names,
            before: before?,
            after: after?,
        })
    }

    /// Checks that the model for one image gives each image the scores that it has among several.
    /// These are found along `axis` of the original scores.
    fn compare(&self, one: &Prepared, axis: usize) -> Result<(), String> {
        let target = std::slice::from_ref(&self.prepared.target);
        let mut differ = false;
        for salt in 2..4 {
            let batch = images(&self.prepared.sample, &self.prepared.sample.shape(), salt);
            let scores = self.run(self.prepared, target, &batch)?.remove(0);
            let rows = rows(&scores, axis, self.images)?;
            differ |= rows[0] != rows[1];
            for (image, row) in rows.iter().enumerate() {
                if (COMPARED / 2..self.images.saturating_sub(COMPARED / 2)).contains(&image) {
                    continue;
                }
                let alone = self.run(one, target, &one_image(&batch, image, self.images))?;
                let alone = alone[0].floats()?;
                let scale = row.iter().fold(0f32, |m, score| m.max(score.abs()));
                let is_near = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * scale;
                if alone.len() != row.len() || !alone.iter().zip(row).all(is_near) {
                    return Err("the scores of an image depend on the others".into());
                }
            }
        }
        if differ {
            Ok(())
        } else {
            Err("its scores are the same for different images".into())
        }
    }

    /// The values of some tensors of a model.
    fn run(
        &self,
        prepared: &Prepared,
        names: &[String],
        input: &TensorProto,
    ) -> Result<Vec<TensorProto>, String> {
        let mut model = prepared.model.clone();
        let graph: &mut GraphProto = model.graph.as_mut().expect("a prepared model has a graph");
        graph.output = names.iter().map(|name| output(name)).collect();
        keep_ancestors(graph, &names.iter().map(String::as_str).collect::<Vec<_>>());
        run(self.runtime, &model, input).map_err(|e| format!("for one of them {e}"))
    }
}

/// The constant operands of nodes that may hold the number of images.
struct ConstantOperands {
    /// The tensors that depend on the input or on its shape.
    reached: HashSet<String>,
    /// The tensors whose values depend on the input.
    varying: HashSet<String>,
    /// The weights that have no axis for the images.
    without_images: HashSet<String>,
}

impl ConstantOperands {
    fn new(graph: &GraphProto, images: usize) -> Self {
        let mut reached = HashSet::from([graph.input[0].name().to_owned()]);
        for node in &graph.node {
            if node.input.iter().any(|name| reached.contains(name)) {
                reached.extend(node.output.iter().cloned());
            }
        }
        let lacks_images = |weight: &&TensorProto| {
            weight.dims.len() < 2
                || !weight
                    .dims
                    .iter()
                    .any(|&n| (n as usize).is_multiple_of(images))
        };
        let without = graph.initializer.iter().filter(lacks_images);
        Self {
            reached,
            varying: varying(graph),
            without_images: without.map(|weight| weight.name().to_owned()).collect(),
        }
    }

    /// The places of these operands among the inputs of a node.
    fn of(&self, node: &NodeProto) -> Vec<usize> {
        let varies = node
            .output
            .first()
            .is_some_and(|y| self.varying.contains(y));
        let holds_images = |&i: &usize| {
            let name = node.input[i].as_str();
            let can_hold = match node.op_type() {
                "Reshape" | "Expand" => i == 1,
                "Resize" => i == 3,
                "Gemm" => i == 2 && !self.without_images.contains(name),
                "Add" | "Concat" | "Div" | "MatMul" | "Max" | "Mean" | "Min" | "Mul" | "Pow"
                | "Sub" | "Sum" | "Where" => !self.without_images.contains(name),
                _ => false,
            };
            varies && can_hold && !name.is_empty() && !self.reached.contains(name)
        };
        (0..node.input.len()).filter(holds_images).collect()
    }
}

/// The values of some tensors for two batches that differ in the first image alone.
struct Observed {
    names: Vec<String>,
    before: Vec<TensorProto>,
    after: Vec<TensorProto>,
}

impl Observed {
    fn value(&self, name: &str) -> Option<&TensorProto> {
        let i = self.names.iter().position(|n| n == name)?;
        Some(&self.before[i])
    }

    /// The axis of a tensor that holds the images: all changes are in the first share of its
    /// positions.
    fn image_axis(&self, name: &str, images: usize) -> Option<ImageAxis> {
        let i = self.names.iter().position(|n| n == name)?;
        let shape = self.before[i].shape();
        let (before, after) = (self.before[i].floats().ok()?, self.after[i].floats().ok()?);
        let changed: Vec<_> = (0..before.len())
            .filter(|&at| before[at] != after[at])
            .collect();
        let axis = (0..shape.len()).find(|&axis| {
            let stride: usize = shape[axis + 1..].iter().product();
            let share = shape[axis] / images;
            !changed.is_empty()
                && shape[axis].is_multiple_of(images)
                && changed.iter().all(|at| at / stride % shape[axis] < share)
        })?;
        Some(ImageAxis {
            axis,
            images,
            shape,
        })
    }
}

/// The axis of a tensor that holds several images.
struct ImageAxis {
    axis: usize,
    images: usize,
    /// The shape of the tensor.
    shape: Vec<usize>,
}

impl ImageAxis {
    /// Operand `i` of the node that makes the tensor, for one image. `None` if it stays as it is.
    fn in_operand(&self, node: &NodeProto, i: usize, value: &TensorProto) -> Option<TensorProto> {
        match node.op_type() {
            "Reshape" | "Expand" | "Resize" => self.in_shape(value),
            "MatMul" => self.in_values(value, value.dims.len().saturating_sub(2)),
            _ if node.op_type() != "Gemm" || i == 2 => self.in_values(value, value.dims.len()),
            _ => None,
        }
    }

    /// The place of the axis in an operand of `rank` axes, which are the last of the tensor.
    fn place(&self, rank: usize) -> Option<usize> {
        (self.axis + rank).checked_sub(self.shape.len())
    }

    /// A shape in which the axis has its size for several images.
    fn in_shape(&self, value: &TensorProto) -> Option<TensorProto> {
        let mut sizes = value.integers().ok()?;
        let place = self.place(sizes.len())?;
        if sizes[place] != self.shape[self.axis] as i64 {
            return None;
        }
        sizes[place] /= self.images as i64;
        Some(TensorProto::from_integers("", &[sizes.len()], &sizes))
    }

    /// Values that are the same for all images, which are along one of the first `axes` axes.
    fn in_values(&self, value: &TensorProto, axes: usize) -> Option<TensorProto> {
        let mut shape = value.shape();
        let place = self.place(shape.len()).filter(|&place| place < axes)?;
        if shape[place] != self.shape[self.axis] {
            return None;
        }
        let rows = rows(value, place, self.images).ok()?;
        if rows.iter().any(|row| *row != rows[0]) {
            return None;
        }
        shape[place] /= self.images;
        Some(TensorProto::from_floats("", &shape, &rows[0]))
    }
}

/// The values of each of several images, which are along one axis of a tensor.
fn rows(tensor: &TensorProto, axis: usize, images: usize) -> Result<Vec<Vec<f32>>, String> {
    let (shape, values) = (tensor.shape(), tensor.floats()?);
    let run = shape[axis..].iter().product::<usize>() / images;
    let mut rows = vec![Vec::new(); images];
    for (i, part) in values.chunks(run).enumerate() {
        rows[i % images].extend_from_slice(part);
    }
    Ok(rows)
}

fn kind(tensor: &TensorProto) -> DataType {
    DataType::try_from(tensor.data_type()).unwrap_or_default()
}

/// Made-up images, each different, of the name and type of `like`: numbers in (−2, 2), or in 0..=96
/// for an integer type.
fn images(like: &TensorProto, shape: &[usize], salt: usize) -> TensorProto {
    let value = |i: usize| (i * 7919 + salt * 104_729 + 13) % 1999;
    let count = 0..shape.iter().product();
    let raw: Vec<u8> = match kind(like) {
        DataType::Float => count
            .flat_map(|i| (value(i) as f32 / 500.0 - 2.0).to_le_bytes())
            .collect(),
        DataType::Int32 => count
            .flat_map(|i| (value(i) as i32 % 97).to_le_bytes())
            .collect(),
        DataType::Int64 => count
            .flat_map(|i| (value(i) as i64 % 97).to_le_bytes())
            .collect(),
        DataType::Bool => count.map(|i| (value(i) % 2) as u8).collect(),
        _ => count.map(|i| (value(i) % 97) as u8).collect(),
    };
    TensorProto::from_raw(like.name(), shape, kind(like), raw)
}

/// Image `i` of a batch.
fn one_image(batch: &TensorProto, i: usize, images: usize) -> TensorProto {
    let raw = batch.raw_data.clone().unwrap_or_default();
    let length = raw.len() / images;
    let mut shape = batch.shape();
    shape[0] = 1;
    let raw = raw[i * length..(i + 1) * length].to_vec();
    TensorProto::from_raw(batch.name(), &shape, kind(batch), raw)
}

/// Replaces the first image of a batch by that of another.
fn copy_image(from: &TensorProto, to: &mut TensorProto, images: usize) {
    let mut raw = to.raw_data.clone().unwrap_or_default().to_vec();
    let length = raw.len() / images;
    let other = one_image(from, 0, images).raw_data.unwrap_or_default();
    raw[..length].copy_from_slice(&other);
    to.raw_data = Some(raw.into());
}
