//! The class list of a model, from the number of its scores and the labels in its configuration.

use std::path::Path;

use onnx_grad::gradient::Background;
use onnx_grad::onnx::proto::{GraphProto, tensor_proto::DataType, type_proto};
use onnx_grad::onnx::sides;

use crate::classes::ClassList;
use crate::remedy::Refused;

/// The names that a score without a class has.
const BACKGROUND: [&str; 2] = ["background", "__background__"];
/// The share of labels that must be those of a known list for the labels to be that list: a few are
/// spelt differently everywhere.
const MIN_SHARE: f64 = 0.9;

/// Class labels in the order of the scores, from a configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Labels {
    pub(super) names: Vec<String>,
    /// The file that they are in.
    pub(super) origin: String,
}

/// What the scores of a model stand for.
#[derive(Debug)]
pub(super) struct ScoreClasses {
    pub(super) list: ClassList,
    pub(super) background: Option<Background>,
    /// What was concluded, where no file says it.
    pub(super) note: Option<String>,
}

impl Labels {
    /// Whether they are only numbered, as transformers does for a model without labels.
    fn are_numbers(&self) -> bool {
        let is_number =
            |(i, name): (usize, &String)| *name == format!("LABEL_{i}") || *name == i.to_string();
        self.names.iter().enumerate().all(is_number)
    }

    /// Whether they are the classes of a list in its order: by key or by the first name.
    fn are(&self, list: &ClassList) -> bool {
        let same = self.names.iter().enumerate().filter(|(class, label)| {
            let first = label.split(',').next().unwrap_or_default();
            **label == list.key(*class) || first.eq_ignore_ascii_case(list.title(*class))
        });
        self.names.len() == list.len() && same.count() as f64 >= MIN_SHARE * list.len() as f64
    }
}

/// The classes of a model whose outputs have these numbers of values.
///
/// # Errors
/// [`Refused`], where the labels are of another number, or where neither they nor the number of
/// scores say what the classes are.
pub(super) fn find(
    counts: &[usize],
    labels: Option<&Labels>,
    path: &Path,
) -> Result<ScoreClasses, Refused> {
    if let Some(labels) = labels
        && !counts.contains(&labels.names.len())
    {
        return Err(Refused::with_advice(
            format!(
                "{}: the model has {} scores, but {} has {} labels",
                path.display(),
                in_words(counts),
                labels.origin,
                labels.names.len()
            ),
            "remove the configuration if it is that of another model",
        ));
    }
    match labels.filter(|labels| !labels.are_numbers()) {
        Some(labels) => of_labels(labels),
        None => of_count(counts, path),
    }
}

/// The list that the labels are: a known one, or their own.
fn of_labels(labels: &Labels) -> Result<ScoreClasses, Refused> {
    let (background, classes) = match labels.names.split_first() {
        Some((first, others)) if BACKGROUND.contains(&first.to_lowercase().as_str()) => {
            (Some(Background::First), others.to_vec())
        }
        _ => (None, labels.names.clone()),
    };
    let without = Labels {
        names: classes,
        ..labels.clone()
    };
    let imagenet = ClassList::read(ClassList::IMAGENET)?;
    let list = if without.are(&imagenet) {
        imagenet
    } else {
        let named = without
            .names
            .iter()
            .map(|name| (name.clone(), name.clone()));
        ClassList::new("labels", named)
            .map_err(|fault| Refused::from(format!("{}: {fault}", labels.origin)))?
    };
    Ok(ScoreClasses {
        list,
        background,
        note: None,
    })
}

/// ImageNet's classes, if their number is that of the scores.
fn of_count(counts: &[usize], path: &Path) -> Result<ScoreClasses, Refused> {
    let list = ClassList::read(ClassList::IMAGENET)?;
    let (background, note) = if counts.contains(&list.len()) {
        (
            None,
            "its 1000 scores are taken for ImageNet's classes in the order of their WordNet ids",
        )
    } else if counts.contains(&(list.len() + 1)) {
        (
            Some(Background::First),
            "its 1001 scores are taken for a background and ImageNet's classes in the order of \
             their WordNet ids",
        )
    } else {
        return Err(Refused::with_advice(
            format!(
                "{}: the model has {} scores, and nothing says what their classes are",
                path.display(),
                in_words(counts)
            ),
            "name their class list: a file with one name per line, in the order of the scores",
        ));
    };
    Ok(ScoreClasses {
        list,
        background,
        note: Some(note.into()),
    })
}

fn in_words(counts: &[usize]) -> String {
    let counts: Vec<_> = counts.iter().map(usize::to_string).collect();
    counts.join(" or ")
}

/// The numbers of values of the outputs that could be scores, as far as the file declares them.
pub(super) fn declared_counts(graph: &GraphProto) -> Vec<usize> {
    let mut counts = Vec::new();
    for output in &graph.output {
        let Some(type_proto::Value::TensorType(tensor)) =
            output.r#type.as_ref().and_then(|t| t.value.as_ref())
        else {
            continue;
        };
        let kind = DataType::try_from(tensor.elem_type()).unwrap_or_default();
        let is_float = matches!(
            kind,
            DataType::Float | DataType::Float16 | DataType::Bfloat16 | DataType::Double
        );
        let sides = sides(output);
        // The first axis of several is that of the batch.
        let values = &sides[usize::from(sides.len() > 1)..];
        let count: Option<usize> = values
            .iter()
            .map(|side| side.parse::<usize>().ok())
            .product();
        // A length of 0 stands for an open one.
        if let Some(count) = count.filter(|n| *n > 0 && is_float && !values.is_empty())
            && !counts.contains(&count)
        {
            counts.push(count);
        }
    }
    counts
}
