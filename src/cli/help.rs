//! The line that begins with `help:` after an error. Errors carry their remedy as a value. Where
//! the user would change an option, this module puts it into the words of the command line.

use std::error::Error;

use onnx_grad::gradient::GradientError;

use super::option_owners::{Invocation, with_owners};
use crate::classifier::{ClassifierError, LibraryError, with_candidates};
use crate::dataset::DatasetError;
use crate::remedy::{Refused, Remedy};
use crate::run::{Incomplete, InternalFailure, Shard};

/// An error with its causes and, in a line of its own, what the user can do about it. If a
/// subcommand is given, the options of others are named as theirs.
pub(super) fn with_help(error: &anyhow::Error, invocation: Option<Invocation<'_>>) -> String {
    match error.chain().find_map(help) {
        Some(help) => {
            let help = match invocation {
                Some(invocation) => with_owners(&help, invocation),
                None => help,
            };
            format!("{error:#}\n{}", line(&help))
        }
        None => format!("{error:#}"),
    }
}

/// The line that says what the user can do.
pub(super) fn line(help: &str) -> String {
    format!("help: {help}")
}

/// What the user can do about an error, without regard to its causes.
fn help(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(Incomplete { missing, count }) = error.downcast_ref() {
        let index = missing.first().copied().unwrap_or_default();
        let shard = Shard {
            index,
            count: *count,
        };
        return Some(format!(
            "run them, for example with --shard {shard}, and merge again"
        ));
    }
    if error.is::<InternalFailure>() {
        let help = "the program or ONNX Runtime failed, not the photos: please report this, with \
                    the output of `localise doctor`";
        return Some(help.into());
    }
    if let Some(gradient) = error.downcast_ref::<GradientError>() {
        return gradient_option(gradient);
    }
    carried_remedy(error).as_ref().map(remedy)
}

/// The remedy that an error carries, if it is of a type that does.
fn carried_remedy(error: &(dyn Error + 'static)) -> Option<Remedy> {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return refused.remedy.clone();
    }
    if let Some(dataset) = error.downcast_ref::<DatasetError>() {
        return dataset.remedy.clone();
    }
    if let Some(classifier) = error.downcast_ref::<ClassifierError>() {
        return classifier.remedy();
    }
    error.downcast_ref().map(LibraryError::remedy)
}

/// A remedy in the words of the command line.
pub(super) fn remedy(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Advice(advice) => advice.clone(),
        Remedy::DataDir => "name the folder of the data with --data-dir".into(),
        Remedy::DataDirOrImages => {
            "name the folder of the data with --data-dir; if only some of the photos are there, name \
             their folder with --images too"
                .into()
        }
        Remedy::FetchData => {
            "name their folder with --data-dir or LOCALISE_DATA; data/README.md says what to fetch"
                .into()
        }
        Remedy::OriginalDataDir => {
            "use --data-dir to name the folder of the data that the shards were run on".into()
        }
        Remedy::CheckDataDir(folder) => {
            format!("check that {folder} is the right folder; --data-dir names another one")
        }
        Remedy::OtherFolder => "name another folder with --out".into(),
        Remedy::OtherFolderOrFresh => {
            "name another folder with --out, or start over with --fresh".into()
        }
        Remedy::Fresh => "start over with --fresh; the old file is kept under another name".into(),
        Remedy::RestoreOrFresh => "restore the file, or start over with --fresh".into(),
        Remedy::RunShards => "run the shards first: localise run --shard I/N".into(),
        Remedy::CheckShardCount => "check the number given to --expect-shards".into(),
        Remedy::PredictedClasses => "localise the predicted classes with --classes=top5".into(),
        Remedy::OtherPipeline => "choose another --pipeline, or leave out --write-maps".into(),
        Remedy::LenientBoxes => "--lenient-boxes leaves out invalid boxes".into(),
        Remedy::OtherPredictions => {
            "name boxes, maps, masks, or the folder of a run, such as runs/A".into()
        }
        Remedy::PredictionFormat => "name the format with --format".into(),
        Remedy::FixOrPredictionFormat => {
            "fix the file, or name its format with --format (see `localise score --help`)".into()
        }
        Remedy::SelectPhotos => {
            "every photo needs a file with its name; to score only some photos, list them in a \
             file and pass it with --images"
                .into()
        }
        Remedy::DescribeModel(file) => format!(
            "`localise describe {}` writes one; or name a preset with --like, such as --like \
             torchvision",
            file.display()
        ),
        Remedy::StudyModels => {
            "list models under `models` in the study's file, or name one with --model".into()
        }
    }
}

