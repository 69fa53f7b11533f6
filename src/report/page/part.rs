//! The part of very many photos that a page lists: a browser cannot hold a million rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::data::Page;
use crate::random::seed_of;

impl Page<'_> {
    /// Keeps the photos of the groups, and of the others as many as make `max`, chosen by a hash of
    /// their names. Numbers are not changed: they are of all photos, which a note says.
    pub(super) fn keep(&mut self, max: usize) {
        let all = self.dataset.photos.len();
        if all <= max {
            return;
        }
        let hash = |place: &usize| seed_of(&format!("page/{}", self.dataset.photos[*place].id));
        let mut others: Vec<usize> = (0..all).collect();
        others.sort_by_cached_key(hash);
        let grouped = self.choices.iter().flat_map(|choice| &choice.photos);
        let mut kept: BTreeSet<usize> = grouped.copied().collect();
        others.retain(|place| !kept.contains(place));
        others.truncate(max.saturating_sub(kept.len()));
        kept.extend(others);

        let kept: Vec<usize> = kept.into_iter().collect();
        let new: BTreeMap<usize, usize> = kept.iter().copied().zip(0..).collect();
        self.dataset = Cow::Owned(self.dataset.part(&kept));
        for choice in &mut self.choices {
            choice.photos = choice.photos.iter().map(|place| new[place]).collect();
        }
        for run in &mut self.runs {
            run.predictions.to_mut().select(&kept);
            run.outcomes = kept.iter().map(|&place| run.outcomes[place]).collect();
            run.flags = moved(&run.flags, &new);
            run.messages = moved(&run.messages, &new);
            run.pictures = moved(&run.pictures, &new);
        }
        let listed = kept.len();
        self.notes.push(format!(
            "lists and curves are of {listed} of {all} photos, those of the groups and others at \
             random; numbers are of all"
        ));
    }
}

/// The values of the photos that are kept, by their new places.
fn moved<T: Clone>(
    values: &BTreeMap<usize, T>,
    new: &BTreeMap<usize, usize>,
) -> BTreeMap<usize, T> {
    let kept = values
        .iter()
        .filter_map(|(place, value)| Some((*new.get(place)?, value.clone())));
    kept.collect()
}
