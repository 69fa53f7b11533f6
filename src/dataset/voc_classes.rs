//! The classes of a dataset in Pascal VOC's form, which has no list of them.

use std::collections::{BTreeMap, BTreeSet};

use super::error::DatasetError;
use crate::classes::ClassList;

/// The classes for annotations that name `found`, and notes about the choice: those of `model` or
/// VOC's 20 if they include all that are found, or else those that are found, sorted.
pub(super) fn choose(
    found: &BTreeSet<&str>,
    model: Option<&ClassList>,
) -> Result<(ClassList, Vec<String>), DatasetError> {
    // An ImageNet model has all classes of ILSVRC's annotations, whose boxes begin elsewhere.
    if !found.is_empty() && found.iter().all(|name| is_wordnet_id(name)) {
        let advice = "ILSVRC's boxes begin at 0: write a description with `kind = \"ilsvrc\"` or \
                      `kind = \"kaggle\"`, or one of the kind voc that names its `classes`";
        let fault =
            "the classes are WordNet ids, as in ILSVRC's annotations; VOC's boxes begin at 1";
        return Err(DatasetError::new(fault).or_advice(advice));
    }
    let voc = ClassList::read("voc")?;
    let has_all = |list: &&ClassList| found.iter().all(|name| list.class(name).is_some());
    if let Some(list) = [model, Some(&voc)].into_iter().flatten().find(has_all) {
        return Ok((list.clone(), Vec::new()));
    }
    let classes = found
        .iter()
        .map(|name| ((*name).to_owned(), (*name).to_owned()));
    let list = ClassList::new("annotations", classes).map_err(DatasetError::new)?;
    let mut notes = vec![format!(
        "the classes are the {} names in the annotations, sorted: {}",
        found.len(),
        listed(found)
    )];
    notes.extend(note_on_spelling(found));
    Ok((list, notes))
}

fn is_wordnet_id(name: &str) -> bool {
    let digits = name.strip_prefix('n').unwrap_or_default();
    digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names that differ only in their capitals may be one class to whoever wrote them.
fn note_on_spelling(found: &BTreeSet<&str>) -> Option<String> {
    let mut by_letters: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in found {
        by_letters
            .entry(name.to_lowercase())
            .or_default()
            .insert(name);
    }
    let alike = by_letters.into_values().filter(|names| names.len() > 1);
    let alike: BTreeSet<&str> = alike.flatten().collect();
    (!alike.is_empty()).then(|| {
        format!(
            "classes whose names differ only in capitals are different: {}",
            listed(&alike)
        )
    })
}

/// The first ten names.
fn listed(names: &BTreeSet<&str>) -> String {
    let shown: Vec<_> = names.iter().take(10).copied().collect();
    let rest = if names.len() > 10 { ", ..." } else { "" };
    shown.join(", ") + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_class_of_the_annotations() {
        let own = ["zebra", "cat"].map(|name| (name.to_owned(), name.to_owned()));
        let own = ClassList::new("own", own).expect("two");
        for (found, model, name, class) in [
            (&["cat", "dog"][..], None, "voc", 7),
            (&["cat", "dog"], Some(&own), "voc", 7),
            (&["cat"], Some(&own), "own", 1),
            (&["zebra", "cat"], Some(&own), "own", 1),
            (&["whiskers", "cat"], Some(&own), "annotations", 0),
            (&["Cat", "cat"], None, "annotations", 1),
        ] {
            let names = found.iter().copied().collect();
            let (list, notes) = choose(&names, model).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(
                (&list.name[..], list.class("cat")),
                (name, Some(class)),
                "{found:?}"
            );
            assert_eq!(notes.is_empty(), name != "annotations", "{notes:?}");
        }
        let imagenet = ClassList::read(ClassList::IMAGENET).expect("the classes");
        let ilsvrc = ["n02123045", "n02123159"].into_iter().collect();
        let error = choose(&ilsvrc, Some(&imagenet)).expect_err("another layout");
        let error = error.to_string();
        assert!(error.starts_with("the classes are WordNet ids"), "{error}");
        let names = ["Cat", "cat", "dog"].into_iter().collect();
        let (_, notes) = choose(&names, None).unwrap_or_else(|e| panic!("{e}"));
        let expected = [
            "the classes are the 3 names in the annotations, sorted: Cat, cat, dog",
            "classes whose names differ only in capitals are different: Cat, cat",
        ];
        assert_eq!(notes, expected);
    }
}
