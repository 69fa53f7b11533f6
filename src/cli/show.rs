//! `localise show`

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use image::RgbImage;

use super::exit::Exit;
use super::output::{may_colour, print};
use super::run::{DEFAULT_MODEL, DEFAULT_PIPELINE};
use super::show_record::ShowRecord;
use crate::assets::{nearest, none_called};
use crate::classes::ClassList;
use crate::classifier::{Preset, describe_like};
use crate::dataset::{self, Dataset, Jpeg, Photo, PhotoSearch, Request};
use crate::fs::OutputError;
use crate::localiser::{Classes, Localiser, Member, PhotoResult};
use crate::path_text;
use crate::pipeline::Pipeline;
use crate::remedy::Refused;
use crate::report::{self, PanelPhoto, PanelResult};
use crate::results::{FinishedRun, files};
use crate::saliency::{METHODS, Method};
use crate::storage;

const EXAMPLES: &str = "Examples:
  localise show coffee.jpg                            draw coffee-panel.png, with six tiles
  localise show coffee.jpg --class eggnog             find another class in the photo
  localise show photos/ --out panels/                 draw every photo in a folder
  localise show cat.jpg --method gradient,guided      compare saliency methods side by side
  localise show coffee --dataset sample               a photo of a dataset, with its true boxes
  localise show coffee --run runs/A                   a photo of a run, as the run processed it";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShowArgs {
    /// The photos: files, folders of photos, or names in --dataset or --run.
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// A run that has the photos. Its model, pipeline, dataset and seed are used.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["dataset", "model", "pipeline"])]
    run: Option<PathBuf>,
    /// A dataset that has the photos. Their true boxes are drawn too.
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// The folder of the dataset's files.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// The class to find: a name, an index or a WordNet id [default: the true class, or else the
    /// most probable one]
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// The model: a name (`localise list models`), a description, an ONNX file or its
    /// folder.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// How the pixels of an ONNX file without a description are scaled.
    #[arg(long, value_name = "PRESET", value_enum, conflicts_with = "run")]
    like: Option<Preset>,
    /// The pipeline: a name (`localise list pipelines`) or a file.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_PIPELINE)]
    pipeline: PathBuf,
    /// Saliency methods to use in place of the pipeline's and to draw side by side (`localise list
    /// methods`).
    #[arg(long, value_name = "METHOD,...", value_delimiter = ',')]
    method: Vec<String>,
    /// Change one value of the pipeline. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The picture to write, or the folder for the pictures of several photos [default:
    /// PHOTO-panel.png in the working directory]
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// Show the pictures as text, even if the output is not a terminal. Without --out, no file is
    /// written.
    #[arg(long)]
    terminal: bool,
    /// Print a line of JSON for each photo and method. Without --out, no picture is written.
    #[arg(long, conflicts_with = "terminal")]
    json: bool,
    /// Also write the cut to this file, as a maximum-flow problem in DIMACS format.
    #[arg(long, value_name = "FILE", conflicts_with = "method")]
    dimacs: Option<PathBuf>,
}

/// What the photos are shown with: the arguments, or those of the run.
struct ShowSetup {
    model: PathBuf,
    like: Option<Preset>,
    pipeline: Pipeline,
    /// What the pipeline is called: its name and the settings, or the run that has it.
    pipeline_name: String,
    rng_seed: u64,
    jpeg: Jpeg,
    /// The dataset that has the photos.
    dataset: Option<Dataset>,
}

/// A photo's panel, and what is printed about it.
struct ShowResult {
    panel: RgbImage,
    /// The tiles alone, where a terminal shows them.
    for_terminal: Option<RgbImage>,
    text: String,
}

