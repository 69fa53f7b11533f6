//! Our side of the comparisons with OpenCV, PyMaxflow and scikit-learn, for the scripts beside this
//! file.
#![allow(clippy::print_stdout, reason = "its output is what the scripts read")]

mod instances;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Parser;
use image::GrayImage;
use localise::run::thread_ms;
use localise::saliency::Saliency;
use localise::segment::{
    self, ColourFit, ColourOptions, CutOptions, Energy, Form, Gaussian, Gmm, Samples, Seed,
    SeedOptions, SeedRule, Seeds, bounding_box, expectation_maximisation, largest, unaries,
};
use nalgebra::{Matrix3, Vector3};
use ndarray::Array2;

#[derive(Parser)]
enum Peer {
    /// Writes the cuts that `cargo bench` measures as DIMACS files.
    Instances { folder: PathBuf },
    /// Times the way from a saliency map, or from seeds, to a box; writes the mask.
    Stage {
        photo: PathBuf,
        mask: PathBuf,
        /// 16-bit grey: the greater, the more salient.
        #[arg(long, required_unless_present = "seeds")]
        saliency: Option<PathBuf>,
        /// 8-bit grey: 255 foreground, 0 background, anything else undecided.
        #[arg(long)]
        seeds: Option<PathBuf>,
        #[arg(long, default_value_t = 50.0)]
        gamma: f64,
        /// The most seeds that a colour model is learnt from.
        #[arg(long)]
        sample: Option<usize>,
        #[arg(long, default_value_t = 0)]
        repeat: usize,
    },
    /// Times ten rounds of EM and the costs of all samples from a given start.
    Mixture {
        /// Interleaved RGB bytes.
        samples: PathBuf,
        /// Little-endian f64: weight, mean and covariance of each component.
        start: PathBuf,
        #[arg(long, default_value_t = 1)]
        repeat: usize,
    },
}

fn main() -> Result<()> {
    // Freed at once, this tells the allocator to keep the pages of what is freed, as the scripts
    // tell the peers'.
    drop(black_box(vec![1u8; 30 << 20]));
    match Peer::parse() {
        Peer::Instances { folder } => write_instances(&folder),
        Peer::Stage {
            photo,
            mask,
            saliency,
            seeds,
            gamma,
            sample,
            repeat,
        } => {
            let photo = image::open(photo)?.into_rgb8();
            let [width, height] = [photo.width(), photo.height()];
            let map = match saliency {
                Some(path) => Some(Saliency::whole(planes(
                    image::open(path)?.into_luma16(),
                    f32::from,
                )?)),
                None => None,
            };
            let given = match seeds {
                Some(path) => Some(planes(image::open(path)?.into_luma8(), |v| match v {
                    255 => Seed::Foreground,
                    0 => Seed::Background,
                    _ => Seed::Undecided,
                })?),
                None => None,
            };
            ensure!(
                map.iter()
                    .all(|m| m.map.dim() == (height as usize, width as usize)),
                "map and photo differ in size"
            );
            let mut energy = Energy::new(&CutOptions {
                form: Form::Grabcut8,
                gamma,
                map: 0.0,
                level: 1.0,
            });
            let colours = ColourOptions {
                fit: ColourFit::Em,
                components: 5,
                sample,
            };
            let mut times: Vec<Vec<(&str, f64)>> = Vec::new();
            let mut found = None;
            for _ in 0..=repeat {
                let (mut stages, mut last) = (Vec::new(), thread_ms());
                let mut observe = |stage| {
                    let now = thread_ms();
                    stages.push((stage, now - last));
                    last = now;
                };
                energy.set_photo(&photo);
                observe("pairwise");
                let seeds = match (&map, &given) {
                    (Some(map), _) => {
                        segment::seeds(map, &SEEDS).map_err(|flag| anyhow::anyhow!(flag.name()))?
                    }
                    (None, Some(given)) => Seeds {
                        colour: given.clone(),
                        hard: given.clone(),
                    },
                    (None, None) => unreachable!("one of them is required"),
                };
                observe("seeds");
                energy.set_class(&photo, None, Some((&seeds, &colours)), 0, &mut observe);
                let mask = energy.minimise();
                observe("cut");
                let bbox = largest(&mask, None).as_ref().and_then(bounding_box);
                observe("component");
                times.push(stages);
                found = Some((mask, bbox));
            }
            let warm = &times[usize::from(repeat > 0)..];
            for (i, (stage, _)) in warm[0].iter().enumerate() {
                println!(
                    "{stage} {:.3} ms",
                    median(warm.iter().map(|stages| stages[i].1))
                );
            }
            println!(
                "total {:.3} ms",
                median(warm.iter().map(|stages| stages.iter().map(|s| s.1).sum()))
            );
            if let Some((labels, bbox)) = found {
                let picture = GrayImage::from_fn(width, height, |x, y| {
                    image::Luma([255 * u8::from(labels[[y as usize, x as usize]])])
                });
                picture.save(mask)?;
                if let Some(b) = bbox {
                    println!("box {} {} {} {}", b.x_min, b.y_min, b.x_max, b.y_max);
                }
            }
            Ok(())
        }
        Peer::Mixture {
            samples,
            start,
            repeat,
        } => mixture(&fs::read(samples)?, &fs::read(start)?, repeat),
    }
}

const SEEDS: SeedOptions = SeedOptions {
    rule: SeedRule::Rank,
    foreground: 0.95,
    background: 0.30,
    hard_foreground: Some(0.95),
    hard_background: Some(0.30),
};

fn write_instances(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, photo) in instances::photos() {
        for class in instances::CLASSES {
            let file = File::create(folder.join(format!("{name}.{}.max", class.name)))?;
            class
                .energy(&photo)
                .instance()
                .write(BufWriter::new(file))?;
        }
    }
    Ok(())
}

fn mixture(pixels: &[u8], start: &[u8], repeat: usize) -> Result<()> {
    let numbers: Vec<f64> = start
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
    let start = Gmm {
        components: numbers.chunks_exact(13).map(component).collect(),
    };
    let colours = || {
        pixels
            .as_chunks()
            .0
            .iter()
            .map(|pixel: &[u8; 3]| pixel.map(f32::from))
            .collect::<Samples>()
    };
    let mut gmm = start.clone();
    let before = thread_ms();
    for _ in 0..repeat {
        // Laid out within the time, as scikit-learn checks its array within its own.
        let samples = colours();
        gmm = start.clone();
        for _ in 0..10 {
            gmm = expectation_maximisation(&gmm, &samples, 1.0).0;
        }
    }
    println!("fit {:.6} ms", (thread_ms() - before) / repeat as f64);
    let before = thread_ms();
    for _ in 0..repeat {
        black_box(unaries(&gmm, &start, pixels, Form::Grabcut8));
    }
    println!("unaries {:.6} ms", (thread_ms() - before) / repeat as f64);
    println!(
        "likelihood {:.9}",
        expectation_maximisation(&gmm, &colours(), 1.0).1
    );
    Ok(())
}

fn planes<P, T>(
    picture: image::ImageBuffer<image::Luma<P>, Vec<P>>,
    of: impl Fn(P) -> T,
) -> Result<Array2<T>>
where
    image::Luma<P>: image::Pixel<Subpixel = P>,
{
    let (width, height) = picture.dimensions();
    Ok(Array2::from_shape_vec(
        (height as usize, width as usize),
        picture.into_raw().into_iter().map(of).collect(),
    )?)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
