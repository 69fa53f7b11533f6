//! The lists of the development kit: the ILSVRC ID of each photo, the numbers of the photos that are
//! left out of localisation, and the order of the ILSVRC IDs.
//!
//! They are facts about the one validation set, and are shipped (`data/ilsvrc/`). A list that is
//! found beside the photos counts instead of the shipped one. A ground-truth list or an order with
//! other content is refused, because every score would be wrong; another blacklist is warned of.
//!
//! A ground-truth list of another length describes other photos. Then nothing is compared with the
//! shipped lists, and only the lists that were found count.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::label_order::{CAUSE, LabelOrder, read_list};
use super::photo_name::{NO_BLACKLIST, PHOTOS, name_of, read_blacklist};
use super::search::IlsvrcFiles;
use crate::assets;
use crate::classes::ClassList;
use crate::dataset::error::DatasetError;
use crate::dataset::suspicion::Suspicion;
use crate::dataset::text::{parse_lines, read_numbers};

/// The lists of the validation set.
pub(super) struct IlsvrcLists {
    /// The ILSVRC ID of each photo, by its number − 1.
    ids: Vec<usize>,
    pub(super) blacklisted: HashSet<usize>,
    pub(super) order: LabelOrder,
    /// The lists that were found, by what they are.
    pub(super) files: Vec<(&'static str, PathBuf)>,
    pub(super) notes: Vec<String>,
    /// What is suspicious about the blacklist.
    pub(super) suspicion: Option<Suspicion>,
}

impl IlsvrcLists {
    /// The lists that were found, or else the shipped ones.
    ///
    /// # Errors
    /// [`DatasetError`] with the list that cannot be read, that contradicts another one that was
    /// found, or that is not the list of the validation set.
    pub(super) fn new(files: &IlsvrcFiles, classes: &ClassList) -> Result<Self, DatasetError> {
        let mut lists = Self::found(files, classes)?;
        if lists.is_whole() {
            lists.compare_with_shipped(classes)?;
            return Ok(lists);
        }
        let count = lists.ids.len();
        lists.notes.push(format!(
            "the ground-truth list has {count} photos instead of {PHOTOS}: it is not compared with \
             ILSVRC's"
        ));
        if lists.file("blacklist").is_none() {
            lists.notes.push(NO_BLACKLIST.into());
        }
        Ok(lists)
    }

    /// The lists that were found; of the ILSVRC IDs of the photos, those or the shipped ones.
    fn found(files: &IlsvrcFiles, classes: &ClassList) -> Result<Self, DatasetError> {
        let ground_truth = only(&files.ground_truths)?;
        let blacklist = only(&files.blacklists)?;
        let label_order = only(&files.label_orders)?;
        let ids = match ground_truth {
            Some(path) => read_numbers(path)?,
            None => read_numbers(&shipped("ground_truth.txt")?)?,
        };
        let blacklisted = match blacklist {
            Some(path) => read_blacklist(path, ids.len())?,
            None => HashSet::new(),
        };
        let lists = [
            ("ground truth", ground_truth),
            ("blacklist", blacklist),
            ("label order", label_order),
        ];
        Ok(Self {
            ids,
            blacklisted,
            order: LabelOrder::new(label_order.map(PathBuf::as_path), classes)?,
            files: lists
                .into_iter()
                .filter_map(|(what, path)| Some((what, path?.clone())))
                .collect(),
            notes: Vec::new(),
            suspicion: None,
        })
    }

    /// Whether the list of the photos' ILSVRC IDs is that of the whole validation set.
    pub(super) fn is_whole(&self) -> bool {
        self.ids.len() == PHOTOS
    }

    /// The list of this kind that was found.
    fn file(&self, what: &str) -> Option<&Path> {
        let mut files = self.files.iter();
        let (_, path) = files.find(|(name, _)| *name == what)?;
        Some(path)
    }

