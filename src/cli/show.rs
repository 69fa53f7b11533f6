//! `localise show`

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use image::RgbImage;
use serde::Serialize;

use super::run::{DEFAULT_MODEL, DEFAULT_PIPELINE};
use super::{Exit, may_colour, print};
use crate::classes::ClassList;
use crate::classifier::{Classifier, describe};
use crate::pipeline::Pipeline;
use crate::dataset::{self, Dataset, Jpeg, Photo, Request};
use crate::fs::OutputError;
use crate::report::{self, PanelInput};
use crate::geometry::{BBox, Size};
use crate::localiser::{ClassResult, Classes, Localiser, PhotoResult, probe_options};
use crate::results::{FinishedRun, files};
use crate::saliency::{METHODS, Method};
use crate::segment::Flag;
use crate::assets::{nearest, none_called};

const EXAMPLES: &str = "Examples:
  localise show coffee.jpg                            six tiles: coffee-panel.png
  localise show coffee.jpg --class eggnog             another class: a name, an index or a WordNet id
  localise show photos/ --out panels/                 every photo in a folder
  localise show cat.jpg --method gradient,guided      saliency methods side by side
  localise show coffee --dataset sample               a photo of a dataset, with its true boxes
  localise show coffee --run runs/A                   a photo as a run saw it";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShowArgs {
    /// Photos: files, folders of photos, or names in --dataset or --run.
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// A run whose photos these are: its model, pipeline, dataset and seed are taken.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["dataset", "model", "pipeline"])]
    run: Option<PathBuf>,
    /// A dataset that has the photos; their true boxes are drawn too.
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// Where the dataset's files lie.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// The class to find: a name, an index or a WordNet id [default: the true class, or the most
    /// probable]
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// A model's name, its description or its ONNX file.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// A pipeline's name or file.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_PIPELINE)]
    pipeline: PathBuf,
    /// Other saliency methods in the pipeline's place, side by side: `localise list methods`.
    #[arg(long, value_name = "METHOD,...", value_delimiter = ',')]
    method: Vec<String>,
    /// Change one value of the pipeline.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The picture to write, of several photos the folder [default: PHOTO-panel.png in the working
    /// folder]
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// ShowArgs pictures in the terminal, as is done anyway where the output is one; without --out,
    /// write none.
    #[arg(long)]
    terminal: bool,
    /// Print a line of JSON for each photo and method, and show no picture.
    #[arg(long, conflicts_with = "terminal")]
    json: bool,
    /// Write the cut as a maximum-flow problem in DIMACS format too, for other solvers.
    #[arg(long, value_name = "FILE", conflicts_with = "method")]
    dimacs: Option<PathBuf>,
}

/// What photos are shown with.
struct ShowSetup {
    model: PathBuf,
    pipelines: Vec<Pipeline>,
    seed: u64,
    jpeg: Jpeg,
    /// The dataset that has the photos.
    dataset: Option<Dataset>,
}

/// What a method finds in a photo; `--json` prints this.
#[derive(Serialize)]
struct ShowRecord<'a> {
    image_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    class_index: usize,
    class_key: &'a str,
    class_name: &'a str,
    /// The place of the class in the ranking, from 1.
    rank: usize,
    probability: f32,
    /// x_min, y_min, x_max, y_max: pixels of the photo, 0-based, max exclusive.
    r#box: [f64; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    iou: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flag: Option<&'static str>,
}

