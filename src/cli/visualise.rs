//! `localise visualise`

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use image::{ImageFormat, RgbImage};
use rayon::prelude::*;

use super::exit::Exit;
use super::output::print;
use super::run::DEFAULT_MODEL;
use crate::class_model::{ClassModelOptions, ascend};
use crate::classes::ClassList;
use crate::classifier::{Classifier, Preset, ProbeOptions, Worker, describe_like};
use crate::fs::{OutputError, write_atomically};
use crate::report;

/// The heading of the options of the gradient ascent in the help.
const ASCENT: &str = "Gradient ascent";

const EXAMPLES: &str = "Examples:
  localise visualise --class goose                          write class-models/99-goose.png
  localise visualise --class goose --class 340              two classes, and a contact sheet
  localise visualise --class goose --plain --iterations 50  the plain ascent of the paper";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct VisualiseArgs {
    /// A class: its name, index or WordNet id. May be given several times.
    #[arg(long, value_name = "CLASS", required = true)]
    class: Vec<String>,
    /// A model's name, its description or its ONNX file.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// How the pixels of an ONNX file without a description are scaled.
    #[arg(long, value_name = "PRESET", value_enum)]
    like: Option<Preset>,
    /// The folder for the pictures: INDEX-NAME.png for each class, and contact-sheet.png for
    /// several.
    #[arg(long, value_name = "DIR", default_value = "class-models")]
    out: PathBuf,
    /// The plain ascent of the paper: no momentum, no jitter, no blur. The picture becomes fine
    /// noise.
    #[arg(long, conflicts_with_all = ["momentum", "jitter", "blur", "blur_end"])]
    #[arg(help_heading = ASCENT)]
    plain: bool,
    /// The number of steps [default: 150]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..100_000))]
    #[arg(help_heading = ASCENT)]
    iterations: Option<u32>,
    /// The length of a step: the root mean square of its change, in grey levels [default: 2]
    #[arg(long, value_name = "X", value_parser = from_0, help_heading = ASCENT)]
    step: Option<f64>,
    /// The fraction of the last step that is added to the next one, below 1 [default: 0.5]
    #[arg(long, value_name = "X", value_parser = below_1, help_heading = ASCENT)]
    momentum: Option<f64>,
    /// The weight of the squared norm, which is subtracted from the score [default: 1e-6]
    #[arg(long, value_name = "LAMBDA", value_parser = from_0, help_heading = ASCENT)]
    l2: Option<f64>,
    /// Shift the picture by at most this many pixels before each step [default: 16]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(..1000))]
    #[arg(help_heading = ASCENT)]
    jitter: Option<u16>,
    /// The blur at the beginning, in pixels [default: 1.5]
    #[arg(long, value_name = "PIXELS", value_parser = up_to_100, help_heading = ASCENT)]
    blur: Option<f64>,
    /// The blur at the end, in pixels [default: 0.5]
    #[arg(long, value_name = "PIXELS", value_parser = up_to_100, help_heading = ASCENT)]
    blur_end: Option<f64>,
    /// The seed of the shifts, and of the noise to start from if a class has zero gradient at the
    /// zero image.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = ASCENT)]
    seed: u64,
}

fn from_0(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n >= 0.0)
        .ok_or("not a number from 0 on")
}

fn below_1(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|n| (0.0..1.0).contains(n))
        .ok_or("not a number from 0 on and below 1")
}

fn up_to_100(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|n| (0.0..=100.0).contains(n))
        .ok_or("not a number from 0 to 100")
}

impl VisualiseArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let options = self.options();
        let description = describe_like(&self.model, self.like, None)?;
        let classes = self.classes(&description.classes)?;
        let classifier = Classifier::load(description, ProbeOptions::default())?;
        std::fs::create_dir_all(&self.out).map_err(OutputError::at(&self.out))?;
        let results: Vec<Result<(RgbImage, String)>> = classes
            .par_iter()
            .map_init(
                || classifier.worker(),
                |worker, &class| self.visualise(worker, class, &classifier, &options),
            )
            .collect();
        let list = &classifier.description.classes;
        let results: Vec<_> = results.into_iter().collect::<Result<_>>()?;
        let (pictures, messages): (Vec<RgbImage>, Vec<String>) = results.into_iter().unzip();
        print(&messages.concat())?;
        if pictures.len() > 1 {
            let columns = (pictures.len() as f64).sqrt().ceil().max(5.0) as usize;
            let caption = |class: &usize| format!("{} (class {class})", list.title(*class));
            let captions = classes.iter().map(caption);
            let captioned: Vec<_> = pictures.into_iter().zip(captions).collect();
            let path = self.out.join("contact-sheet.png");
            save(&report::contact_sheet(&captioned, columns), &path)?;
            print(&format!("{}\n", path.display()))?;
        }
        Ok(Exit::Done)
    }

    /// The classes of `--class`, each once.
    fn classes(&self, list: &ClassList) -> Result<Vec<usize>> {
        let mut classes = Vec::new();
        for name in &self.class {
            let class = list.find(name).context("--class")?;
            if !classes.contains(&class) {
                classes.push(class);
            }
        }
        Ok(classes)
    }

    /// Makes and saves the picture of one class. Also returns the message about it.
    fn visualise(
        &self,
        worker: &mut Worker<'_>,
        class: usize,
        classifier: &Classifier,
        options: &ClassModelOptions,
    ) -> Result<(RgbImage, String)> {
        let started = Instant::now();
        let model = ascend(worker, class, classifier.description.size, options)?;
        let title = classifier.description.classes.title(class);
        let name = title.replace(|c: char| !c.is_alphanumeric(), "-");
        let path = self.out.join(format!("{class}-{name}.png"));
        save(&model.picture, &path)?;
        let noise = if model.from_noise {
            "; started from noise: zero gradient at the zero image"
        } else {
            ""
        };
        let seconds = started.elapsed().as_secs_f64();
        let message = format!(
            "class {class} {title}: score {:.1}, {seconds:.1} s{noise}\n{}\n",
            model.score,
            path.display()
        );
        Ok((model.picture, message))
    }

    fn options(&self) -> ClassModelOptions {
        let Self {
            iterations,
            step,
            momentum,
            l2,
            jitter,
            blur,
            blur_end,
            seed,
            ..
        } = *self;
        let default = ClassModelOptions::default();
        let default = if self.plain { default.plain() } else { default };
        ClassModelOptions {
            iterations: iterations.map_or(default.iterations, |n| n as usize),
            step: step.unwrap_or(default.step),
            momentum: momentum.unwrap_or(default.momentum),
            l2: l2.unwrap_or(default.l2),
            jitter: jitter.map_or(default.jitter, usize::from),
            blur: blur.unwrap_or(default.blur),
            blur_end: blur_end.unwrap_or(default.blur_end),
            rng_seed: seed,
        }
    }
}

fn save(picture: &RgbImage, path: &Path) -> Result<()> {
    let mut png = Vec::new();
    picture.write_to(&mut Cursor::new(&mut png), ImageFormat::Png)?;
    Ok(write_atomically(path, &png)?)
}
