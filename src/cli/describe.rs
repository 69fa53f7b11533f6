//! `localise describe`

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::output::print;
use crate::classes::ClassList;
use crate::classifier::{
    Classifier, ClassifierError, DescriptionOrigin, ModelDescription, Preset, ProbeOptions,
    describe_like,
};
use crate::dataset::{Dataset, Request};
use crate::doctor::{FitVerdict, PresetFit, constant_rate, fit_presets, fit_verdict};
use crate::fs::{ensure_writable, write_atomically};
use crate::path_text;
use crate::remedy::{Refused, Remedy};

/// The dataset that a model is checked on by default: 30 labelled photos of ImageNet's classes.
const SAMPLE: &str = "sample";

const EXAMPLES: &str = "Examples:
  localise describe resnet50.onnx                     write resnet50.toml, if the photos decide
  localise describe resnet50.onnx --like torchvision  say how pixels are scaled, and check it
  localise describe exported/                         a folder of Optimum, transformers or timm
  localise describe pets.onnx --like timm --class-list pets.txt   a model of other classes
  localise describe squeezenet1.1                     only check a description";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DescribeArgs {
    /// The model: an ONNX file, or a folder into which a library exported it. A description or its
    /// name is only checked.
    model: PathBuf,
    /// How pixels are scaled [default: as the configuration in the model's folder says, or else as
    /// the photos show]
    #[arg(long, value_name = "PRESET", value_enum)]
    like: Option<Preset>,
    /// The classes in the order of the scores: a file with one name per line, or a name of
    /// data/classes [default: the labels of the configuration, or ImageNet's 1000 classes]
    #[arg(long, value_name = "NAME|FILE")]
    class_list: Option<String>,
    /// The file to write [default: the TOML of the same name beside the model]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Labelled photos to check the description on [default: sample, if the model has its classes]
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// The folder of the dataset's files.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// How many photos to check on.
    #[arg(long, value_name = "N", default_value_t = 300)]
    photos: usize,
    /// Print one JSON object in place of the text.
    #[arg(long)]
    json: bool,
}

/// What the photos show.
struct Check {
    /// Why nothing was measured, if so.
    unchecked: Option<String>,
    dataset: String,
    fits: Vec<PresetFit>,
    verdict: FitVerdict,
}