impl ShowArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let ShowSetup {
            model,
            pipelines,
            seed,
            jpeg,
            dataset,
        } = self.experiment()?;
        let description = describe(&model)?;
        let dataset = match dataset {
            None => self
                .dataset
                .as_deref()
                .map(|name| self.open(name, &description.classes))
                .transpose()?,
            dataset => dataset,
        };
        let photos = self.find(dataset.as_ref())?;
        let known = |path: &PathBuf| path.is_dir() || image::ImageFormat::from_path(path).is_ok();
        let several = photos.len() > 1 || self.photos[0].is_dir();
        if let Some(out) = self.out.as_ref().filter(|out| !several && !known(out)) {
            bail!(
                "--out: {} is no name of a picture\nhelp: end it in .png or .jpg, or name a folder",
                out.display()
            );
        }
        let classes = &description.classes;
        let class = self
            .class
            .as_ref()
            .map(|class| classes.find(class).map_err(|e| anyhow!("--class: {e}")));
        let class = class.transpose()?;
        ensure!(
            self.dimacs.is_none() || photos.len() == 1,
            "--dimacs: one photo is wanted, not {}",
            photos.len()
        );
        let load = |pipeline| Classifier::load(description.clone(), probe_options(pipeline, &description));
        let classifiers: Vec<Classifier> = pipelines.iter().map(load).collect::<Result<_, _>>()?;
        let mut failed = 0;
        for photo in &photos {
            let class = class.or(photo.class);
            let shown = if class.is_some() {
                Classes::Gt
            } else {
                Classes::Top5
            };
            let with = pipelines.iter().zip(&classifiers);
            let mut localisers: Vec<_> = with
                .map(|(p, c)| (p, Localiser::new(c, p, shown, seed)))
                .collect();
            // One bad photo of a folder is no reason to show none of the others.
            match self.show(photo, class, classes, jpeg, &mut localisers) {
                Err(error) if several && !error.is::<OutputError>() => {
                    tracing::error!("{error:#}");
                    failed += 1;
                }
                shown => self.give(photo, shown?, several)?,
            }
        }
        Ok(if failed > 0 {
            Exit::SomeFailed
        } else {
            Exit::Done
        })
    }

    /// What was asked for, or what a run was.
    fn experiment(&self) -> Result<ShowSetup> {
        let (experiment, origin) = match &self.run {
            Some(folder) => {
                let mut run = FinishedRun::open(folder)?;
                self.data_dir
                    .as_deref()
                    .map_or(Ok(()), |data_dir| run.relocate_photos(data_dir))?;
                let FinishedRun {
                    options, dataset, ..
                } = run;
                let (model, pipelines) = (options.model, vec![options.pipeline]);
                let (seed, jpeg) = (options.seed, options.jpeg);
                (
                    ShowSetup {
                        model,
                        pipelines,
                        seed,
                        jpeg,
                        dataset: Some(dataset),
                    },
                    folder.join(files::RUN),
                )
            }
            None => {
                let pipelines = vec![Pipeline::load(&self.pipeline, &[])?];
                let (model, jpeg) = (self.model.clone(), Jpeg::Strict);
                (
                    ShowSetup {
                        model,
                        pipelines,
                        seed: 0,
                        jpeg,
                        dataset: None,
                    },
                    self.pipeline.clone(),
                )
            }
        };
        let given = &experiment.pipelines[0];
        let pipeline =
            Pipeline::from_text(&given.to_text(), &origin.display().to_string(), &self.set)?;
        let methods: Vec<&Method> = self
            .method
            .iter()
            .map(|name| method(name))
            .collect::<Result<_>>()?;
        let pipelines = match methods[..] {
            [] => vec![pipeline],
            _ => methods
                .iter()
                .map(|method| pipeline.with_method(method))
                .collect::<Result<Vec<_>, _>>()?,
        };
        Ok(ShowSetup {
            pipelines,
            ..experiment
        })
    }

    fn open(&self, name: &Path, classes: &ClassList) -> Result<Dataset> {
        let data_dir = self.data_dir.as_deref();
        let request = Request {
            dataset: Some(name),
            data_dir,
            classes: Some(classes),
            ..Request::default()
        };
        Ok(Dataset::open(&request)?)
    }

    /// The photos that are meant, in the order in which they are named.
    fn find(&self, dataset: Option<&Dataset>) -> Result<Vec<Photo>> {
        let mut photos = Vec::new();
        for wanted in &self.photos {
            match dataset {
                Some(dataset) => photos.push(of_dataset(dataset, wanted)?),
                None if wanted.is_dir() => photos.extend(of_folder(wanted)?),
                None => photos.push(lone(wanted)),
            }
        }
        Ok(photos)
    }

    /// A photo's panel, and what was found in it.
    fn show(
        &self,
        photo: &Photo,
        class: Option<usize>,
        classes: &ClassList,
        jpeg: Jpeg,
        localisers: &mut [(&Pipeline, Localiser<'_>)],
    ) -> Result<(RgbImage, String)> {
        let at = || photo.path.display().to_string();
        let picture = dataset::read(&photo.path, jpeg).map_err(|e| anyhow!("{}: {e}", at()))?;
        let (mut text, mut all) = (String::new(), Vec::new());
        for (pipeline, localiser) in localisers {
            let seen = localiser
                .locate(&picture, &photo.id, class, &mut |_| {})
                .with_context(at)?;
            if let Some(path) = &self.dimacs {
                write_cut(localiser, &seen, &photo.id, path)?;
            }
            let line = line(photo, &seen, classes, pipeline)?;
            text += &if self.json {
                serde_json::to_string(&line)? + "\n"
            } else {
                sentence(&line)
            };
            all.push(seen);
        }
        let inputs: Vec<PanelInput<'_>> =
            all.iter().map(|result| panel_input(result, &picture, &photo.boxes)).collect();
        let panel = match inputs[..] {
            [input] => report::panel(&input),
            _ => report::side_by_side(&inputs),
        };
        Ok((panel, text))
    }

    /// Writes and shows a photo's panel, which is one of `several`.
    fn give(
        &self,
        photo: &Photo,
        (panel, mut text): (RgbImage, String),
        several: bool,
    ) -> Result<()> {
        let name = format!("{}-panel.png", photo.id);
        let out = match &self.out {
            Some(folder) if several || folder.is_dir() => Some(folder.join(&name)),
            None if self.terminal || self.json => None,
            out => Some(out.clone().unwrap_or_else(|| (&name).into())),
        };
        if let Some(out) = &out {
            if let Some(folder) = out.parent().filter(|_| out.ends_with(&name)) {
                fs::create_dir_all(folder).map_err(OutputError::at(folder))?;
            }
            panel
                .save(out)
                .map_err(|e| OutputError::at(out)(io::Error::other(e)))?;
            if !self.json {
                text += &format!("{}\n", out.display());
            }
        }
        print(&text)?;
        if self.terminal || (!self.json && may_colour(&io::stdout())) {
            print(&report::terminal(&panel, columns()))?;
        }
        Ok(())
    }
}

/// How wide the terminal is, in characters; 80 where there is none.
fn columns() -> u32 {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| size.ws_col.into())
        .filter(|&n| n > 0)
        .unwrap_or(80)
}

