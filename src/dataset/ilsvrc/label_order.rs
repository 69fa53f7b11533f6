//! The order of ILSVRC's IDs: which ID (1..=1000) each class of the sorted WordNet ids has.

use std::path::Path;

use crate::classes::ClassList;
use crate::dataset::error::DatasetError;
use crate::dataset::text;

/// The ILSVRC ID of each class, every number from 1 on once. This is wsolevaluation's
/// `ascii_order_to_synset_order.txt`.
pub(in crate::dataset) fn read_list(
    path: &Path,
    classes: usize,
) -> Result<Vec<usize>, DatasetError> {
    let ids = text::read_numbers(path)?;
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    if sorted.iter().copied().ne(1..=classes) {
        return Err(DatasetError::at(
            path,
            format!("expected each of 1 to {classes} once, one per line"),
        ));
    }
    Ok(ids)
}

/// Why a list contradicts what is known.
pub(super) const CAUSE: &str = "the list and the annotations are of different editions, or the list \
                                is in another order";

/// Which ILSVRC ID is which class, as far as it is known.
pub(in crate::dataset) struct LabelOrder {
    /// By class.
    ids: Vec<Option<usize>>,
    /// By ILSVRC ID − 1.
    classes: Vec<Option<usize>>,
}

impl LabelOrder {
    /// The order in the devkit's `map_clsloc.txt`, whose lines are `WNID ID name`. Without that
    /// file, nothing is known yet.
    pub(in crate::dataset) fn new(
        map: Option<&Path>,
        classes: &ClassList,
    ) -> Result<Self, DatasetError> {
        let mut order = Self {
            ids: vec![None; classes.len()],
            classes: vec![None; classes.len()],
        };
        let Some(path) = map else { return Ok(order) };
        text::parse_lines(path, |line| {
            let [wnid, id, _] = text::fields::<3>(line, ' ')?;
            let id = id
                .parse()
                .map_err(|_| format!("'{id}' is not an ILSVRC ID"))?;
            let class = classes
                .class(wnid)
                .ok_or_else(|| format!("unknown class {wnid}"))?;
            order.add(id, class, classes)
        })?;
        Ok(order)
    }

    /// Adds that the ILSVRC ID `id` is `class`; an error if that contradicts what is known.
    pub(super) fn add(
        &mut self,
        id: usize,
        class: usize,
        classes: &ClassList,
    ) -> Result<(), String> {
        let by_id = id.checked_sub(1).and_then(|i| self.classes.get_mut(i));
        let Some(class_of_id) = by_id else {
            return Err(format!("ILSVRC ID {id} is not in 1..={}", classes.len()));
        };
        let known_class = *class_of_id.get_or_insert(class);
        let known_id = *self.ids[class].get_or_insert(id);
        let wnid = classes.key(class);
        if known_class != class {
            let known = classes.key(known_class);
            return Err(format!(
                "ILSVRC ID {id} is {wnid} here but {known} elsewhere: {CAUSE}"
            ));
        }
        if known_id != id {
            return Err(format!(
                "{wnid} has ILSVRC ID {id} here but {known_id} elsewhere: {CAUSE}"
            ));
        }
        Ok(())
    }

    /// The IDs by class, if all are known.
    pub(in crate::dataset) fn complete(self) -> Option<Vec<usize>> {
        self.ids.into_iter().collect()
    }
}
