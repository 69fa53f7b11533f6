//! The plan: which pipelines share a look of the network, and which a map.

use std::fmt;

use super::StudyEntry;
use crate::classifier::{ModelDescription, ProbeOptions};
use crate::localiser::probe_options;
use crate::saliency::{SaliencyOptions, ViewOptions};

/// All that is made of one photo, each thing once.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is asked of the model: a classifier each.
    pub(super) probes: Vec<ProbeOptions>,
    /// What is shown to a classifier.
    pub(super) looks: Vec<Look>,
}

/// A photo shown to a classifier, and the maps made of what it says.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) view: ViewOptions,
    /// The classifier's place in [`Plan::probes`].
    pub(super) classifier: usize,
    /// One for each map; `None` for pipelines that look at none.
    pub(super) maps: Vec<SharedMap>,
}

/// A map, and the places of the pipelines that find their boxes in it.
#[derive(Debug)]
pub(super) struct SharedMap {
    pub(super) saliency: Option<SaliencyOptions>,
    pub(super) entries: Vec<usize>,
}

impl Plan {
    pub(super) fn of(entries: &[StudyEntry], description: &ModelDescription) -> Self {
        let mut plan = Self::default();
        for (i, StudyEntry { pipeline, .. }) in entries.iter().enumerate() {
            let (view, saliency, probe) = (
                &pipeline.view,
                &pipeline.saliency,
                probe_options(pipeline, description),
            );
            let classifier = place(&mut plan.probes, |known| *known == probe, || probe.clone());
            let shares = |look: &Look| {
                let asked = look.maps.first().and_then(|map| map.saliency.as_ref());
                let alike = match (asked, saliency) {
                    (Some(asked), Some(saliency)) => asked.shows_as(saliency),
                    (asked, saliency) => asked.is_none() && saliency.is_none(),
                };
                look.classifier == classifier && look.view == *view && alike
            };
            let look = place(&mut plan.looks, shares, || Look {
                view: view.clone(),
                classifier,
                maps: vec![],
            });
            let maps = &mut plan.looks[look].maps;
            let map = place(
                maps,
                |map| map.saliency == *saliency,
                || SharedMap {
                    saliency: saliency.clone(),
                    entries: vec![],
                },
            );
            maps[map].entries.push(i);
        }
        plan
    }
}

/// The place of what `is` there, or of what is made and put there.
fn place<T>(all: &mut Vec<T>, is: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> usize {
    all.iter().position(is).unwrap_or_else(|| {
        all.push(make());
        all.len() - 1
    })
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let maps = || self.looks.iter().flat_map(|look| &look.maps);
        let boxes: usize = maps().map(|map| map.entries.len()).sum();
        let (looks, maps) = (self.looks.len(), maps().count());
        write!(
            f,
            "{boxes} pipelines of {maps} maps of {looks} looks by {} networks",
            self.probes.len()
        )
    }
}
