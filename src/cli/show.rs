//! `localise show`

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;

use super::run::{DEFAULT_MODEL, DEFAULT_PIPELINE};
use super::{Outcome, print};
use crate::classes::ClassList;
use crate::classifier::{Classifier, describe};
use crate::config::Pipeline;
use crate::dataset::{self, Dataset, Photo, Request};
use crate::geometry::BBox;
use crate::report;
use crate::run::{Classes, Localiser, probe};

#[derive(Args, Debug)]
pub(super) struct Show {
    /// The photo: a file, or its name in --dataset.
    photo: PathBuf,
    /// A dataset that has the photo; its true boxes are drawn too.
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<PathBuf>,
    /// Where the dataset's files lie.
    #[arg(long, value_name = "DIR", env = "LOCALISE_DATA")]
    data_dir: Option<PathBuf>,
    /// The class to find: an index or a WordNet id [default: the true class, or the most probable]
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// A model's name, its description or its ONNX file.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// A pipeline's name or file.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_PIPELINE)]
    pipeline: PathBuf,
    /// Change one value of the pipeline.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The picture to write [default: PHOTO-panel.png in the working folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the cut as a maximum-flow problem in DIMACS format too, for other solvers.
    #[arg(long, value_name = "FILE")]
    dimacs: Option<PathBuf>,
}

impl Show {
    pub(super) fn run(self) -> Result<Outcome> {
        let pipeline = Pipeline::load(&self.pipeline, &self.set)?;
        let description = describe(&self.model)?;
        let photo = self.find(&description.classes)?;
        let class = match &self.class {
            Some(class) => Some(parse_class(class, &description.classes)?),
            None => photo.class,
        };
        let classifier = Classifier::load(description.clone(), probe(&pipeline, &description)?)?;
        let picture = dataset::read(&photo.path).map_err(|e| anyhow!("{}: {e}", photo.path.display()))?;
        let classes = if class.is_some() { Classes::Gt } else { Classes::Top5 };
        let mut localiser = Localiser::new(&classifier, &pipeline, classes, 0);
        let seen = localiser
            .locate(&picture, &photo.id, class, &mut |_| {})
            .map_err(|e| anyhow!("{}: {e}", photo.path.display()))?;
        let Some(found) = seen.found.first() else { bail!("no class was found") };
        let (class, located) = (found.class, &found.located);

        let size = picture.dimensions().into();
        let panel = report::panel(&seen.view, size, &photo.boxes, located, found.saliency.as_ref(), &found.stages);
        let out = self.out.clone().unwrap_or_else(|| format!("{}-panel.png", photo.id).into());
        panel.save(&out).map_err(|e| anyhow!("cannot write {}: {e}", out.display()))?;

        if let Some(path) = &self.dimacs {
            let energy = localiser.energy().filter(|_| found.stages.mask.is_some());
            let energy = energy.ok_or_else(|| anyhow!("--dimacs: this pipeline made no cut of {}", photo.id))?;
            let write = || energy.instance().write(BufWriter::new(File::create(path)?));
            write().map_err(|e| anyhow!("cannot write {}: {e}", path.display()))?;
        }

        let classes = &classifier.description.classes;
        let rank = seen.ranking.iter().position(|&c| c == class).map_or(0, |r| r + 1);
        let BBox { x_min, y_min, x_max, y_max } = located.bbox;
        let flag = located.flag.map_or(String::new(), |f| format!("  {}", f.name()));
        let truth = photo.boxes.iter().filter(|_| photo.class == Some(class));
        let iou = truth.map(|b| located.bbox.iou(b)).reduce(f64::max);
        let iou = iou.map_or(String::new(), |iou| format!("  IoU {iou:.3}"));
        print(&format!(
            "{}: class {class} {} ({}), place {rank}, probability {:.3}\nbox ({x_min}, {y_min}, {x_max}, {y_max}){iou}{flag}\n{}\n",
            photo.id,
            classes.title(class),
            classes.key(class),
            seen.probabilities[class],
            out.display(),
        ))?;
        Ok(Outcome::Done)
    }

    fn find(&self, classes: &ClassList) -> Result<Photo> {
        let Some(dataset) = &self.dataset else {
            return Ok(lone(&self.photo));
        };
        let data_dir = self.data_dir.as_deref();
        let request = Request { dataset: Some(dataset), data_dir, classes: Some(classes), ..Request::default() };
        let dataset = Dataset::open(&request)?;
        let wanted = self.photo.to_string_lossy();
        let found = dataset.photos.into_iter().find(|p| p.id == wanted || p.path == self.photo);
        found.ok_or_else(|| anyhow!("{} has no photo called {wanted}", dataset.name))
    }
}

/// A photo that belongs to no dataset.
fn lone(path: &Path) -> Photo {
    Photo {
        id: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        path: path.to_owned(),
        weight: 1.0,
        ..Photo::default()
    }
}

fn parse_class(text: &str, classes: &ClassList) -> Result<usize> {
    let class = text.parse().ok().filter(|&class: &usize| class < classes.len()).or_else(|| classes.class(text));
    class.ok_or_else(|| anyhow!("--class {text}: an index below {} or a WordNet id is wanted", classes.len()))
}