    /// Checks the lists that were found against the shipped ones, and adds those that were not.
    fn compare_with_shipped(&mut self, classes: &ClassList) -> Result<(), DatasetError> {
        if let Some(path) = self.file("ground truth") {
            ensure_same_ids(
                path,
                &self.ids,
                &read_numbers(&shipped("ground_truth.txt")?)?,
            )?;
        }
        let blacklisted = read_blacklist(&shipped("blacklist.txt")?, PHOTOS)?;
        match self.file("blacklist") {
            Some(path) => self.suspicion = other_blacklist(path, &self.blacklisted, &blacklisted),
            None => self.blacklisted = blacklisted,
        }
        let order = shipped("label_order.txt")?;
        let place = self.file("label order").unwrap_or(&order).to_owned();
        for (class, id) in read_list(&order, classes.len())?.into_iter().enumerate() {
            let added = self.order.add(id, class, classes);
            added.map_err(|fault| DatasetError::at(&place, fault))?;
        }
        Ok(())
    }

    /// Checks that the class of a photo is that of its ILSVRC ID; the error names the list.
    pub(super) fn check(
        &mut self,
        number: usize,
        class: usize,
        classes: &ClassList,
    ) -> Result<(), String> {
        let checked = match self.ids.get(number - 1) {
            Some(&id) => self.order.add(id, class, classes),
            None => Err("it has boxes, but is not in the list".into()),
        };
        checked.map_err(|fault| {
            let list = self.file("ground truth");
            let list = list.map_or("ILSVRC's list of classes".into(), |path| {
                path.display().to_string()
            });
            format!("{list}:{number}: {}: {fault}", name_of(number))
        })
    }
}

/// The path of a shipped list.
fn shipped(name: &str) -> Result<PathBuf, DatasetError> {
    let path = Path::new("data/ilsvrc").join(name);
    assets::file(&path).map_err(|error| DatasetError::new(error.to_string()))
}

/// The first of the lists of one kind. The others must have the same content.
fn only(lists: &[PathBuf]) -> Result<Option<&PathBuf>, DatasetError> {
    let Some((first, others)) = lists.split_first() else {
        return Ok(None);
    };
    for other in others {
        if text_of(first)? != text_of(other)? {
            let (first, other) = (first.display(), other.display());
            let fault = format!("{first} and {other} are the same list with different content");
            return Err(DatasetError::new(fault).or_advice("remove the one that is wrong"));
        }
    }
    Ok(Some(first))
}

/// The lines of a list, without blanks at their ends.
fn text_of(path: &Path) -> Result<Vec<String>, DatasetError> {
    let lines = parse_lines(path, |line| Ok(line.to_owned()))?;
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

/// Checks the ILSVRC IDs of the photos against those of the validation set.
fn ensure_same_ids(path: &Path, found: &[usize], known: &[usize]) -> Result<(), DatasetError> {
    let differing = (1..).zip(found.iter().zip(known));
    let mut differing = differing.filter(|(_, (id, expected))| id != expected);
    let Some((line, (id, expected))) = differing.next() else {
        return Ok(());
    };
    let more = differing.count();
    let fault = format!(
        "{}:{line}: ILSVRC ID {id}, but that of photo {line} of the validation set is {expected} \
         ({more} further lines differ): {CAUSE}",
        path.display()
    );
    let advice = "take the list from the development kit again, or remove it: it is shipped with \
                  this program";
    Err(DatasetError::new(fault).or_advice(advice))
}

/// What is suspicious about a blacklist with other numbers than that of the validation set.
fn other_blacklist(
    path: &Path,
    found: &HashSet<usize>,
    known: &HashSet<usize>,
) -> Option<Suspicion> {
    let missing = known.difference(found).count();
    let extra = found.difference(known).count();
    let what = format!(
        "{}: not the blacklist of the validation set: {missing} of its {} photos are missing, and \
         {extra} others are in it",
        path.display(),
        known.len()
    );
    let advice = "it counts as it is; without it, the blacklist that is shipped with this program \
                  counts";
    (missing + extra > 0).then(|| Suspicion::new(what, advice))
}