/// What a panel shows of a photo: the first class that was found.
fn panel_input<'a>(
    result: &'a PhotoResult,
    picture: &RgbImage,
    truth: &'a [BBox],
) -> PanelInput<'a> {
    let found = &result.classes[0];
    PanelInput {
        frame: &result.view.frame,
        photo: Size::from_picture(picture),
        truth,
        saliency: found.saliency.as_ref(),
        stages: &found.stages,
        localisation: &found.localisation,
    }
}

/// What a pipeline found in a photo.
fn line<'a>(
    photo: &'a Photo,
    seen: &PhotoResult,
    classes: &'a ClassList,
    pipeline: &Pipeline,
) -> Result<ShowRecord<'a>> {
    let Some(ClassResult { class, localisation, .. }) = seen.classes.first() else {
        bail!("{}: no class was found", photo.id)
    };
    let BBox {
        x_min,
        y_min,
        x_max,
        y_max,
    } = localisation.bbox;
    let truth = photo.boxes.iter().filter(|_| photo.class == Some(*class));
    Ok(ShowRecord {
        image_id: &photo.id,
        method: pipeline
            .saliency
            .as_ref()
            .map(|saliency| saliency.method.name),
        class_index: *class,
        class_key: classes.key(*class),
        class_name: classes.title(*class),
        rank: seen
            .ranking
            .iter()
            .position(|c| c == class)
            .map_or(0, |r| r + 1),
        probability: seen.probabilities[*class],
        r#box: [x_min, y_min, x_max, y_max],
        iou: truth.map(|b| localisation.bbox.iou(b)).reduce(f64::max),
        flag: localisation.flag.map(Flag::name),
    })
}

