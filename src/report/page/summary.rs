//! The numbers of a page: all of it that does not grow with the photos.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::data::{Choice, Page, PageRun};
use crate::report::comparison::{Comparison, MetricComparison};
use crate::results::{Experiment, Failure};
use crate::score::{
    Cause, Floor, FloorValue, GroupScores, Guess, METRICS, Metric, Metrics, Paired, Rate,
    size_names,
};
use crate::stage::Stage;

#[derive(Serialize)]
pub(super) struct PageSummary<'a> {
    schema: u32,
    program: &'a str,
    dataset: &'a str,
    profile: &'a str,
    images: usize,
    images_in_dataset: usize,
    weighted: bool,
    classes: BTreeMap<usize, [&'a str; 2]>,
    sizes: Vec<String>,
    causes: [(&'static str, &'static str); Cause::ALL.len()],
    runs: Vec<PageRunSummary<'a>>,
    comparisons: Vec<PageComparison<'a>>,
    choices: &'a [Choice],
}

#[derive(Serialize)]
struct PageRunSummary<'a> {
    name: &'a str,
    title: &'a str,
    saliency: Option<&'a str>,
    pipeline: &'a str,
    tuned_on: &'a str,
    model: &'a str,
    crops: &'a str,
    metrics: Vec<PageMetric>,
    by_size: Vec<PageGroup<'a>>,
    by_class: Vec<PageGroup<'a>>,
    floor_name: &'static str,
    notes: Vec<&'a String>,
    warnings: &'a [String],
    failed: usize,
    stages: &'a [(Stage, f64)],
    failures: &'a [Failure],
    command: &'a str,
    show: &'a str,
    manifest: &'a Value,
}

#[derive(Serialize)]
struct PageMetric {
    name: &'static str,
    detail: &'static str,
    what: &'static str,
    higher_is_better: bool,
    value: f64,
    low: f64,
    high: f64,
    floor: Option<f64>,
    weighted: bool,
}

/// Photos that have a size or a class in common.
#[derive(Serialize)]
struct PageGroup<'a> {
    name: &'a str,
    class: Option<usize>,
    images: usize,
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    floor: Option<f64>,
    mean_iou: Option<f64>,
}

#[derive(Serialize)]
struct PageComparison<'a> {
    a: usize,
    b: usize,
    metrics: Vec<ComparedMetric<'a>>,
    verdict: &'a str,
}

#[derive(Serialize)]
struct ComparedMetric<'a> {
    name: &'a str,
    a: f64,
    b: f64,
    difference: f64,
    low: f64,
    high: f64,
    won: usize,
    lost: usize,
    p: f64,
}

pub(super) fn summary<'a>(page: &'a Page<'_>) -> PageSummary<'a> {
    let Page {
        dataset,
        runs,
        comparisons,
        choices,
        notes,
    } = page;
    let first = runs[0].summary;
    let classes = &dataset.classes;
    let likely = runs
        .iter()
        .flat_map(|run| run.pictures.values())
        .filter_map(|picture| picture.layers.as_ref());
    let likely = likely.flat_map(|layers| layers.classes.iter().map(|(class, _)| *class));
    let guessed = runs
        .iter()
        .flat_map(|run| &run.predictions.photos)
        .flat_map(|photo| &photo.guesses);
    let guessed = guessed.filter_map(Guess::class);
    let true_classes = dataset.photos.iter().filter_map(|photo| photo.class);
    let occurring = true_classes
        .chain(guessed)
        .chain(likely)
        .filter(|class| *class < classes.len());
    PageSummary {
        schema: 1,
        program: &first.program,
        dataset: &dataset.name,
        profile: &first.profile,
        images: first.images,
        images_in_dataset: first.images_in_dataset,
        weighted: dataset.weighted,
        classes: occurring
            .map(|class| (class, [classes.key(class), classes.title(class)]))
            .collect(),
        sizes: size_names(),
        causes: Cause::ALL.map(Cause::name),
        runs: runs.iter().map(|shown| run(shown, notes)).collect(),
        comparisons: comparisons
            .iter()
            .enumerate()
            .map(|(i, found)| compared(i + 1, found))
            .collect(),
        choices,
    }
}

fn run<'a>(run: &'a PageRun<'_>, notes: &'a [String]) -> PageRunSummary<'a> {
    let experiment = run.summary.run.as_ref();
    let text = |field: fn(&Experiment) -> &String| experiment.map_or("", |e| field(e).as_str());
    let boxes = run.summary.boxes.as_ref();
    let mut metrics = Vec::new();
    if let Some(boxes) = boxes {
        if let Some(weighted) = &boxes.weighted {
            metrics.extend(lines(
                &weighted.metrics,
                &weighted.floors.centre_half_area_rounded,
                true,
            ));
        }
        metrics.extend(lines(
            &boxes.metrics,
            &boxes.floors.centre_half_area_rounded,
            false,
        ));
    }
    PageRunSummary {
        name: &run.name,
        title: run.title,
        saliency: run.saliency.as_deref(),
        pipeline: text(|e| &e.pipeline),
        tuned_on: text(|e| &e.tuned_on),
        model: text(|e| &e.model),
        crops: text(|e| &e.crops),
        metrics,
        by_size: boxes.map_or(vec![], |boxes| boxes.by_size.iter().map(part).collect()),
        by_class: boxes.map_or(vec![], |boxes| boxes.by_class.iter().map(part).collect()),
        floor_name: "centred box of half the area, edges rounded",
        notes: run.summary.notes.iter().chain(notes).collect(),
        warnings: &run.summary.warnings,
        failed: run.summary.failed,
        stages: &run.summary.cpu_ms_per_photo,
        failures: run.failures,
        command: &run.command,
        show: &run.show,
        manifest: run.manifest,
    }
}

/// The metrics that are known, each with its floor.
fn lines(metrics: &Metrics, floor: &Floor, weighted: bool) -> Vec<PageMetric> {
    let line = |metric: &Metric| {
        let boxes = metric.boxes.as_ref()?;
        let Rate { value, low, high } = (boxes.value)(metrics)?;
        let floor = boxes.floor.and_then(|read_floor| read_floor(floor));
        Some(PageMetric {
            name: boxes.title,
            detail: boxes.detail,
            what: metric.what,
            higher_is_better: metric.higher_is_better,
            value,
            low,
            high,
            floor: floor.map(FloorValue::value),
            weighted,
        })
    };
    METRICS.iter().filter_map(line).collect()
}

fn part(group: &GroupScores) -> PageGroup<'_> {
    let rate = group.gt_known_accuracy;
    PageGroup {
        name: &group.name,
        class: group.class,
        images: group.images,
        value: rate.map(|rate| rate.value),
        low: rate.map(|rate| rate.low),
        high: rate.map(|rate| rate.high),
        floor: group.centre_half_area_rounded,
        mean_iou: group.mean_iou,
    }
}

fn compared(run: usize, found: &Comparison) -> PageComparison<'_> {
    let metric = |metric: &MetricComparison| {
        let Paired {
            a,
            b,
            difference:
                Rate {
                    value: difference,
                    low,
                    high,
                },
            won,
            lost,
            p,
        } = metric.paired;
        ComparedMetric {
            name: metric.name,
            a,
            b,
            difference,
            low,
            high,
            won,
            lost,
            p,
        }
    };
    PageComparison {
        a: 0,
        b: run,
        metrics: found.metrics.iter().map(metric).collect(),
        verdict: &found.verdict,
    }
}
