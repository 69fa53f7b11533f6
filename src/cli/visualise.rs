//! `localise visualise`

use std::collections::HashSet;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, anyhow};
use clap::Args;
use image::{ImageFormat, RgbImage};
use rayon::prelude::*;

use super::run::DEFAULT_MODEL;
use super::{Exit, print};
use crate::class_model::{ClassModelOptions, ascend};
use crate::classifier::{Classifier, ProbeOptions, describe};
use crate::fs::{OutputError, write_atomically};
use crate::report;

/// The heading of the ascent's options in the help.
const ASCENT: &str = "The ascent";

const EXAMPLES: &str = "Examples:
  localise visualise --class goose                          class-models/99-goose.png
  localise visualise --class goose --class 340              and a contact sheet of both
  localise visualise --class goose --plain --iterations 50  the paper's ascent alone: fine noise";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct VisualiseArgs {
    /// A class: a name, an index or a WordNet id. May be given several times.
    #[arg(long, value_name = "CLASS", required = true)]
    class: Vec<String>,
    /// A model's name, its description or its ONNX file.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// The folder for the pictures: INDEX-NAME.png for each class, and contact-sheet.png for
    /// several.
    #[arg(long, value_name = "DIR", default_value = "class-models")]
    out: PathBuf,
    /// The paper's ascent alone: no momentum, no jitter, no blur. It climbs, but into fine noise.
    #[arg(long, conflicts_with_all = ["momentum", "jitter", "blur", "blur_end"], help_heading = ASCENT)]
    plain: bool,
    /// How many steps to take [default: 150]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..100_000), help_heading = ASCENT)]
    iterations: Option<u32>,
    /// How much a step changes, in grey levels (root mean square) [default: 2]
    #[arg(long, value_name = "X", value_parser = from_0, help_heading = ASCENT)]
    step: Option<f64>,
    /// The part of the last step that the next one keeps, below 1 [default: 0.5]
    #[arg(long, value_name = "X", value_parser = below_1, help_heading = ASCENT)]
    momentum: Option<f64>,
    /// The weight of the squared norm that is taken off the score [default: 1e-6]
    #[arg(long, value_name = "LAMBDA", value_parser = from_0, help_heading = ASCENT)]
    l2: Option<f64>,
    /// Shift the picture by up to so many pixels before each step [default: 16]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(..1000), help_heading = ASCENT)]
    jitter: Option<u16>,
    /// Blur at first, pixels [default: 1.5]
    #[arg(long, value_name = "PIXELS", value_parser = up_to_100, help_heading = ASCENT)]
    blur: Option<f64>,
    /// Blur at last, pixels [default: 0.5]
    #[arg(long, value_name = "PIXELS", value_parser = up_to_100, help_heading = ASCENT)]
    blur_end: Option<f64>,
    /// The seed of the shifts, and of the noise where a class has no slope at the zero image.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = ASCENT)]
    seed: u64,
}

fn from_0(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n >= 0.0)
        .ok_or("a number from 0 on is wanted")
}

fn below_1(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|n| (0.0..1.0).contains(n))
        .ok_or("a number from 0 on and below 1 is wanted")
}

fn up_to_100(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|n| (0.0..=100.0).contains(n))
        .ok_or("a number from 0 to 100 is wanted")
}

impl VisualiseArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let options = self.options();
        let description = describe(&self.model)?;
        let find = |text: &String| {
            description
                .classes
                .find(text)
                .map_err(|e| anyhow!("--class: {e}"))
        };
        let mut classes = self.class.iter().map(find).collect::<Result<Vec<_>>>()?;
        let mut known = HashSet::new();
        classes.retain(|class| known.insert(*class));
        let classifier = Classifier::load(description, ProbeOptions::default())?;
        std::fs::create_dir_all(&self.out).map_err(OutputError::at(&self.out))?;
        let made: Vec<Result<(RgbImage, String)>> = classes
            .par_iter()
            .map_init(
                || classifier.worker(),
                |worker, &class| {
                    let started = Instant::now();
                    let model = ascend(worker, class, classifier.description.size, &options)?;
                    let title = classifier.description.classes.title(class);
                    let name = title.replace(|c: char| !c.is_alphanumeric(), "-");
                    let path = self.out.join(format!("{class}-{name}.png"));
                    save(&model.picture, &path)?;
                    let noise = if model.from_noise {
                        "; from noise: no slope at the zero image"
                    } else {
                        ""
                    };
                    let seconds = started.elapsed().as_secs_f64();
                    let line = format!(
                        "class {class} {title}: score {:.1}, {seconds:.1} s{noise}\n{}\n",
                        model.score,
                        path.display()
                    );
                    Ok((model.picture, line))
                },
            )
            .collect();
        let (pictures, lines): (Vec<_>, Vec<_>) = made
            .into_iter()
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        print(&lines.concat())?;
        if pictures.len() > 1 {
            let columns = (pictures.len() as f64).sqrt().ceil().max(5.0) as usize;
            let path = self.out.join("contact-sheet.png");
            save(
                &report::grid(&pictures.chunks(columns).collect::<Vec<_>>()),
                &path,
            )?;
            print(&format!("{}\n", path.display()))?;
        }
        Ok(Exit::Done)
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
            seed,
        }
    }
}

fn save(picture: &RgbImage, path: &Path) -> Result<()> {
    let mut png = Vec::new();
    picture.write_to(&mut Cursor::new(&mut png), ImageFormat::Png)?;
    Ok(write_atomically(path, &png)?)
}
