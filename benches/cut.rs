//! `cargo bench --bench cut`: cuts, colour models and the whole stage on the sample photos.
//!
//! `crates/grid-maxflow/benches/run` and `benches/segment/run` compare with other programs, which
//! take turns with ours.

#![allow(missing_docs, reason = "of what the macros make")]

#[path = "segment/instances.rs"]
mod instances;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use grid_maxflow::Grid;
use instances::{CLASSES, photos};
use localise::segment::{ColourTraining, CutOptions, Energy, Form, Seed, fit, unaries};

/// Building and solving the cuts of all photos of a class, one after the other, in one grid.
fn cuts(criterion: &mut Criterion) {
    let photos = photos();
    let mut group = criterion.benchmark_group("cut");
    group.sample_size(10);
    for class in CLASSES {
        let instances: Vec<_> = photos
            .iter()
            .map(|(_, photo)| class.energy(photo).instance())
            .collect();
        let mut grid = Grid::default();
        let mut labels = vec![false; instances[0].source.len()];
        group.bench_function(class.name, |bencher| {
            bencher.iter(|| {
                for instance in &instances {
                    instance.set_edges(&mut grid);
                    black_box(grid.cut(&instance.source, &instance.sink, &mut labels));
                }
            });
        });
    }
    group.finish();
}

/// The colour models of a photo, and the costs of all its pixels under them.
fn colours(criterion: &mut Criterion) {
    let [class, ..] = CLASSES;
    let Some((_, photo)) = photos().into_iter().next() else {
        return;
    };
    let frame = class.frame(&photo);
    let seeds = class.seeds(&class.saliency(&frame));
    let colours_of = |seed| {
        let pixels = frame
            .pixels()
            .zip(&seeds.colour)
            .filter(move |(_, s)| **s == seed);
        pixels.map(|(p, _)| p.0.map(f32::from)).collect::<Vec<_>>()
    };
    let learn = |seed| fit(&colours_of(seed), &class.colours(), 255.0, 0);
    criterion.bench_function("colours/fit background 224", |bencher| {
        bencher.iter(|| learn(Seed::Background));
    });
    let models = [learn(Seed::Foreground), learn(Seed::Background)];
    criterion.bench_function("colours/unaries 224", |bencher| {
        bencher.iter(|| unaries(&models[0], &models[1], frame.as_raw(), Form::Grabcut8));
    });
}

/// From saliency maps to labels, for all photos one after the other.
fn stage(criterion: &mut Criterion) {
    let [class, ..] = CLASSES;
    let frames: Vec<_> = photos()
        .iter()
        .map(|(_, photo)| class.frame(photo))
        .collect();
    let maps: Vec<_> = frames.iter().map(|frame| class.saliency(frame)).collect();
    let mut energy = Energy::new(&CutOptions {
        form: Form::Grabcut8,
        gamma: 50.0,
        map: 0.0,
        level: 1.0,
    });
    criterion.bench_function("stage/224.smooth.g50", |bencher| {
        bencher.iter(|| {
            for (frame, map) in frames.iter().zip(&maps) {
                energy.set_photo(frame);
                let training = ColourTraining {
                    seeds: &class.seeds(map),
                    options: &class.colours(),
                    rng_seed: 0,
                };
                energy.set_class(frame, None, None, Some(training), &mut |_| {});
                black_box(energy.minimise());
            }
        });
    });
}

criterion_group!(benches, cuts, colours, stage);
criterion_main!(benches);
