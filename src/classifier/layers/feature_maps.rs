//! The feature maps of a model, and what the automatic names stand for.

use onnx_grad::gradient::{self, GradientError, Options, OutputGradient, Runtime, Trace};
use onnx_grad::onnx::proto::{ModelProto, TensorProto};

use super::candidates::{LayerCandidate, UnreadEnd, candidates};
use super::names::{LayerName, LayerStages, stride_text};
use super::shaped_graph::ShapedGraph;
use crate::geometry::Size;

/// How many feature maps are tried, from the end, for one that the scores depend on.
const MAX_TRIED: usize = 12;

/// The feature maps of a model at one image size.
#[derive(Debug)]
pub struct FeatureMaps {
    /// The size of the image.
    pub image: Size,
    /// Those that end the blocks of the network, in the order of the graph.
    pub candidates: Vec<LayerCandidate>,
    /// The end of the last block, if it cannot be read.
    pub unread: Option<UnreadEnd>,
    /// The position of the last one that the scores depend on.
    last: usize,
}

impl FeatureMaps {
    /// The feature maps of `model`, which takes images [1, C, H, W] or [1, H, W, C]. `options` say
    /// what its scores are, and the size of the image where the model leaves it open. `runtime` runs
    /// the model on images of made-up values. `None` if the model has no feature map.
    ///
    /// # Errors
    /// [`GradientError`] where the model cannot be differentiated.
    pub fn find(
        model: &ModelProto,
        options: &Options,
        runtime: &dyn Runtime,
    ) -> Result<Option<Self>, GradientError> {
        let trace = gradient::trace(model, options, runtime)?;
        let Some(image) = image_size(&trace) else {
            return Ok(None);
        };
        let graph = ShapedGraph::new(&trace.graph, &trace.shapes, image);
        let (candidates, unread) = candidates(&trace, &graph);
        let checked = GradientTrial {
            model,
            options,
            runtime,
            shape: &trace.shapes[&trace.input],
        };
        let last = checked.last_used(&candidates)?;
        Ok(last.map(|last| Self {
            image,
            candidates,
            unread,
            last,
        }))
    }

    /// What a name stands for.
    ///
    /// # Errors
    /// A text that says which strides there are instead, or what cannot be read.
    pub fn named(&self, name: LayerName) -> Result<Vec<&LayerCandidate>, String> {
        name.choose(&LayerStages {
            candidates: &self.candidates[..=self.last],
            last: &self.candidates[self.last],
            unread: self.unread.as_ref(),
            image: self.image,
        })
    }

    /// A feature map in words, like "`layer3.5/relu` (stride 16, 1024 channels)".
    #[must_use]
    pub fn described(&self, candidate: &LayerCandidate) -> String {
        let stride = stride_text(candidate.layout.stride(self.image));
        let (tensor, channels) = (&candidate.tensor, candidate.layout.channels);
        format!("`{tensor}` (stride {stride}, {channels} channels)")
    }
}

/// The size of the images that a model takes.
fn image_size(trace: &Trace) -> Option<Size> {
    let size = |width: usize, height: usize| Size::new(width as u32, height as u32);
    match trace.shapes.get(&trace.input)?[..] {
        [1, height, width, 1 | 3] => Some(size(width, height)),
        [1, _, height, width] => Some(size(width, height)),
        _ => None,
    }
}

/// A model that is asked which feature maps its scores depend on.
struct GradientTrial<'a> {
    model: &'a ModelProto,
    options: &'a Options,
    runtime: &'a dyn Runtime,
    /// The shape of its input.
    shape: &'a [usize],
}

impl GradientTrial<'_> {
    /// The position of the last feature map that the highest score of some image depends on.
    ///
    /// Where a transformer reads its class token alone, the gradient at all positions of its last
    /// block is zero, so an earlier one is the last that can be used. Other feature maps are pooled
    /// as they are.
    fn last_used(&self, candidates: &[LayerCandidate]) -> Result<Option<usize>, GradientError> {
        let on_path = (0..candidates.len()).filter(|&i| candidates[i].on_every_path);
        let mut tried = Vec::new();
        for place in on_path.rev().take(MAX_TRIED) {
            tried.push(place);
            if candidates[place].layout.form.extra() == 0 {
                break;
            }
        }
        let with_extra = tried.iter().any(|&i| candidates[i].layout.form.extra() > 0);
        if !with_extra {
            return Ok(tried.first().copied());
        }
        let gradients = self.gradients(tried.iter().map(|&i| &candidates[i]))?;
        let is_used = |&(&place, gradient): &(&usize, &Vec<f32>)| {
            candidates[place]
                .layout
                .read(gradient)
                .iter()
                .any(|&g| g != 0.0)
        };
        let used = tried.iter().zip(&gradients).find(is_used);
        Ok(used.map(|(&place, _)| place))
    }

    /// The gradients of the highest score with respect to feature maps.
    fn gradients<'c>(
        &self,
        layers: impl Iterator<Item = &'c LayerCandidate>,
    ) -> Result<Vec<Vec<f32>>, GradientError> {
        let options = Options {
            wrt: layers.map(|layer| layer.tensor.clone()).collect(),
            seed: OutputGradient::Top(1),
            dense: None,
            ..self.options.clone()
        };
        let compiled = gradient::compile(self.model, &options, self.runtime)?;
        let count: usize = self.shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| (0.1 * i as f32).sin()).collect();
        let image = TensorProto::from_floats(&compiled.input, self.shape, &values);
        let mut model = compiled.model;
        if let Some(graph) = &mut model.graph {
            let is_gradient = |name: &str| compiled.gradients.iter().any(|known| known == name);
            graph.output.retain(|output| is_gradient(output.name()));
        }
        let outputs = self
            .runtime
            .run(&model, &image)
            .map_err(GradientError::Runtime)?;
        outputs
            .iter()
            .map(|gradient| gradient.floats().map_err(GradientError::Runtime))
            .collect()
    }
}
