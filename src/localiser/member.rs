//! The classifiers of a pipeline: one, and one for each table `[[member]]`.

use super::options::{find_head, probe_options};
use crate::classifier::{Classifier, ClassifierError, ModelDescription, describe};
use crate::dataset::Dataset;
use crate::pipeline::Pipeline;
use crate::remedy::Refused;

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
        for (own, model) in member_models(pipeline, description)? {
            let probe = probe_options(&own, &model)?;
            members.push(Self {
                classifier: Classifier::load(model, probe)?,
                pipeline: own,
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
        models.push((pipeline.of_member(member), description));
    }
    Ok(models)
}

/// Where a pipeline's numbers were chosen, and what its heads were learned from, as a report on a
/// dataset must tell it.
///
/// # Errors
/// [`ClassifierError`] if a model or a head cannot be read.
pub fn tuned_on(
    pipeline: &Pipeline,
    first: &ModelDescription,
    dataset: &Dataset,
) -> Result<String, ClassifierError> {
    let mut parts = vec![pipeline.tuned_on.split.clone()];
    for (own, description) in member_models(pipeline, first)? {
        match find_head(&own, &description)? {
            Some(head) => parts.push(head.provenance(&dataset.photos)),
            None if own.head.is_some() => {
                parts.push(format!("{} has no head", description.name));
            }
            None => (),
        }
    }
    Ok(parts.join("; "))
}
