//! The plan of a study: which pipelines share an answer of the network, and which share a map.

use std::fmt;

use super::entries::StudyEntry;
use crate::classifier::{ClassifierError, ModelDescription, ProbeOptions};
use crate::localiser::probe_options;
use crate::saliency::{SaliencyOptions, ViewOptions};

/// Everything that is computed for one photo, without repetition.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What the network is asked for; each needs a classifier of its own.
    pub(super) probes: Vec<ProbeOptions>,
    /// The views that are shown to the classifiers.
    pub(super) observations: Vec<SharedObservation>,
}

/// A view that is shown to a classifier, and the maps made from the answer.
#[derive(Debug)]
pub(super) struct SharedObservation {
    pub(super) view: ViewOptions,
    /// The classifier's index in [`Plan::probes`].
    pub(super) classifier: usize,
    pub(super) maps: Vec<SharedMap>,
}

/// A saliency map, and the pipelines that find their boxes in it.
#[derive(Debug)]
pub(super) struct SharedMap {
    /// `None` for pipelines that need no map.
    pub(super) saliency: Option<SaliencyOptions>,
    /// The indices of the pipelines' entries.
    pub(super) entries: Vec<usize>,
}

impl Plan {
    pub(super) fn new(
        entries: &[StudyEntry],
        description: &ModelDescription,
    ) -> Result<Self, ClassifierError> {
        let mut plan = Self::default();
        for (i, StudyEntry { pipeline, .. }) in entries.iter().enumerate() {
            let probe = probe_options(pipeline, description)?;
            let classifier =
                position_or_push(&mut plan.probes, |known| *known == probe, || probe.clone());
            let can_share = |observation: &SharedObservation| {
                observation.classifier == classifier
                    && observation.view == pipeline.view
                    && observation.can_serve(pipeline.saliency.as_ref())
            };
            let observation =
                position_or_push(&mut plan.observations, can_share, || SharedObservation {
                    view: pipeline.view.clone(),
                    classifier,
                    maps: vec![],
                });
            let maps = &mut plan.observations[observation].maps;
            let is_same = |map: &SharedMap| map.saliency == pipeline.saliency;
            let map = position_or_push(maps, is_same, || SharedMap {
                saliency: pipeline.saliency.clone(),
                entries: vec![],
            });
            maps[map].entries.push(i);
        }
        Ok(plan)
    }
}

impl SharedObservation {
    /// Whether a map made with these options needs the same tensors at the same pictures as the
    /// maps that are already planned.
    fn can_serve(&self, saliency: Option<&SaliencyOptions>) -> bool {
        let planned = self.maps.first().and_then(|map| map.saliency.as_ref());
        match (planned, saliency) {
            (Some(planned), Some(saliency)) => planned.shares_evidence_with(saliency),
            (None, None) => true,
            _ => false,
        }
    }
}

/// The index of the first item for which `matches` is true; if there is none, pushes a new item.
fn position_or_push<T>(
    items: &mut Vec<T>,
    matches: impl Fn(&T) -> bool,
    new: impl FnOnce() -> T,
) -> usize {
    items.iter().position(matches).unwrap_or_else(|| {
        items.push(new());
        items.len() - 1
    })
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let maps = || {
            self.observations
                .iter()
                .flat_map(|observation| &observation.maps)
        };
        let pipelines: usize = maps().map(|map| map.entries.len()).sum();
        write!(
            f,
            "{pipelines} pipelines share {} maps from {} observations by {} classifiers",
            maps().count(),
            self.observations.len(),
            self.probes.len()
        )
    }
}
