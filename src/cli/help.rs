//! The line that begins with `help:` after an error. The library says what the user can do as a
//! value, and this module puts it into the words of the command line.

use onnx_grad::gradient::GradientError;

use crate::dataset::DatasetError;
use crate::remedy::{Refused, Remedy};
use crate::run::{Incomplete, InternalFailure, Shard};

/// Where the user sets the options of the gradient compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GradientOptions {
    /// As options of `localise grad`.
    CommandLine,
    /// In the model's description and in the pipeline.
    Files,
}

/// What the user can do about an error, unless the message itself says it.
pub(super) fn help(error: &anyhow::Error, gradient_options: GradientOptions) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Some(remedy(&refused.remedy));
        }
        if let Some(Incomplete { missing, count }) = cause.downcast_ref() {
            let index = missing.first().copied().unwrap_or_default();
            let shard = Shard {
                index,
                count: *count,
            };
            return Some(format!(
                "run them, for example with --shard {shard}, and merge again"
            ));
        }
        if cause.is::<InternalFailure>() {
            let help = "the program or ONNX Runtime failed, not the photos: please report this, \
                        with the output of `localise doctor`";
            return Some(help.into());
        }
        if let Some(gradient) = cause.downcast_ref::<GradientError>() {
            return match gradient_options {
                GradientOptions::CommandLine => gradient_option(gradient),
                GradientOptions::Files => gradient_key(gradient),
            };
        }
        let dataset = cause.downcast_ref::<DatasetError>();
        dataset
            .and_then(|dataset| dataset.remedy.as_ref())
            .map(remedy)
    })
}

/// A remedy as options of the command line.
pub(super) fn remedy(remedy: &Remedy) -> String {
    match remedy {
        Remedy::DataDir => "name the folder of the data with --data-dir".into(),
        Remedy::FetchData => {
            "name their folder with --data-dir or LOCALISE_DATA; data/README.md says what to fetch"
                .into()
        }
        Remedy::OriginalDataDir => {
            "name the folder of the data that the shards were run on with --data-dir".into()
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
        Remedy::RunShard(shard) => format!("run the shards first: localise run --shard {shard}"),
        Remedy::CheckShardCount => "check the number of --expect-shards".into(),
        Remedy::PredictedClasses => "localise the predicted classes with --classes top5".into(),
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
            "every photo needs a file of its name; --images scores only some photos".into()
        }
        Remedy::StudyModels => "name some as `models` in the study's file, or with --model".into(),
    }
}

/// What to do about a model that cannot be differentiated, as options of `localise grad`.
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
            "name the first float32 tensor after it with --wrt TENSOR"
        }
        GradientError::ClassCount { classes, .. } => {
            return Some(format!("--classes 1 to {classes}"));
        }
        GradientError::UnknownTensor { .. } => {
            "--target and --wrt take the names of node outputs, as a model viewer shows them"
        }
        GradientError::RepeatedTensor { .. } => "name it once",
        GradientError::NoRelu => "take the gradient itself: --relu gradient",
        GradientError::Runtime(_) => RUNTIME,
        _ => return None,
    };
    Some(help.into())
}

/// What to do about a model that cannot be differentiated, as keys of its description or of the
/// pipeline.
fn gradient_key(error: &GradientError) -> Option<String> {
    let help = match error {
        GradientError::NoRule { .. } => {
            "`localise list ops` lists the rules; set `target` in the model's description to an \
             earlier score, or add a rule (CONTRIBUTING.md, \"Add a gradient rule\")"
        }
        GradientError::Unsupported { .. } => {
            "set `target` in the model's description to an earlier score"
        }
        GradientError::NoDependence { wrt, .. } => {
            return Some(format!(
                "set `target` in the model's description to a score that depends on `{wrt}`, or \
                 choose an earlier layer (saliency.layers)"
            ));
        }
        GradientError::OpenSize { .. } => "set `size` in the model's description",
        GradientError::NotFloat { .. } => "export the model with a float32 input",
        GradientError::UnknownTensor { .. } => {
            "check `target` and `layers` in the model's description, and saliency.layers"
        }
        GradientError::NoRelu => "choose the saliency method `gradient`",
        GradientError::NoDenseForm(_) => "choose a pipeline whose `view.kind` is not `dense`",
        GradientError::Runtime(_) => RUNTIME,
        _ => return None,
    };
    Some(help.into())
}

/// What to do about a model that ONNX Runtime refuses.
const RUNTIME: &str =
    "export it for the ONNX Runtime that `localise doctor` names, or use a newer one";

#[cfg(test)]
mod tests {
    use super::*;

    /// The options of `localise grad` are named only to those who use it.
    #[test]
    fn the_help_for_a_gradient_depends_on_the_subcommand() {
        let open_size = || GradientError::OpenSize {
            input: "photo".into(),
            dims: vec![Some(1), Some(3), None, None],
        };
        let no_rule = || GradientError::NoRule {
            wrt: vec!["photo".into()],
            target: "scores".into(),
            operators: vec![],
        };
        let cases = [
            (open_size(), GradientOptions::CommandLine, "--size WxH"),
            (open_size(), GradientOptions::Files, "set `size`"),
            (no_rule(), GradientOptions::CommandLine, "--target TENSOR"),
            (no_rule(), GradientOptions::Files, "set `target`"),
        ];
        for (error, options, expected) in cases {
            // The error of a library function, with the file's name in front.
            let error = anyhow::Error::from(error).context("model.onnx");
            let help = help(&error, options).expect("a help");
            assert!(help.contains(expected), "{options:?}: {help}");
            let names_options = help.contains("--");
            assert_eq!(
                names_options,
                options == GradientOptions::CommandLine,
                "{help}"
            );
        }
    }
}
