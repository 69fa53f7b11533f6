//! The order of ILSVRC's IDs: which ID (1..=1000) each class of the sorted WordNet ids has.

use std::path::Path;

use super::{DatasetError, text};
use crate::classes::ClassList;

/// The ILSVRC ID of each class, every number from 1 on once: wsolevaluation's
/// `ascii_order_to_synset_order.txt`.
pub(super) fn list(path: &Path, classes: usize) -> Result<Vec<usize>, DatasetError> {
    let ids = text::numbers(path)?;
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    if sorted.iter().copied().ne(1..=classes) {
        return Err(DatasetError::at(
            path,
            format!("it does not hold each of 1 to {classes} once, one a line"),
        ));
    }
    Ok(ids)
}

/// Which ILSVRC ID is which class, as far as has been seen.
pub(super) struct LabelOrder {
    /// By class.
    ids: Vec<Option<usize>>,
    /// By ILSVRC ID − 1.
    classes: Vec<Option<usize>>,
}

impl LabelOrder {
    /// What the lines of the devkit's `map_clsloc.txt` say, `WNID ID name`; nothing without it.
    pub(super) fn new(map: Option<&Path>, classes: &ClassList) -> Result<Self, DatasetError> {
        let mut order = Self {
            ids: vec![None; classes.len()],
            classes: vec![None; classes.len()],
        };
        let Some(path) = map else { return Ok(order) };
        text::each(path, |line| {
            let [wnid, id, _] = text::fields::<3>(line, ' ')?;
            let id = id.parse().map_err(|_| format!("'{id}' is no ILSVRC ID"))?;
            let class = classes
                .class(wnid)
                .ok_or_else(|| format!("unknown class {wnid}"))?;
            order.add(id, class, classes)
        })?;
        Ok(order)
    }

    /// Adds that the ILSVRC ID `id` is `class`; a fault where it has been seen otherwise.
    pub(super) fn add(
        &mut self,
        id: usize,
        class: usize,
        classes: &ClassList,
    ) -> Result<(), String> {
        let Some(place) = id
            .checked_sub(1)
            .and_then(|place| self.classes.get_mut(place))
        else {
            return Err(format!("ILSVRC ID {id} is not in 1..={}", classes.len()));
        };
        let (known_class, known_id) = (
            *place.get_or_insert(class),
            *self.ids[class].get_or_insert(id),
        );
        if known_class != class || known_id != id {
            return Err(format!(
                "ILSVRC ID {id} is {} here, and {} elsewhere, which is {known_id}: list and annotations are of \
                 different editions, or the list is in another order",
                classes.key(class),
                classes.key(known_class)
            ));
        }
        Ok(())
    }

    /// The IDs by class, where all are known.
    pub(super) fn complete(self) -> Option<Vec<usize>> {
        self.ids.into_iter().collect()
    }
}
