//! The dataset of a run, checked against its model.

use anyhow::Result;

use crate::classifier::ModelDescription;
use crate::dataset::{Dataset, Request};
use crate::localiser::Classes;
use crate::remedy::{Refused, Remedy};
use crate::results::RunOptions;

/// Opens a dataset, or its first photos of a fixed shuffle, for a model that must know its classes.
pub(crate) fn open_for_model(
    description: &ModelDescription,
    request: &Request<'_>,
    limit: Option<usize>,
) -> Result<Dataset> {
    let mut dataset = Dataset::open(&Request {
        classes: Some(&description.classes),
        ..*request
    })
    .inspect_err(|_| {
        // The dataset may be refused for such a class.
        if let Some(advice) = description.advice_on_background() {
            tracing::warn!("{}: {advice}", description.name);
        }
    })?;
    description.ensure_has_classes(&dataset.classes, &dataset.name)?;
    for note in &dataset.notes {
        tracing::warn!("{}: {note}", dataset.name);
    }
    if let Some(limit) = limit {
        dataset.limit(limit);
    }
    Ok(dataset)
}

/// Opens the dataset of a run.
pub(super) fn open(options: &RunOptions, description: &ModelDescription) -> Result<Dataset> {
    let request = Request {
        dataset: Some(&options.dataset),
        data_dir: options.data_dir.as_deref(),
        weights: options.weights.as_deref(),
        images: options.images.as_deref(),
        lenient: options.lenient_boxes,
        ..Request::default()
    };
    let dataset = open_for_model(description, &request, options.limit)?;
    let without_class = dataset
        .photos
        .iter()
        .filter(|photo| photo.class.is_none())
        .count();
    if without_class > 0 && options.classes == Classes::Gt {
        let message = format!("{without_class} photos of {} have no class", dataset.name);
        return Err(Refused::new(message, Remedy::PredictedClasses).into());
    }
    Ok(dataset)
}