impl ShowArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let mut setup = self.setup()?;
        let pipelines = self.pipelines(&setup.pipeline)?;
        let description = describe_like(&setup.model, setup.like, None)?;
        if let (None, Some(name)) = (&setup.dataset, &self.dataset) {
            setup.dataset = Some(self.open_dataset(name, &description.classes)?);
        }
        let photos = self.find_photos(setup.dataset.as_ref())?;
        let several = photos.len() > 1 || storage::is_dir(&self.photos[0]);
        self.check_output(photos.len(), several)?;
        let class = self
            .class
            .as_deref()
            .map(|name| find_class(name, &description.classes));
        let class = class.transpose()?;
        let mut methods = Vec::new();
        for pipeline in &pipelines {
            methods.push((pipeline, Member::load_all(pipeline, &description)?));
        }
        let mut failed = 0;
        for photo in &photos {
            match self.show(photo, class.or(photo.class), &setup, &methods) {
                // A bad photo does not keep the others from being shown.
                Err(error) if several && !error.is::<OutputError>() => {
                    tracing::error!("{error:#}");
                    failed += 1;
                }
                result => self.output(photo, result?, several)?,
            }
        }
        Ok(if failed > 0 {
            Exit::SomeFailed
        } else {
            Exit::Done
        })
    }

    fn setup(&self) -> Result<ShowSetup> {
        let (mut setup, origin) = match &self.run {
            Some(folder) => (self.run_setup(folder)?, folder.join(files::RUN)),
            None => {
                let setup = ShowSetup {
                    model: self.model.clone(),
                    like: self.like,
                    pipeline: Pipeline::load(&self.pipeline, &[])?,
                    pipeline_name: format!("pipeline {}", path_text::encode(&self.pipeline)),
                    rng_seed: 0,
                    jpeg: Jpeg::Strict,
                    dataset: None,
                };
                (setup, self.pipeline.clone())
            }
        };
        let (text, origin) = (setup.pipeline.to_text(), origin.display().to_string());
        setup.pipeline = Pipeline::from_text(&text, &origin, &self.set)?;
        for setting in &self.set {
            setup.pipeline_name += &format!(", {setting}");
        }
        Ok(setup)
    }

    fn run_setup(&self, folder: &Path) -> Result<ShowSetup> {
        let mut run = FinishedRun::open(folder)?;
        if let Some(data_dir) = &self.data_dir {
            run.relocate_photos(data_dir)?;
        }
        Ok(ShowSetup {
            pipeline_name: format!("run {}", run.name()),
            model: run.options.model,
            like: run.options.like,
            pipeline: run.options.pipeline,
            rng_seed: run.options.seed,
            jpeg: run.options.jpeg,
            dataset: Some(run.dataset),
        })
    }

    /// The pipeline with each method of `--method`, or as it is.
    fn pipelines(&self, pipeline: &Pipeline) -> Result<Vec<Pipeline>> {
        if self.method.is_empty() {
            return Ok(vec![pipeline.clone()]);
        }
        let mut pipelines = Vec::new();
        for name in &self.method {
            pipelines.push(pipeline.with_method(find_method(name)?)?);
        }
        Ok(pipelines)
    }

    fn open_dataset(&self, name: &Path, classes: &ClassList) -> Result<Dataset> {
        let request = Request {
            dataset: Some(name),
            data_dir: self.data_dir.as_deref(),
            classes: Some(classes),
            ..Request::default()
        };
        Ok(Dataset::open(&request)?)
    }

    /// The photos, in the order in which they are named.
    fn find_photos(&self, dataset: Option<&Dataset>) -> Result<Vec<Photo>> {
        let whose = match (&self.run, dataset) {
            (Some(run), _) => format!("the run {}", path_text::encode(run)),
            (None, dataset) => dataset.map_or(String::new(), |dataset| dataset.name.clone()),
        };
        let mut photos = Vec::new();
        for path in &self.photos {
            match dataset {
                Some(dataset) => photos.push(photo_of_dataset(dataset, &whose, path)?),
                None if storage::is_dir(path) => photos.extend(photos_of_folder(path)?),
                None => photos.push(photo_of_file(path)),
            }
        }
        ensure_different_names(&photos)?;
        Ok(photos)
    }

    /// Checks that `--out` and `--dimacs` suit the number of photos.
    fn check_output(&self, photos: usize, several: bool) -> Result<()> {
        let is_picture = |path: &Path| image::ImageFormat::from_path(path).is_ok();
        if let Some(out) = &self.out
            && !(several || out.is_dir() || is_picture(out))
        {
            bail!(Refused::with_advice(
                format!("--out: {} is not the name of a picture", out.display()),
                "use a name that ends in .png or .jpg, or name a folder",
            ));
        }
        ensure!(
            self.dimacs.is_none() || photos == 1,
            "--dimacs takes one photo, not {photos}"
        );
        Ok(())
    }

    /// Runs each pipeline on a photo.
    fn show(
        &self,
        photo: &Photo,
        class: Option<usize>,
        setup: &ShowSetup,
        methods: &[(&Pipeline, Vec<Member>)],
    ) -> Result<ShowResult> {
        let path = || photo.path.display().to_string();
        let picture =
            dataset::read(&photo.path, setup.jpeg).map_err(|e| anyhow!("{}: {e}", path()))?;
        let classes = if class.is_some() {
            Classes::Gt
        } else {
            Classes::Top5
        };
        let (mut text, mut facts, mut found) = (String::new(), Vec::new(), Vec::new());
        for (pipeline, members) in methods {
            let mut localiser = Localiser::new(members, pipeline, classes, setup.rng_seed);
            let result = localiser
                .locate(&picture, &photo.id, class, &mut |_| {})
                .with_context(path)?;
            if let Some(file) = &self.dimacs {
                write_cut(&localiser, &result, &photo.id, file)?;
            }
            let description = &members[0].classifier.description;
            let record = ShowRecord::new(photo, &result, &description.classes, pipeline)?;
            text += &if self.json {
                serde_json::to_string(&record)? + "\n"
            } else {
                record.text()
            };
            facts = record.facts(photo, &description.classes);
            facts.push(format!("model {}", Member::names(members)));
            facts.push(setup.pipeline_name.clone());
            found.push((saliency_facts(pipeline), record.iou, result));
        }
        let photo = PanelPhoto {
            name: &photo.id,
            facts: &facts,
            picture: &picture,
            truth: &photo.boxes,
        };
        let results: Vec<PanelResult<'_>> = found.iter().map(panel_result).collect();
        let in_terminal = self.terminal || (!self.json && may_colour(&io::stdout()));
        Ok(ShowResult {
            panel: report::panel(&photo, &results),
            for_terminal: in_terminal.then(|| report::panel_without_text(&photo, &results)),
            text,
        })
    }

    /// Writes a photo's panel to a file, and prints what was found. `several` is whether there are
    /// other photos.
    fn output(&self, photo: &Photo, result: ShowResult, several: bool) -> Result<()> {
        let ShowResult {
            panel,
            for_terminal,
            mut text,
        } = result;
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
                text += &format!("{}\n", path_text::encode(out));
            }
        }
        print(&text)?;
        if let Some(tiles) = for_terminal {
            print(&report::terminal(&tiles, terminal_width()))?;
        }
        Ok(())
    }
}

