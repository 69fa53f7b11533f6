//! Our side of the comparisons with OpenCV, PyMaxflow and scikit-learn, for the scripts in this
//! folder and those of `crates/grid-maxflow/benches`.
#![allow(clippy::print_stdout, reason = "the scripts read the output")]

mod instances;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, ensure};
use clap::{Args, Parser};
use image::{GrayImage, ImageBuffer, Luma, RgbImage};
use localise::geometry::BBox;
use localise::saliency::Saliency;
use localise::segment::{
    self, ColourFit, ColourOptions, ColourTraining, CutOptions, Energy, Form, Gaussian, Gmm,
    Samples, Seed, SeedOptions, SeedRule, Seeds, bounding_box, expectation_maximisation, largest,
    unaries,
};
use localise::stage::{Stage, thread_ms};
use nalgebra::{Matrix3, Vector3};
use ndarray::Array2;

#[derive(Parser)]
enum Peer {
    /// Write the cuts that `cargo bench` measures as DIMACS files.
    Instances {
        folder: PathBuf,
    },
    Stage(StageArgs),
    Mixture(MixtureArgs),
}

/// Time the stages from a saliency map, or from seeds, to a box, and write the mask.
#[derive(Args)]
struct StageArgs {
    photo: PathBuf,
    mask: PathBuf,
    /// 16-bit grey: the higher, the more salient.
    #[arg(long, required_unless_present = "seeds")]
    saliency: Option<PathBuf>,
    /// 8-bit grey: 255 is foreground, 0 is background, and anything else is undecided.
    #[arg(long)]
    seeds: Option<PathBuf>,
    #[arg(long, default_value_t = 50.0)]
    gamma: f64,
    /// Learn each colour model from at most this many seeds.
    #[arg(long)]
    sample: Option<usize>,
    #[arg(long, default_value_t = 0)]
    repeat: usize,
}

/// Time ten rounds of EM and the costs of all samples, from a given start.
#[derive(Args)]
struct MixtureArgs {
    /// Interleaved RGB bytes.
    samples: PathBuf,
    /// Little-endian f64: weight, mean and covariance of each component.
    start: PathBuf,
    #[arg(long, default_value_t = 1)]
    repeat: usize,
}

fn main() -> Result<()> {
    // Allocating and freeing a large block tells glibc's allocator to keep the pages of what is
    // freed, as the scripts tell it for the other programs.
    drop(black_box(vec![1u8; 30 << 20]));
    match Peer::parse() {
        Peer::Instances { folder } => write_instances(&folder),
        Peer::Stage(args) => time_stages(&args),
        Peer::Mixture(args) => time_mixture(&args),
    }
}

fn write_instances(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, photo) in instances::photos() {
        for class in instances::CLASSES {
            let file = File::create(folder.join(format!("{name}.{}.max", class.name)))?;
            let instance = class.energy(&photo).instance();
            instance.write(BufWriter::new(file))?;
        }
    }
    Ok(())
}

const SEEDS: SeedOptions = SeedOptions {
    rule: SeedRule::Rank,
    foreground: 0.95,
    background: 0.30,
    hard_foreground: Some(0.95),
    hard_background: Some(0.30),
};

/// Where the seeds of a photo come from.
enum SeedSource {
    Saliency(Saliency),
    Given(Array2<Seed>),
}

impl SeedSource {
    fn read(args: &StageArgs, photo: &RgbImage) -> Result<Self> {
        let (width, height) = photo.dimensions();
        let source = match (&args.saliency, &args.seeds) {
            (Some(path), _) => {
                let map = to_array(image::open(path)?.into_luma16(), f32::from)?;
                Self::Saliency(Saliency::whole(map))
            }
            (None, Some(path)) => Self::Given(to_array(
                image::open(path)?.into_luma8(),
                |value| match value {
                    255 => Seed::Foreground,
                    0 => Seed::Background,
                    _ => Seed::Undecided,
                },
            )?),
            (None, None) => unreachable!("clap requires one of them"),
        };
        let dim = match &source {
            Self::Saliency(saliency) => saliency.map.dim(),
            Self::Given(seeds) => seeds.dim(),
        };
        ensure!(
            dim == (height as usize, width as usize),
            "the map or the seeds differ in size from the photo"
        );
        Ok(source)
    }

    fn seeds(&self) -> Result<Seeds> {
        match self {
            Self::Saliency(saliency) => {
                segment::seeds(saliency, &SEEDS).map_err(|flag| anyhow!(flag.name()))
            }
            Self::Given(seeds) => Ok(Seeds {
                colour: seeds.clone(),
                hard: seeds.clone(),
            }),
        }
    }
}