impl DescribeArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let classes = self
            .class_list
            .as_deref()
            .map(|name| ClassList::named(name, &[Path::new("")]));
        let classes = classes.transpose()?;
        match describe_like(&self.model, self.like, classes.as_ref()) {
            Ok(description) => {
                // Written before the check, so that there is a file to correct if that fails.
                let written = self.write(&description)?;
                let check = self.check(description.clone())?;
                self.finish(&description, &check, written.as_deref())
            }
            Err(ClassifierError::Description(refused))
                if matches!(refused.remedy, Some(Remedy::DescribeModel(_))) =>
            {
                self.choose(classes.as_ref())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Describes a model of which nothing says how its pixels are scaled: as the photos show.
    fn choose(&self, classes: Option<&ClassList>) -> Result<Exit> {
        let any = describe_like(&self.model, Some(Preset::Raw), classes)?;
        let check = self.check(any.clone())?;
        let unclear = |why: &str| {
            Refused::with_advice(
                format!(
                    "{}: nothing says how its pixels are scaled, and {why}",
                    any.model.display()
                ),
                "name the library with --like, such as --like torchvision",
            )
        };
        let best = match (&check.unchecked, &check.verdict) {
            (Some(why), _) => bail!(unclear(why)),
            (None, FitVerdict::TooFewPhotos) => bail!(unclear("there are too few labelled photos")),
            (None, FitVerdict::NothingFits) => {
                print(&fit_table(&check))?;
                bail!(unclear(
                    "no preset is right more often than a constant guess: are its weights trained, and \
                     are its classes in this order?"
                ))
            }
            (None, FitVerdict::Best(best)) => &check.fits[best[0]],
        };
        let mut description = describe_like(&self.model, best.preset, classes)?;
        description.origin = DescriptionOrigin::Concluded(format!(
            "the preset {}, which fits {} best",
            best.name(),
            check.dataset
        ));
        let written = self.write(&description)?;
        let mut check = check;
        for fit in &mut check.fits {
            fit.is_described = fit.description.has_pixels_of(&description);
        }
        self.finish(&description, &check, written.as_deref())
    }

    /// Writes the description, and the class list if it is the model's own. A model that has a
    /// description keeps it.
    fn write(&self, description: &ModelDescription) -> Result<Option<PathBuf>> {
        let beside = description.model.with_extension("toml");
        let out = match &self.out {
            Some(out) => out.clone(),
            None if matches!(description.origin, DescriptionOrigin::File(_)) => {
                return Ok(None);
            }
            None if beside.exists() => bail!(Refused::with_advice(
                format!("{}: the model has a description already", beside.display()),
                "name another file with --out, or remove this one",
            )),
            None => beside,
        };
        ensure_writable(&out)?;
        let list = &description.classes;
        let is_known = ClassList::read(&list.name).is_ok_and(|known| known == *list);
        let name = if is_known {
            list.name.clone()
        } else {
            let classes = out.with_extension("classes.csv");
            write_atomically(&classes, &list.to_csv())?;
            path_text::encode(classes.file_name().unwrap_or_default())
        };
        write_atomically(&out, description.to_text(&out, &name)?.as_bytes())?;
        Ok(Some(out))
    }

    /// Loads the model, and measures every preset on the photos.
    fn check(&self, description: ModelDescription) -> Result<Check> {
        // The notes are printed with the description.
        let without_notes = ModelDescription {
            notes: vec![],
            ..description
        };
        let mut classifier = Classifier::load(without_notes, ProbeOptions::default())?;
        let own = &classifier.description.classes;
        if self.dataset.is_none() && *own != ClassList::read(ClassList::IMAGENET)? {
            return Ok(Check {
                unchecked: Some("its classes are not those of the sample's photos".into()),
                dataset: SAMPLE.into(),
                fits: Vec::new(),
                verdict: FitVerdict::TooFewPhotos,
            });
        }
        let dataset = Dataset::open(&Request {
            dataset: Some(self.dataset.as_deref().unwrap_or(SAMPLE.as_ref())),
            data_dir: self.data_dir.as_deref(),
            classes: Some(own),
            lenient: true,
            ..Request::default()
        })?;
        let fits = fit_presets(&dataset, &mut classifier, self.photos)?;
        Ok(Check {
            unchecked: None,
            dataset: dataset.name.clone(),
            verdict: fit_verdict(&fits, constant_rate(&dataset)),
            fits,
        })
    }

    /// Prints what was found, and warns of a description that is not the best.
    fn finish(
        &self,
        description: &ModelDescription,
        check: &Check,
        written: Option<&Path>,
    ) -> Result<Exit> {
        let warning = warning(check);
        let file = written.map(path_text::encode);
        if self.json {
            print(&json_text(description, check, warning.as_deref(), file))?;
        } else {
            let mut text = facts(description);
            text.push_str(&fit_table(check));
            if let Some(warning) = &warning {
                let _ = writeln!(text, " warning: {warning}");
            }
            let _ = match &file {
                Some(file) => writeln!(text, " {file}"),
                None => writeln!(
                    text,
                    " nothing was written: {} describes it",
                    description.origin
                ),
            };
            print(&text)?;
        }
        Ok(if warning.is_some() {
            Exit::FaultFound
        } else {
            Exit::Done
        })
    }
}

/// The lines about the model itself.
fn facts(description: &ModelDescription) -> String {
    let ModelDescription {
        model,
        classes,
        background,
        size,
        canvas,
        channels,
        layout,
        range,
        mean,
        std,
        origin,
        notes,
        ..
    } = description;
    let layout = layout.map_or("as declared".into(), |layout| layout.to_string());
    let extra = if background.is_some() {
        " and a background"
    } else {
        ""
    };
    let mut text = format!(
        " model     {}\n classes   {} ({}){extra}\n input     {size}, cropped from {canvas}, {layout}\n \
         pixels    {channels}, range {range}, mean {mean:?}, std {std:?}\n from      {origin}\n",
        model.display(),
        classes.name,
        classes.len(),
    );
    for note in notes {
        let _ = writeln!(text, " note      {note}");
    }
    text
}

/// A line for each preprocessing, and which fits best.
fn fit_table(check: &Check) -> String {
    let Check {
        unchecked,
        dataset,
        fits,
        verdict,
    } = check;
    if let Some(why) = unchecked {
        return format!(" not checked: {why} (--dataset names others)\n");
    }
    let photos = fits.first().map_or(0, |fit| fit.photos.len());
    let mut text = format!("\n {:<16}  top-1   top-5   log loss\n", "pixels");
    for (i, fit) in fits.iter().enumerate() {
        let is_best = matches!(verdict, FitVerdict::Best(best) if best[0] == i);
        let marks = [(is_best, "best"), (fit.is_described, "described")];
        let marks: Vec<_> = marks
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, mark)| *mark)
            .collect();
        let line = format!(
            " {:<16}  {:>5.1}   {:>5.1}   {:>8.2}   {}",
            fit.name(),
            fit.accuracy(1) * 100.0,
            fit.accuracy(5) * 100.0,
            fit.mean_loss(),
            marks.join(", ")
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let names = |indices: &[usize]| {
        let names: Vec<_> = indices.iter().map(|&i| fits[i].name()).collect();
        names.join(", ")
    };
    let verdict = match verdict {
        FitVerdict::TooFewPhotos => "too few to tell which fits".into(),
        FitVerdict::NothingFits => "nothing fits".into(),
        FitVerdict::Best(best) => match &best[1..] {
            [] => format!("{} fits best", names(best)),
            others => format!(
                "{} fits best; {} cannot be told from it (--dataset names more photos)",
                names(&best[..1]),
                names(others)
            ),
        },
    };
    let _ = writeln!(text, "\n {photos} photos of {dataset}: {verdict}");
    text
}

/// What is wrong with the description, as far as the photos show it.
fn warning(check: &Check) -> Option<String> {
    let described = check.fits.iter().position(|fit| fit.is_described)?;
    match &check.verdict {
        FitVerdict::TooFewPhotos => None,
        FitVerdict::NothingFits => Some(
            "neither the description nor any preset is right more often than a constant guess: are \
             the weights trained, and are the classes in this order?"
                .into(),
        ),
        FitVerdict::Best(best) if best.contains(&described) => None,
        FitVerdict::Best(best) => {
            let (own, better) = (&check.fits[described], &check.fits[best[0]]);
            Some(format!(
                "{} fits better than {}, which is described: top-1 {:.1} % against {:.1} %, log loss \
                 {:.2} against {:.2}",
                better.name(),
                own.name(),
                better.accuracy(1) * 100.0,
                own.accuracy(1) * 100.0,
                better.mean_loss(),
                own.mean_loss()
            ))
        }
    }
}

/// The same as an object for scripts.
fn json_text(
    description: &ModelDescription,
    check: &Check,
    warning: Option<&str>,
    file: Option<String>,
) -> String {
    let fits: Vec<_> = check
        .fits
        .iter()
        .map(|fit| {
            json!({
                "preset": fit.name(),
                "top1": fit.accuracy(1),
                "top5": fit.accuracy(5),
                "log_loss": fit.mean_loss(),
                "described": fit.is_described,
            })
        })
        .collect();
    let best: Vec<_> = match &check.verdict {
        FitVerdict::Best(best) => best.iter().map(|&i| check.fits[i].name()).collect(),
        FitVerdict::TooFewPhotos | FitVerdict::NothingFits => vec![],
    };
    let ModelDescription {
        classes,
        background,
        size,
        ..
    } = description;
    let record = json!({
        "schema": 1,
        "description": {
            "model": path_text::encode(&description.model),
            "classes": classes.name,
            "class_count": classes.len(),
            "background": background.is_some(),
            "size": [size.height, size.width],
            "canvas": description.canvas,
            "layout": description.layout,
            "channels": description.channels,
            "range": description.range,
            "mean": description.mean,
            "std": description.std,
            "from": description.origin.to_string(),
            "notes": description.notes,
        },
        "not_checked": check.unchecked,
        "dataset": check.dataset,
        "photos": check.fits.first().map_or(0, |fit| fit.photos.len()),
        "fits": fits,
        "best": best,
        "warning": warning,
        "file": file,
    });
    format!("{record}\n")
}
