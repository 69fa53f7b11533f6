//! What a localiser is asked for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::classifier::{self, ClassifierError, ModelDescription, ProbeOptions, VariantsOf};
use crate::head::Head;
use crate::pipeline::{BoxRule, Pipeline};
use crate::saliency::{Effect, HiddenParts, RequiredTensors, SaliencyOptions};

/// Which classes get a box.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Classes {
    /// The true class. This is enough for every metric in which the class is known.
    #[default]
    Gt,
    /// The five most probable classes and the true one, as a submission needs them.
    Top5,
}

/// The gradients and the activations that a pipeline needs from a classifier.
///
/// # Errors
/// [`ClassifierError::Description`] if the head that the pipeline names cannot be read, or was
/// learned for another model.
pub fn probe_options(
    pipeline: &Pipeline,
    description: &ModelDescription,
) -> Result<ProbeOptions, ClassifierError> {
    let head = find_head(pipeline, description)?;
    if pipeline.head.is_some() && head.is_none() {
        tracing::warn!(
            "{}: no foreground head was learned for this model file, so that the pipeline works \
             without; `localise learn` learns one from photos alone",
            description.name
        );
    }
    Ok(ProbeOptions {
        head: head.map(Arc::new),
        ..gradients(pipeline, description)
    })
}

/// The foreground head of a pipeline for a model: the one that it names, or else the one that was
/// learned for the model, if there is one.
pub(crate) fn find_head(
    pipeline: &Pipeline,
    description: &ModelDescription,
) -> Result<Option<Head>, ClassifierError> {
    let Some(options) = &pipeline.head else {
        return Ok(None);
    };
    let hash = classifier::sha256(description.file()?)?;
    Head::find(options, &description.name, &hash).map_err(ClassifierError::Description)
}

/// The gradients that a pipeline needs.
pub(crate) fn gradients(pipeline: &Pipeline, description: &ModelDescription) -> ProbeOptions {
    let dense = pipeline.view.dense();
    let Some(saliency) = &pipeline.saliency else {
        return ProbeOptions {
            dense,
            ..ProbeOptions::default()
        };
    };
    let SaliencyOptions { method, layers, .. } = saliency;
    ProbeOptions {
        dense,
        relu: saliency.relu(),
        relevance: saliency.relevance(),
        variants: match method.effect {
            Effect::Hidden(hiding) => Some(match hiding.parts {
                HiddenParts::Picture(_) => VariantsOf::Picture,
                HiddenParts::Channels => VariantsOf::Layers,
            }),
            Effect::Gradient(_) | Effect::Relevance(_) => None,
        },
        layers: description.tensors(layers),
        attention: method.tensors == RequiredTensors::Attention,
        picture: method.tensors == RequiredTensors::Both,
        head: None,
    }
}

/// The box rule of a pipeline in a few words, with the values that a record of a cut must name.
#[must_use]
pub fn method_name(pipeline: &Pipeline) -> String {
    match pipeline.box_rule() {
        BoxRule::Cut(cut, learnt) => {
            let colours = if learnt.is_some() { "" } else { ", no colours" };
            let map = if cut.map > 0.0 {
                format!(", map {} level {}", cut.map, cut.level)
            } else {
                String::new()
            };
            let form = format!("{:?}", cut.form).to_lowercase();
            format!("graphcut {form} gamma {}{map}{colours}", cut.gamma)
        }
        BoxRule::Threshold(threshold) => {
            format!("threshold {:?} {}", threshold.rule, threshold.alpha).to_lowercase()
        }
        BoxRule::ConstantBox(constant) => {
            format!("constant box of {:.4} x each side", constant.side)
        }
    }
}
