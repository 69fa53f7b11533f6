//! One photo's path through the pipeline as one picture that explains itself: captions, tiles and a
//! legend.

use image::{Rgb, RgbImage};

use super::legend::{LegendOptions, legend};
use super::lettering::{block, lines};
use super::mosaic::{beside, captioned, framed, stacked};
use super::tiles::TilePhoto;
use crate::geometry::BBox;
use crate::saliency::Saliency;
use crate::segment::{Flag, Localisation, Stages};

/// The photo of a panel.
#[derive(Clone, Copy, Debug)]
pub struct PanelPhoto<'a> {
    /// Its name, the first line of the panel; shortened in the middle where it is too long.
    pub name: &'a str,
    /// What else is said of it: class, probability, model.
    pub facts: &'a [String],
    /// The stored photo.
    pub picture: &'a RgbImage,
    /// The true boxes, in its pixels.
    pub truth: &'a [BBox],
}

/// What a pipeline found in the photo.
#[derive(Clone, Copy, Debug)]
pub struct PanelResult<'a> {
    /// How it was found: saliency method and layers.
    pub facts: &'a [String],
    /// The saliency map, where the pipeline makes one.
    pub saliency: Option<&'a Saliency>,
    /// The intermediate results of the box rule.
    pub stages: &'a Stages,
    /// The box.
    pub localisation: &'a Localisation,
    /// Its IoU with the true box that fits best, in 0..=1; `None` where no true box is known.
    pub iou: Option<f64>,
}

/// A tile with its caption.
type Tile = (RgbImage, String);

/// A panel. With one result, it has six tiles: photo, saliency, seeds, foreground, component, boxes.
/// With several, each has a row of three: photo, saliency, boxes. Tiles have the photo's aspect
/// ratio, and their longer side has 384 pixels, whatever the size of the photo. What is not part of
/// a result is the darkened photo.
///
/// # Panics
/// If there is no result.
#[must_use]
pub fn panel(photo: &PanelPhoto<'_>, results: &[PanelResult<'_>]) -> RgbImage {
    let draw = |row: Vec<Tile>| {
        let fields: Vec<_> = row
            .iter()
            .map(|(tile, text)| captioned(tile, text))
            .collect();
        beside(&fields)
    };
    let rows: Vec<RgbImage> = tiles(photo, results).into_iter().map(draw).collect();
    let width = rows[0].width();
    let said = |facts: &[String]| lines(facts, width);
    let heading = [said(&[photo.name.to_owned()]), said(photo.facts)].concat();
    let mut parts;
    if let [result] = results {
        parts = vec![block(&[heading, said(result.facts)].concat(), width)];
        parts.extend(rows);
    } else {
        parts = vec![block(&heading, width)];
        for (result, row) in results.iter().zip(rows) {
            parts.push(RgbImage::from_pixel(width, 1, RULE));
            parts.push(block(&said(result.facts), width));
            parts.push(row);
        }
    }
    let has_saliency = |result: &PanelResult<'_>| varying(result.saliency).is_some();
    let options = LegendOptions {
        true_boxes: photo.truth.len(),
        seeds: results.len() == 1 && results[0].stages.seeds.is_some(),
        saliency: results.iter().any(has_saliency),
    };
    parts.push(legend(options, width));
    framed(&stacked(&parts))
}

/// The line above a row.
const RULE: Rgb<u8> = Rgb([200; 3]);

/// The tiles of [`panel`] alone, for a terminal, whose pixels are too few for letters.
///
/// # Panics
/// If there is no result.
#[must_use]
pub fn panel_without_text(photo: &PanelPhoto<'_>, results: &[PanelResult<'_>]) -> RgbImage {
    let draw = |row: Vec<Tile>| beside(&row.into_iter().map(|(tile, _)| tile).collect::<Vec<_>>());
    let rows: Vec<RgbImage> = tiles(photo, results).into_iter().map(draw).collect();
    framed(&stacked(&rows))
}

/// The tiles in rows.
fn tiles(photo: &PanelPhoto<'_>, results: &[PanelResult<'_>]) -> Vec<Vec<Tile>> {
    let base = TilePhoto::new(photo.picture);
    let first_and_last = |result: &PanelResult<'_>| {
        let found = base.boxes(&result.localisation.bbox, photo.truth);
        [
            (base.plain(), "Photo".to_owned()),
            saliency_tile(&base, result.saliency),
            (found, box_caption(result)),
        ]
    };
    let [result] = results else {
        return results
            .iter()
            .map(|result| first_and_last(result).into())
            .collect();
    };
    let stages = result.stages;
    let tile = |picture: Option<RgbImage>, title: &str| match picture {
        Some(picture) => (picture, title.to_owned()),
        // The flag says why the pipeline did not come to it.
        None if result.localisation.flag.is_some() => {
            (base.without_result(), format!("{title}: none"))
        }
        None => (base.plain(), format!("{title}: not used")),
    };
    let seeds = stages.seeds.as_ref().map(|seeds| base.seeds(&seeds.colour));
    let foreground = stages.mask.as_ref().map(|mask| base.masked(mask));
    let component = stages.component.as_ref().map(|mask| base.masked(mask));
    let [plain, saliency, found] = first_and_last(result);
    vec![
        vec![plain, saliency, tile(seeds, "Seeds")],
        vec![
            tile(foreground, "Foreground"),
            tile(component, "Component"),
            found,
        ],
    ]
}

fn saliency_tile(base: &TilePhoto, saliency: Option<&Saliency>) -> Tile {
    match (saliency, varying(saliency)) {
        (_, Some(map)) => (base.saliency(map), "Saliency".to_owned()),
        (Some(_), None) => (base.without_result(), "Saliency: constant".to_owned()),
        (None, None) => (base.without_result(), "Saliency: none".to_owned()),
    }
}

/// A map that says something.
pub(super) fn varying(saliency: Option<&Saliency>) -> Option<&Saliency> {
    saliency.filter(|map| !map.is_constant())
}

/// What became of the box: its IoU, or why it is the whole photo.
fn box_caption(result: &PanelResult<'_>) -> String {
    let iou = result
        .iou
        .map_or(String::new(), |iou| format!(", IoU {iou:.3}"));
    match result.localisation.flag {
        Some(Flag::ConstantMap) => format!("Constant map: whole photo{iou}"),
        Some(Flag::NoSeeds) => format!("No seeds: whole photo{iou}"),
        Some(Flag::EmptyMask) => format!("No foreground: whole photo{iou}"),
        Some(Flag::ExtremeAspect) => format!("Box found, photo squeezed{iou}"),
        None => format!("Box found{iou}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::lettering::width;
    use crate::report::mosaic::MIN_WIDTH;

    /// No caption of a tile is shortened, however narrow the photo is.
    #[test]
    fn captions_fit() {
        let flags = [
            Flag::ConstantMap,
            Flag::NoSeeds,
            Flag::EmptyMask,
            Flag::ExtremeAspect,
        ];
        for flag in flags.map(Some).into_iter().chain([None]) {
            let result = PanelResult {
                facts: &[],
                saliency: None,
                stages: &Stages::default(),
                localisation: &Localisation {
                    bbox: BBox::new(0.0, 0.0, 1.0, 1.0),
                    flag,
                },
                iou: Some(0.888),
            };
            let caption = box_caption(&result);
            assert!(width(&caption) <= MIN_WIDTH, "{caption}");
        }
    }
}