/// The width of the terminal in characters, or 80 if there is none.
fn terminal_width() -> u32 {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| size.ws_col.into())
        .filter(|&width| width > 0)
        .unwrap_or(80)
}

/// How a pipeline makes its map.
fn saliency_facts(pipeline: &Pipeline) -> Vec<String> {
    let saliency = pipeline.saliency.as_ref();
    saliency.map_or(vec![], |options| vec![format!("saliency: {options}")])
}

/// What a pipeline found, for the panel: what is said of its map, the IoU, and the photo's first
/// class.
fn panel_result((facts, iou, result): &(Vec<String>, Option<f64>, PhotoResult)) -> PanelResult<'_> {
    let first = &result.classes[0];
    PanelResult {
        facts,
        saliency: first.saliency.as_ref(),
        stages: &first.stages,
        localisation: &first.localisation,
        iou: *iou,
    }
}

/// Writes the latest cut of a localiser.
fn write_cut(localiser: &Localiser<'_>, result: &PhotoResult, id: &str, path: &Path) -> Result<()> {
    let first = result.classes.first();
    let was_cut = first.is_some_and(|class| class.stages.mask.is_some());
    let energy = localiser.energy().filter(|_| was_cut);
    let energy = energy.ok_or_else(|| anyhow!("--dimacs: this pipeline made no cut of {id}"))?;
    let write = || energy.instance().write(BufWriter::new(File::create(path)?));
    Ok(write().map_err(OutputError::at(path))?)
}

