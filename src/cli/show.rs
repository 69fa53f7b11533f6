//! `localise show`

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use image::RgbImage;

use super::run::{DEFAULT_MODEL, DEFAULT_PIPELINE};
use super::{Outcome, print};
use crate::classes::ClassList;
use crate::classifier::{Classifier, Description, describe};
use crate::config::{Pipeline, nearest};
use crate::dataset::{self, Dataset, Jpeg, Photo, Request};
use crate::geometry::BBox;
use crate::report;
use crate::run::{Classes, Found, Localiser, Seen, probe};
use crate::saliency::{METHODS, Method};

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
    /// The class to find: a name, an index or a WordNet id [default: the true class, or the most probable]
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
    /// The picture to write [default: PHOTO-panel.png in the working folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the cut as a maximum-flow problem in DIMACS format too, for other solvers.
    #[arg(long, value_name = "FILE", conflicts_with = "method")]
    dimacs: Option<PathBuf>,
}

impl Show {
    pub(super) fn run(self) -> Result<Outcome> {
        let pipeline = Pipeline::load(&self.pipeline, &self.set)?;
        let methods: Vec<&Method> = self.method.iter().map(|name| method(name)).collect::<Result<_>>()?;
        let pipelines = match methods[..] {
            [] => vec![pipeline],
            _ => methods.iter().map(|method| pipeline.with_method(method)).collect::<Result<Vec<_>, _>>()?,
        };
        let description = describe(&self.model)?;
        let photo = self.find(&description.classes)?;
        let class = match &self.class {
            Some(class) => Some(description.classes.find(class).map_err(|e| anyhow!("--class: {e}"))?),
            None => photo.class,
        };
        let picture = dataset::read(&photo.path, Jpeg::Strict).map_err(|e| anyhow!("{}: {e}", photo.path.display()))?;
        let mut text = String::new();
        let mut shown = Vec::new();
        for pipeline in &pipelines {
            let (seen, lines) = self.locate(pipeline, &description, &photo, &picture, class)?;
            text += &lines;
            shown.push(seen);
        }
        let size = picture.dimensions().into();
        let panel = match &shown[..] {
            [Seen { view, found, .. }] => {
                let Found { located, saliency, stages, .. } = &found[0];
                report::panel(view, size, &photo.boxes, located, saliency.as_ref(), stages)
            }
            several => {
                let found = several.iter().map(|seen| (&seen.view.frame, &seen.found[0]));
                let rows: Vec<_> = found.map(|(frame, f)| (frame, f.saliency.as_ref(), &f.located)).collect();
                report::side_by_side(&rows, size, &photo.boxes)
            }
        };
        let out = self.out.clone().unwrap_or_else(|| format!("{}-panel.png", photo.id).into());
        panel.save(&out).map_err(|e| anyhow!("cannot write {}: {e}", out.display()))?;
        print(&format!("{text}{}\n", out.display()))?;
        Ok(Outcome::Done)
    }

    /// What a pipeline finds in the photo, and the lines that say so.
    fn locate(
        &self,
        pipeline: &Pipeline,
        description: &Description,
        photo: &Photo,
        picture: &RgbImage,
        class: Option<usize>,
    ) -> Result<(Seen, String)> {
        let classifier = Classifier::load(description.clone(), probe(pipeline, description))?;
        let classes = if class.is_some() { Classes::Gt } else { Classes::Top5 };
        let mut localiser = Localiser::new(&classifier, pipeline, classes, 0);
        let seen = localiser
            .locate(picture, &photo.id, class, &mut |_| {})
            .map_err(|e| anyhow!("{}: {e}", photo.path.display()))?;
        let Some(Found { class, located, stages, .. }) = seen.found.first() else { bail!("no class was found") };
        if let Some(path) = &self.dimacs {
            let energy = localiser.energy().filter(|_| stages.mask.is_some());
            let energy = energy.ok_or_else(|| anyhow!("--dimacs: this pipeline made no cut of {}", photo.id))?;
            let write = || energy.instance().write(BufWriter::new(File::create(path)?));
            write().map_err(|e| anyhow!("cannot write {}: {e}", path.display()))?;
        }
        let classes = &description.classes;
        let method = pipeline.saliency.as_ref().map_or(String::new(), |saliency| format!("{}: ", saliency.method.name));
        let rank = seen.ranking.iter().position(|c| c == class).map_or(0, |r| r + 1);
        let BBox { x_min, y_min, x_max, y_max } = located.bbox;
        let flag = located.flag.map_or(String::new(), |f| format!("  {}", f.name()));
        let truth = photo.boxes.iter().filter(|_| photo.class == Some(*class));
        let iou = truth.map(|b| located.bbox.iou(b)).reduce(f64::max);
        let iou = iou.map_or(String::new(), |iou| format!("  IoU {iou:.3}"));
        let text = format!(
            "{}: class {class} {} ({}), place {rank}, probability {:.3}\n{method}box ({x_min}, {y_min}, {x_max}, {y_max}){iou}{flag}\n",
            photo.id,
            classes.title(*class),
            classes.key(*class),
            seen.probabilities[*class],
        );
        Ok((seen, text))
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

fn method(name: &str) -> Result<&'static Method> {
    Method::find(name).ok_or_else(|| {
        let near = nearest(name, METHODS.iter().map(|method| method.name));
        let near = near.map_or(String::new(), |near| format!(", the nearest is {near}"));
        anyhow!("--method: no method is called {name}{near}\nhelp: `localise list methods` lists them")
    })
}
