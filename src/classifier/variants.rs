//! Parts of the network that take many variants of the picture or of a layer, for methods that hide
//! parts of it and watch the scores.

use ndarray::{Array3, Array4, ArrayD, Axis, stack};
use onnx_grad::gradient::{GradientModel, variants};
use onnx_grad::onnx::proto::{ModelProto, TensorProto};

use super::any_model::AnyModel;
use super::error::ClassifierError;
use super::options::{ProbeOptions, VariantsOf};
use super::session::{InputValue, Session, SharedModel};

/// The number of variants that a run takes, where the network takes several.
const BATCH: usize = 16;

/// How far the scores of a variant may be off in a batch, relative to the greatest score. The
/// runtime may add in another order.
const TOLERANCE: f32 = 1e-4;

/// The part of the forward half from a tensor to the scores.
#[derive(Debug)]
pub(super) struct VariantModel {
    pub(super) model: SharedModel,
    interface: VariantInterface,
}

/// What goes into such a part, and what comes out.
#[derive(Debug)]
pub(super) struct VariantInterface {
    /// The tensor, [1, ...].
    tensor: String,
    /// The image, if the scores depend on it in another way too.
    image: Option<String>,
    scores: String,
    /// The number of variants of one run.
    batch: usize,
}

impl VariantInterface {
    /// The parts that `probe` asks for. A part takes several variants at once if their scores are
    /// then the same as one by one; a network that has the number of images written into it, or that
    /// mixes them, gets one variant at a time.
    pub(super) fn parts(compiled: &GradientModel, probe: &ProbeOptions) -> Vec<(ModelProto, Self)> {
        let of_picture = (&compiled.input, &compiled.input_shape);
        let with_shape = |layer| (layer, &compiled.shapes[layer]);
        let of_layers = compiled.layers.iter().map(with_shape);
        let tensors: Vec<_> = match probe.variants {
            None => vec![],
            Some(VariantsOf::Picture) => vec![of_picture],
            Some(VariantsOf::Layers) => of_layers.take(probe.layers.len()).collect(),
        };
        let part = |(tensor, shape): (&String, &Vec<usize>)| {
            let [one, several] =
                [false, true].map(|several| variants(&compiled.forward, tensor, shape, several));
            let graph = one.graph.as_ref();
            let mut inputs = graph.iter().flat_map(|graph| &graph.input);
            let has_image = inputs.any(|input| input.name() != tensor);
            let mut interface = Self {
                tensor: tensor.clone(),
                image: has_image.then(|| compiled.input.clone()),
                scores: compiled.scores.clone(),
                batch: BATCH,
            };
            let is_open = interface.takes_several(&several, shape, &compiled.input_shape);
            if !is_open {
                interface.batch = 1;
            }
            tracing::debug!("{} variant(s) of {tensor} at once", interface.batch);
            (if is_open { several } else { one }, interface)
        };
        tensors.into_iter().map(part).collect()
    }

    /// Whether two variants at once have the scores that they have one by one.
    fn takes_several(&self, model: &ModelProto, shape: &[usize], image: &[usize]) -> bool {
        let Ok(mut model) = AnyModel::new(model) else {
            return false;
        };
        let image = self.image.as_ref().map(|name| made_up(name, image, 0, 1));
        let mut scores = |first: usize, count: usize| -> Option<Vec<f32>> {
            let variants = made_up(&self.tensor, shape, first, count);
            let inputs: Vec<_> = [variants].into_iter().chain(image.clone()).collect();
            let outputs = model.run(&inputs).ok()?;
            let found = outputs.iter().find(|output| output.name() == self.scores)?;
            found.floats().ok()
        };
        let (Some(together), Some(a), Some(b)) = (scores(0, 2), scores(0, 1), scores(1, 1)) else {
            return false;
        };
        let alone = [a, b].concat();
        let scale = alone
            .iter()
            .fold(0f32, |scale, score| scale.max(score.abs()));
        together.len() == alone.len()
            && together
                .iter()
                .zip(&alone)
                .all(|(together, alone)| (together - alone).abs() <= TOLERANCE * scale)
    }
}

/// Made-up values in −1..1 for the variants from `first` on of a tensor of shape [1, ...].
fn made_up(name: &str, shape: &[usize], first: usize, count: usize) -> TensorProto {
    let size: usize = shape.iter().product();
    let values: Vec<_> = (first * size..(first + count) * size)
        .map(|i| (i * 7919 % 1009) as f32 / 504.5 - 1.0)
        .collect();
    TensorProto::from_floats(name, &[&[count], &shape[1..]].concat(), &values)
}

impl VariantModel {
    pub(super) fn new(model: SharedModel, interface: VariantInterface) -> Self {
        Self { model, interface }
    }

    /// The scores of each variant, in order. `image` is the network's input.
    pub(super) fn scores(
        &self,
        session: &Session,
        image: &Array4<f32>,
        mut variants: impl Iterator<Item = Array3<f32>>,
    ) -> Result<Vec<Vec<f32>>, ClassifierError> {
        let VariantInterface {
            tensor,
            image: image_input,
            scores: output,
            batch,
        } = &self.interface;
        let mut scores = Vec::new();
        loop {
            let batch: Vec<_> = variants.by_ref().take(*batch).collect();
            if batch.is_empty() {
                return Ok(scores);
            }
            let views: Vec<_> = batch.iter().map(|variant| variant.view()).collect();
            let stacked =
                stack(Axis(0), &views).map_err(|e| ClassifierError::Run(e.to_string()))?;
            let mut inputs = vec![(tensor.as_str(), InputValue::Floats(stacked.into_dyn()))];
            if let Some(name) = image_input {
                inputs.push((name, InputValue::Floats(image.clone().into_dyn())));
            }
            let outputs = session.run(inputs, std::slice::from_ref(output))?;
            let rows = ensure_finite(outputs.into_iter().next().unwrap_or_default())?;
            scores.extend(rows.chunks(rows.len() / batch.len()).map(<[f32]>::to_vec));
        }
    }
}

fn ensure_finite(scores: ArrayD<f32>) -> Result<Vec<f32>, ClassifierError> {
    if scores.iter().all(|score| score.is_finite()) {
        Ok(scores.into_iter().collect())
    } else {
        Err(ClassifierError::Run("non-finite scores".to_owned()))
    }
}