/// What one run of all stages gives: a mask and its box, and the times by stage in ms.
struct StageRun {
    mask: Array2<bool>,
    bbox: Option<BBox>,
    times: Vec<(&'static str, f64)>,
}

fn run_stages(
    energy: &mut Energy,
    photo: &RgbImage,
    source: &SeedSource,
    colours: &ColourOptions,
) -> Result<StageRun> {
    let (mut times, mut last) = (Vec::new(), thread_ms());
    let mut record = |stage| {
        let now = thread_ms();
        times.push((stage, now - last));
        last = now;
    };
    energy.set_photo(photo);
    record("pairwise");
    let seeds = source.seeds()?;
    record("seeds");
    let mut observe = |stage: Stage| record(stage.name());
    let training = ColourTraining {
        seeds: &seeds,
        options: colours,
        rng_seed: 0,
    };
    energy.set_class(photo, None, None, Some(training), &mut observe);
    let mask = energy.minimise();
    record("cut");
    let bbox = largest(&mask, None).as_ref().and_then(bounding_box);
    record("component");
    Ok(StageRun { mask, bbox, times })
}

fn time_stages(args: &StageArgs) -> Result<()> {
    let photo = image::open(&args.photo)?.into_rgb8();
    let source = SeedSource::read(args, &photo)?;
    let mut energy = Energy::new(&CutOptions {
        form: Form::Grabcut8,
        gamma: args.gamma,
        map: 0.0,
        level: 1.0,
    });
    let colours = ColourOptions {
        fit: ColourFit::Em,
        components: 5,
        sample: args.sample,
    };
    let mut runs = Vec::new();
    for _ in 0..=args.repeat {
        runs.push(run_stages(&mut energy, &photo, &source, &colours)?);
    }
    // The first of several runs is there to touch the memory.
    let warm = &runs[usize::from(args.repeat > 0)..];
    for (i, (stage, _)) in warm[0].times.iter().enumerate() {
        println!(
            "{stage} {:.3} ms",
            median(warm.iter().map(|run| run.times[i].1))
        );
    }
    let totals = warm
        .iter()
        .map(|run| run.times.iter().map(|(_, ms)| ms).sum());
    println!("total {:.3} ms", median(totals));

    let StageRun { mask, bbox, .. } = &runs[args.repeat];
    let picture = GrayImage::from_fn(photo.width(), photo.height(), |x, y| {
        Luma([255 * u8::from(mask[[y as usize, x as usize]])])
    });
    picture.save(&args.mask)?;
    if let Some(b) = bbox {
        println!("box {} {} {} {}", b.x_min, b.y_min, b.x_max, b.y_max);
    }
    Ok(())
}

/// The mixture in a file of weights, means and covariances.
fn read_mixture(bytes: &[u8]) -> Gmm {
    let numbers: Vec<f64> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f64::from_le_bytes(*bytes))
        .collect();
    let component = |c: &[f64]| {
        Gaussian::new(
            c[0],
            Vector3::from_column_slice(&c[1..4]),
            Matrix3::from_row_slice(&c[4..]),
        )
    };
    Gmm {
        components: numbers.chunks_exact(13).map(component).collect(),
    }
}

fn time_mixture(args: &MixtureArgs) -> Result<()> {
    let pixels = fs::read(&args.samples)?;
    let start = read_mixture(&fs::read(&args.start)?);
    let samples = || {
        let pixels = pixels.as_chunks().0.iter();
        pixels
            .map(|pixel: &[u8; 3]| pixel.map(f32::from))
            .collect::<Samples>()
    };
    let mut gmm = start.clone();
    let before_fit = thread_ms();
    for _ in 0..args.repeat {
        // Converting the samples is timed, as scikit-learn's check of its array is.
        let samples = samples();
        gmm = start.clone();
        for _ in 0..10 {
            gmm = expectation_maximisation(&gmm, &samples, 1.0).0;
        }
    }
    let fit = (thread_ms() - before_fit) / args.repeat as f64;
    println!("fit {fit:.6} ms");
    let before_costs = thread_ms();
    for _ in 0..args.repeat {
        black_box(unaries(&gmm, &start, &pixels, Form::Grabcut8));
    }
    let costs = (thread_ms() - before_costs) / args.repeat as f64;
    println!("unaries {costs:.6} ms");
    let likelihood = expectation_maximisation(&gmm, &samples(), 1.0).1;
    println!("likelihood {likelihood:.9}");
    Ok(())
}

/// The pixels of a grey picture as an array [height, width].
fn to_array<P, T>(
    picture: ImageBuffer<Luma<P>, Vec<P>>,
    convert: impl Fn(P) -> T,
) -> Result<Array2<T>>
where
    Luma<P>: image::Pixel<Subpixel = P>,
{
    let (width, height) = picture.dimensions();
    let values = picture.into_raw().into_iter().map(convert).collect();
    Ok(Array2::from_shape_vec(
        (height as usize, width as usize),
        values,
    )?)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