/// The photo of a dataset with this name or path. `whose` is what has the photos, in messages.
fn photo_of_dataset(dataset: &Dataset, whose: &str, path: &Path) -> Result<Photo> {
    let id = path_text::encode(path);
    let with = |is_asked: &dyn Fn(&Photo) -> bool| dataset.photos.iter().find(|p| is_asked(p));
    let by_name = || with(&|photo| path.to_str() == Some(photo.id.as_str()));
    let by_path = || with(&|photo| photo.path == path || photo.id == id);
    if let Some(photo) = by_name().or_else(by_path) {
        return Ok(photo.clone());
    }
    if let Some(place) = dataset.photo_index().get(&id) {
        return Ok(dataset.photos[place].clone());
    }
    let near = nearest(&id, dataset.photos.iter().map(|photo| photo.id.as_str()));
    let message = format!("{whose} has no photo called {id}");
    match near {
        Some(near) => bail!(Refused::with_advice(
            message,
            format!("the nearest is {near}")
        )),
        None => bail!(message),
    }
}

/// The photos in a folder and in its subfolders, sorted. Their names are paths with extensions,
/// because two photos may differ only in these.
fn photos_of_folder(folder: &Path) -> Result<Vec<Photo>> {
    let PhotoSearch { photos, notes, .. } = PhotoSearch::new(folder)?;
    for note in &notes {
        tracing::warn!("{}: {note}", folder.display());
    }
    ensure!(
        !photos.is_empty(),
        "{}: there are no photos here",
        folder.display()
    );
    let photo = |path: &PathBuf| Photo {
        id: path_text::encode(path.strip_prefix(folder).unwrap_or(path)),
        ..photo_of_file(path)
    };
    Ok(photos.iter().map(photo).collect())
}

/// Refuses different photos of one name, which would be drawn into one file.
fn ensure_different_names(photos: &[Photo]) -> Result<()> {
    let mut paths = HashMap::new();
    for Photo { id, path, .. } in photos {
        let first = paths.insert(id, path);
        if let Some(first) = first.filter(|first| *first != path) {
            let (first, second) = (first.display(), path.display());
            bail!(Refused::with_advice(
                format!("{first} and {second} are both called {id}"),
                "name the folder that contains both, or show one at a time",
            ));
        }
    }
    Ok(())
}

/// A photo that does not belong to a dataset.
fn photo_of_file(path: &Path) -> Photo {
    Photo {
        id: path_text::encode(path.file_stem().unwrap_or_default()),
        path: path.to_owned(),
        ..Photo::default()
    }
}

fn find_class(name: &str, classes: &ClassList) -> Result<usize> {
    classes.find(name).context("--class")
}

fn find_method(name: &str) -> Result<&'static Method> {
    Method::find(name).ok_or_else(|| {
        let none = none_called("method", name, METHODS.iter().map(|method| method.name));
        let message = format!("--method: {none}");
        Refused::with_advice(message, "`localise list methods` lists them").into()
    })
}