/// What to do about a model that cannot be differentiated, as options of `localise grad`. An error
/// of a classifier, which other subcommands load, carries a remedy of its own.
fn gradient_option(error: &GradientError) -> Option<String> {
    let help = match error {
        GradientError::NoRule { .. } => {
            "`localise list ops` lists the rules; differentiate an earlier score (--target \
             TENSOR), differentiate with respect to a later tensor (--wrt TENSOR), or add a rule \
             (CONTRIBUTING.md, \"Add a gradient rule\")"
        }
        GradientError::Unsupported { .. } => {
            "differentiate an earlier score (--target TENSOR), or with respect to a later tensor \
             (--wrt TENSOR)"
        }
        GradientError::NoDependence { wrt, target } => {
            return Some(format!(
                "name a tensor before `{target}` with --wrt TENSOR, or one after `{wrt}` with \
                 --target TENSOR"
            ));
        }
        GradientError::OpenSize { .. } => "give width and height with --size WxH",
        GradientError::NotFloat { .. } => {
            "use --wrt TENSOR to name the first float32 tensor after the input"
        }
        GradientError::ClassCount { classes, .. } => {
            return Some(format!("give --classes a number from 1 to {classes}"));
        }
        GradientError::UnknownTensor { .. } => {
            "--target and --wrt take the names of node outputs, as a model viewer shows them"
        }
        GradientError::RepeatedTensor { .. } => "name it once",
        GradientError::NoRelu => "take the gradient itself: --relu gradient",
        GradientError::Runtime(_) => {
            "export it for the ONNX Runtime that `localise doctor` names, or use a newer one"
        }
        GradientError::UnclearScores { candidates, .. } => {
            let place = "name the tensor of class scores with --target TENSOR";
            return Some(with_candidates(place, candidates));
        }
        _ => error.advice()?,
    };
    Some(help.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    /// The options of `localise grad` are named only to those who use it: the same error of a
    /// classifier names the keys of its description.
    #[test]
    fn the_help_for_a_gradient_depends_on_who_loads_the_model() {
        let open_size = || GradientError::OpenSize {
            input: "photo".into(),
            dims: vec![Some(1), Some(3), None, None],
        };
        let no_rule = || GradientError::NoRule {
            wrt: vec!["photo".into()],
            target: "scores".into(),
            operators: vec![],
        };
        let unclear = || GradientError::UnclearScores {
            fault: "two outputs".into(),
            candidates: vec!["scores".into()],
        };
        let cases = [
            (open_size(), "--size WxH", open_size(), "set `size`"),
            (no_rule(), "--target TENSOR", no_rule(), "set `target`"),
            (
                unclear(),
                "--target TENSOR, which could be `scores`",
                unclear(),
                "set `target`",
            ),
        ];
        for (of_grad, option, source, key) in cases {
            // The error of a library function, with the file's name in front.
            let of_grad = anyhow::Error::from(of_grad).context("model.onnx");
            let path = "model.onnx".to_owned();
            let of_classifier = ClassifierError::Gradient { path, source }.into();
            for (error, expected, names_options) in
                [(of_grad, option, true), (of_classifier, key, false)]
            {
                let invocation = Invocation {
                    command: &command(),
                    subcommand: if names_options { "grad" } else { "run" },
                };
                let text = with_help(&error, Some(invocation));
                let (_, help) = text.split_once("\nhelp: ").expect("a help");
                assert!(help.contains(expected), "{help}");
                assert_eq!(help.contains("--"), names_options, "{help}");
            }
        }
    }
}
