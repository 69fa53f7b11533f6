//! The line that begins with `help:` after an error: what the library says as a value, in the words of
//! the command line.

use crate::dataset::DatasetError;
use crate::remedy::{Refused, Remedy};
use crate::run::{Incomplete, InternalFailure, Shard};

/// What the user can do about an error, if the error itself does not say it.
pub(super) fn help(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Some(remedy(&refused.remedy));
        }
        if let Some(Incomplete { missing, count }) = cause.downcast_ref() {
            let index = missing.first().copied().unwrap_or_default();
            let shard = Shard { index, count: *count };
            return Some(format!("run them, for example with --shard {shard}, and merge again"));
        }
        if cause.is::<InternalFailure>() {
            let help = "the program or ONNX Runtime failed, not the photos: please report this, \
                        with the output of `localise doctor`";
            return Some(help.into());
        }
        let dataset = cause.downcast_ref::<DatasetError>();
        dataset.and_then(|error| error.remedy.as_ref()).map(remedy)
    })
}

/// A remedy as options of the command line.
fn remedy(remedy: &Remedy) -> String {
    match remedy {
        Remedy::DataDir => "name the folder of the data with --data-dir".into(),
        Remedy::OriginalDataDir => {
            "name the data that the shards were created with: --data-dir".into()
        }
        Remedy::CheckDataDir(folder) => {
            format!("is {folder} the right folder? --data-dir names the data")
        }
        Remedy::OtherFolder => "name another folder with --out".into(),
        Remedy::OtherFolderOrFresh => {
            "name another folder with --out, or start over with --fresh".into()
        }
        Remedy::Fresh => "start over with --fresh; the old file is kept under another name".into(),
        Remedy::RestoreOrFresh => "restore the file, or start over with --fresh".into(),
        Remedy::RunShard(shard) => format!("run the shards first: localise run --shard {shard}"),
        Remedy::CheckShardCount => "is --expect-shards right?".into(),
        Remedy::PredictedClasses => "localise the predicted classes with --classes top5".into(),
        Remedy::OtherPipeline => "choose another --pipeline, or leave out --write-maps".into(),
        Remedy::LenientBoxes => "--lenient-boxes leaves out invalid boxes".into(),
        Remedy::PredictionFormat => "name the format with --format".into(),
        Remedy::FixOrPredictionFormat => {
            "fix the file, or name its format with --format (see `localise score --help`)".into()
        }
        Remedy::SelectPhotos => {
            "every photo needs a file of its name; --images scores only some photos".into()
        }
        Remedy::OtherMetric(known) => format!("choose a --metric that both results have: {known}"),
        Remedy::StudyModels => {
            "name some as `models` in the study's file, or with --model".into()
        }
    }
}
