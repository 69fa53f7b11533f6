//! The classifiers of a pipeline: one, and one for each table `[[member]]`.

use std::path::PathBuf;

use onnx_grad::gradient::ReluRule;
use serde::{Deserialize, Serialize};

use super::options::probe_options;
use crate::classifier::{Classifier, ClassifierError, ModelDescription, describe};
use crate::path_text;
use crate::pipeline::Pipeline;
use crate::remedy::Refused;

/// Another classifier that looks at each photo: a table `[[member]]` of a pipeline. What it leaves
/// out is as for the first classifier.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MemberOptions {
    /// The model: a name, a description or an ONNX file.
    #[serde(with = "path_text")]
    pub model: PathBuf,
    /// In place of `view.scales`.
    pub scales: Option<Vec<f64>>,
    /// In place of `saliency.layers`.
    pub layers: Option<Vec<String>>,
    /// In place of `saliency.relu`.
    pub relu: Option<ReluRule>,
    /// In place of `head.file`.
    #[serde(
        default,
        with = "path_text::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub head: Option<PathBuf>,
}

impl MemberOptions {
    /// The pipeline of this classifier alone.
    #[must_use]
    pub fn pipeline(&self, of_first: &Pipeline) -> Pipeline {
        let mut pipeline = Pipeline {
            members: vec![],
            ..of_first.clone()
        };
        if let Some(scales) = &self.scales {
            pipeline.view.scales.clone_from(scales);
        }
        if let Some(saliency) = &mut pipeline.saliency {
            if let Some(layers) = &self.layers {
                saliency.layers.clone_from(layers);
            }
            saliency.relu = self.relu.or(saliency.relu);
        }
        if let Some(head) = &mut pipeline.head {
            head.file.clone_from(&self.head);
        }
        pipeline
    }
}

/// A classifier that looks at each photo, and what it is asked.
#[derive(Debug)]
pub struct Member {
    /// The classifier.
    pub classifier: Classifier,
    /// The pipeline of this classifier alone.
    pub pipeline: Pipeline,
}

impl Member {
    /// Loads the classifiers of a pipeline: first that of `description`, then those of its members.
    ///
    /// # Errors
    /// [`ClassifierError`] if one cannot be loaded, or [`ClassifierError::Description`] if its
    /// classes are not those of the first.
    pub fn load_all(
        pipeline: &Pipeline,
        description: &ModelDescription,
    ) -> Result<Vec<Self>, ClassifierError> {
        let mut members = Vec::new();
        for (pipeline, description) in member_models(pipeline, description)? {
            let probe = probe_options(&pipeline, &description)?;
            members.push(Self {
                classifier: Classifier::load(description, probe)?,
                pipeline,
            });
        }
        Ok(members)
    }

    /// The models' names, as in `googlenet + efficientnet-lite1`.
    #[must_use]
    pub fn names(members: &[Self]) -> String {
        let names: Vec<_> = members
            .iter()
            .map(|member| member.classifier.description.name.as_str())
            .collect();
        names.join(" + ")
    }

    /// The tensors of the layers that the classifiers are asked for.
    #[must_use]
    pub fn layers(members: &[Self]) -> Vec<String> {
        let layers = members.iter().map(|member| member.classifier.layers());
        layers.flatten().cloned().collect()
    }

    /// What users of the classifiers should know.
    #[must_use]
    pub fn warnings(members: &[Self]) -> Vec<String> {
        let warnings = members.iter().map(|member| &member.classifier.warnings);
        warnings.flatten().cloned().collect()
    }
}

/// The models of a pipeline, each with its part of it, the first first.
///
/// # Errors
/// [`ClassifierError::Description`] if a model has no description, or other classes than the first.
pub(crate) fn member_models(
    pipeline: &Pipeline,
    first: &ModelDescription,
) -> Result<Vec<(Pipeline, ModelDescription)>, ClassifierError> {
    let own = Pipeline {
        members: vec![],
        ..pipeline.clone()
    };
    let mut models = vec![(own, first.clone())];
    for member in &pipeline.members {
        let description = describe(&member.model)?;
        if !description.classes.has_same_keys(&first.classes) {
            let (name, first) = (&description.name, &first.name);
            let message = format!(
                "the classes of {name} are not those of {first}: their scores cannot be averaged"
            );
            return Err(ClassifierError::Description(Refused::from(message)));
        }
        models.push((member.pipeline(pipeline), description));
    }
    Ok(models)
}