fn sentence(line: &ShowRecord<'_>) -> String {
    let ShowRecord {
        image_id,
        class_index,
        class_name,
        class_key,
        rank,
        probability,
        ..
    } = line;
    let method = line
        .method
        .map_or(String::new(), |method| format!("{method}: "));
    let [x_min, y_min, x_max, y_max] = line.r#box;
    let iou = line
        .iou
        .map_or(String::new(), |iou| format!("  IoU {iou:.3}"));
    let flag = line.flag.map_or(String::new(), |flag| format!("  {flag}"));
    format!(
        "{image_id}: class {class_index} {class_name} ({class_key}), place {rank}, probability {probability:.3}\n\
         {method}box ({x_min}, {y_min}, {x_max}, {y_max}){iou}{flag}\n"
    )
}

/// Writes the cut that was made last.
fn write_cut(localiser: &Localiser<'_>, seen: &PhotoResult, id: &str, path: &Path) -> Result<()> {
    let was_cut = seen
        .classes
        .first()
        .is_some_and(|found| found.stages.mask.is_some());
    let energy = localiser.energy().filter(|_| was_cut);
    let energy = energy.ok_or_else(|| anyhow!("--dimacs: this pipeline made no cut of {id}"))?;
    let write = || energy.instance().write(BufWriter::new(File::create(path)?));
    Ok(write().map_err(OutputError::at(path))?)
}

fn of_dataset(dataset: &Dataset, wanted: &Path) -> Result<Photo> {
    let id = wanted.to_string_lossy();
    let found = dataset
        .photos
        .iter()
        .find(|photo| photo.id == id || photo.path == wanted);
    found.cloned().ok_or_else(|| {
        let near = nearest(&id, dataset.photos.iter().map(|photo| photo.id.as_str()));
        let near = near.map_or(String::new(), |near| {
            format!("\nhelp: the nearest is {near}")
        });
        anyhow!("{} has no photo called {id}{near}", dataset.name)
    })
}

/// The photos of a folder and of the folders in it, by name; with their endings, since two may
/// differ in nothing else.
fn of_folder(folder: &Path) -> Result<Vec<Photo>> {
    let photos = photos_below(folder)?;
    ensure!(
        !photos.is_empty(),
        "{}: no photos lie here (.jpg, .jpeg, .png)",
        folder.display()
    );
    let id = |path: &Path| {
        path.strip_prefix(folder)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    Ok(photos
        .iter()
        .map(|path| Photo {
            id: id(path),
            ..lone(path)
        })
        .collect())
}

fn photos_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_photo = |path: &PathBuf| {
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        ["jpg", "jpeg", "png"].contains(&extension.as_str())
    };
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let (folders, files): (Vec<_>, Vec<_>) = paths
        .into_iter()
        .partition(|path| path.is_dir() && !path.is_symlink());
    let mut photos: Vec<PathBuf> = files.into_iter().filter(is_photo).collect();
    for folder in folders {
        photos.extend(photos_below(&folder)?);
    }
    Ok(photos)
}

/// A photo that belongs to no dataset.
fn lone(path: &Path) -> Photo {
    Photo {
        id: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        path: path.to_owned(),
        ..Photo::default()
    }
}

fn method(name: &str) -> Result<&'static Method> {
    Method::find(name).ok_or_else(|| {
        let none = none_called("method", name, METHODS.iter().map(|method| method.name));
        anyhow!("--method: {none}\nhelp: `localise list methods` lists them")
    })
}
