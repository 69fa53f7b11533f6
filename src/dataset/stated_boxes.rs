//! What the boxes of a file show together: that they are not in the pixels of their photos, or that
//! they are not corners.

use std::path::Path;

use super::box_edges::BoxEdges;
use super::error::DatasetError;
use super::suspicion::Suspicion;
use crate::geometry::{BBox, Size};

/// A box as a file states it, in the convention of [`crate::geometry`], and the size of its photo
/// where that is known.
#[derive(Clone, Copy, Debug)]
struct StatedBox {
    bbox: BBox,
    size: Option<Size>,
}

/// The boxes of a file: true or predicted ones.
#[derive(Debug, Default)]
pub(crate) struct StatedBoxes(Vec<StatedBox>);

/// The sides of the squares to which photos are usually resized for a network, in pixels; 100 is
/// per cent.
const USUAL_SIDES: [f64; 32] = [
    32.0, 64.0, 96.0, 100.0, 112.0, 128.0, 160.0, 192.0, 224.0, 227.0, 240.0, 256.0, 288.0, 299.0,
    300.0, 320.0, 336.0, 384.0, 416.0, 448.0, 480.0, 512.0, 528.0, 600.0, 608.0, 640.0, 672.0,
    736.0, 768.0, 800.0, 1000.0, 1024.0,
];

/// The share of a photo up to which a part of it, in which a box is, counts as evidence.
const MAX_PART: f64 = 0.64;
/// The probability below which it is not by chance that all boxes are in such parts.
const CHANCE: f64 = 1e-3;
/// The number of boxes from which anything can be concluded.
const MIN_BOXES: usize = 3;

impl StatedBoxes {
    /// Adds a box of a photo of `size`. Boxes that are not finite are not looked at.
    pub(crate) fn add(&mut self, bbox: BBox, size: Option<Size>) {
        let edges = [bbox.x_min, bbox.y_min, bbox.x_max, bbox.y_max];
        if edges.iter().all(|edge| edge.is_finite()) {
            self.0.push(StatedBox { bbox, size });
        }
    }

    /// Refuses boxes that are normalised beyond doubt: all are within 0..1, and their edges are not
    /// whole numbers. `origin` is their file or dataset.
    pub(crate) fn ensure_pixels(&self, origin: &Path) -> Result<(), DatasetError> {
        let normalised = self.normalised().count();
        let has_fractions = self.normalised().any(|stated| has_fractions(&stated.bbox));
        if normalised == 0 || normalised < self.0.len() || !has_fractions {
            return Ok(());
        }
        let fault = format!("all {normalised} boxes are within 0..1: they are normalised");
        Err(DatasetError::at(origin, fault).or_advice(TO_PIXELS))
    }

    /// What is suspicious about the boxes as such.
    pub(crate) fn suspicion(&self) -> Option<Suspicion> {
        self.mostly_normalised().or_else(|| self.resized())
    }

    /// What is suspicious about the edges, if more than a share of the boxes reach far out of their
    /// photos, or if they were read with the wrong base.
    pub(crate) fn suspicions_of_edges(&self, tolerated_share: f64) -> Vec<Suspicion> {
        let mut edges = BoxEdges::default();
        for stated in &self.0 {
            if let Some(size) = stated.size {
                edges.count(stated.bbox, size);
            }
        }
        let found = [edges.outside(tolerated_share), edges.wrong_base()];
        found.into_iter().flatten().collect()
    }

    /// What to do about inverted boxes if most boxes of the file are inverted.
    pub(crate) fn advice_on_inversion(&self) -> Option<&'static str> {
        let inverted = |min: f64, max: f64| min > max;
        let in_x = |b: &BBox| inverted(b.x_min, b.x_max);
        let in_y = |b: &BBox| inverted(b.y_min, b.y_max);
        let is_inverted = |stated: &&StatedBox| in_x(&stated.bbox) || in_y(&stated.bbox);
        let count = self.0.iter().filter(is_inverted).count();
        if count < 2 || 4 * count < self.0.len() {
            return None;
        }
        let by_both = |stated: &StatedBox| in_x(&stated.bbox) && in_y(&stated.bbox);
        let by_one = |stated: &StatedBox| in_x(&stated.bbox) != in_y(&stated.bbox);
        let mut all = self.0.iter().filter(is_inverted);
        Some(if self.normalised().count() == self.0.len() {
            "are they normalised, as centre, width and height? boxes are x_min, y_min, x_max, \
             y_max in pixels"
        } else if all.clone().all(by_both) {
            "the corners are swapped: write the upper left corner first"
        } else if all.any(by_one) && self.0.iter().all(StatedBox::fits_as_width_and_height) {
            "are they x, y, width, height? boxes are corners: x_max is x + width, y_max is y + \
             height"
        } else {
            "boxes are corners: x_min, y_min, x_max, y_max, in this order"
        })
    }

    fn normalised(&self) -> impl Iterator<Item = &StatedBox> {
        self.0.iter().filter(|stated| stated.is_normalised())
    }

    fn mostly_normalised(&self) -> Option<Suspicion> {
        let (normalised, all) = (self.normalised().count(), self.0.len());
        let is_certain = normalised == all && self.normalised().any(|s| has_fractions(&s.bbox));
        (is_certain || normalised >= MIN_BOXES && 2 * normalised > all).then(|| {
            let what = format!("{normalised} of {all} boxes are within 0..1: are they normalised?");
            Suspicion::new(what, TO_PIXELS)
        })
    }

    /// Whether all boxes are in the upper left part of their photos, which may be the part that a
    /// smaller copy of the photo covers.
    fn resized(&self) -> Option<Suspicion> {
        let sized = || self.0.iter().filter_map(|s| Some((&s.bbox, s.size?)));
        let largest = |extent: &dyn Fn(&BBox, Size) -> f64| {
            sized().map(|(b, size)| extent(b, size)).reduce(f64::max)
        };
        let extent = largest(&|b, _| b.x_max.max(b.y_max))?;
        let all = sized().count();
        let side = USUAL_SIDES.into_iter().find(|side| *side >= extent);
        if let Some(side) = side
            && let Some(example) = evidence(sized(), |size| part_of_square(size, side))
        {
            let what = format!(
                "all {all} boxes are within {side} x {side} pixels, although photos are larger \
                 (such as {example}): are they in the pixels of a resized copy?"
            );
            return Some(Suspicion::new(what, RESCALE));
        }
        let relative = |b: &BBox, size: Size| {
            (b.x_max / f64::from(size.width)).max(b.y_max / f64::from(size.height))
        };
        let share = largest(&relative)?;
        evidence(sized(), |_| [share; 2])?;
        let what = format!(
            "all {all} boxes are in the upper left {:.0} % of the width and height of their \
             photos: are they in the pixels of a resized copy, or are the last two numbers width and \
             height?",
            share * 100.0
        );
        Some(Suspicion::new(what, RESCALE))
    }
}

const TO_PIXELS: &str = "multiply x by the photo's width and y by its height";
const RESCALE: &str = "scale the boxes to the stored photos: boxes are in their pixels";

impl StatedBox {
    /// Whether the box is within 0..1, give or take the pixel by which readers convert.
    fn is_normalised(&self) -> bool {
        let BBox {
            x_min,
            y_min,
            x_max,
            y_max,
        } = self.bbox;
        let is_larger = self.size.is_none_or(|size| size.width.min(size.height) > 4);
        let within = |edge: f64, max: f64| (-1.0..=max).contains(&edge);
        is_larger
            && within(x_min, 1.0)
            && within(y_min, 1.0)
            && within(x_max, 2.0)
            && within(y_max, 2.0)
    }

    /// Whether the maxima may be a width and a height.
    fn fits_as_width_and_height(&self) -> bool {
        let b = &self.bbox;
        let inside = |size: Size| {
            b.x_min + b.x_max <= f64::from(size.width) + 1.0
                && b.y_min + b.y_max <= f64::from(size.height) + 1.0
        };
        b.x_max > 0.0 && b.y_max > 0.0 && self.size.is_none_or(inside)
    }
}

fn has_fractions(bbox: &BBox) -> bool {
    [bbox.x_min, bbox.y_min, bbox.x_max, bbox.y_max]
        .iter()
        .any(|edge| edge.fract() != 0.0)
}

/// The shares of a photo's width and height that a square at its upper left corner covers.
fn part_of_square(photo: Size, side: f64) -> [f64; 2] {
    [photo.width, photo.height].map(|length| (side / f64::from(length)).min(1.0))
}

/// The size of a photo that the part covers only in part, if it is not by chance that all boxes end
/// in their parts: the lower right corner of a box is in a part of the photo with a probability of
/// at most the part's area. Boxes that are small by nature are in the middle of their photos.
fn evidence<'a>(
    boxes: impl Iterator<Item = (&'a BBox, Size)>,
    part: impl Fn(Size) -> [f64; 2],
) -> Option<Size> {
    let (mut count, mut log_chance, mut centres, mut example) = (0_u32, 0.0, 0.0, None);
    for (bbox, size) in boxes {
        let [width, height] = part(size);
        let area = width * height;
        if area > MAX_PART {
            continue;
        }
        count += 1;
        log_chance += area.max(1e-12).ln();
        let x = f64::midpoint(bbox.x_min, bbox.x_max) / f64::from(size.width);
        let y = f64::midpoint(bbox.y_min, bbox.y_max) / f64::from(size.height);
        centres += f64::midpoint(x, y);
        example.get_or_insert(size);
    }
    let is_upper_left = centres < 0.45 * f64::from(count);
    example.filter(|_| count as usize >= MIN_BOXES && is_upper_left && log_chance < CHANCE.ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

    /// Photos of several sizes with a box each, whose corners are anywhere in `part` of the photo,
    /// scaled by `scale`.
    fn random_boxes(count: usize, scale: f64, random: &mut SplitMix) -> StatedBoxes {
        let mut boxes = StatedBoxes::default();
        for _ in 0..count {
            let size = Size::new(
                200 + random.below(800) as u32,
                200 + random.below(800) as u32,
            );
            let mut edges = |side: u32| {
                let [a, b] = [0, 0].map(|_| random.unit() * f64::from(side) * scale);
                [a.min(b), a.max(b)]
            };
            let ([x_min, x_max], [y_min, y_max]) = (edges(size.width), edges(size.height));
            boxes.add(BBox::new(x_min, y_min, x_max, y_max), Some(size));
        }
        boxes
    }

    /// How many of a thousand sets of `count` boxes are suspicious.
    fn suspicious_sets(count: usize, scale: f64) -> usize {
        let mut random = SplitMix(1);
        let sets = (0..1000).map(|_| random_boxes(count, scale, &mut random));
        sets.filter(|boxes| boxes.suspicion().is_some()).count()
    }

    #[test]
    fn resized_copies_are_found_and_others_rarely_suspected() {
        for count in [1, 3, 10, 30] {
            let found = suspicious_sets(count, 1.0);
            assert!(found <= 5, "{found} of 1000 sets of {count} boxes");
        }
        for (count, scale) in [(6, 0.5), (10, 0.5), (30, 0.7), (3, 0.2)] {
            let found = suspicious_sets(count, scale);
            assert!(
                found >= 950,
                "{found} of 1000 sets of {count} boxes, {scale}"
            );
        }
    }

    #[test]
    fn only_boxes_in_the_first_pixel_are_normalised() {
        let boxes = |edges: &[[f64; 4]]| {
            let mut boxes = StatedBoxes::default();
            for [x_min, y_min, x_max, y_max] in edges {
                let bbox = BBox::new(*x_min, *y_min, *x_max, *y_max);
                boxes.add(bbox, Some(Size::new(600, 400)));
            }
            boxes
        };
        let is_refused = |stated: StatedBoxes| stated.ensure_pixels(Path::new("a")).is_err();
        assert!(is_refused(boxes(&[[0.1, 0.2, 0.7, 1.0]])));
        assert!(is_refused(boxes(&[[0.1, 0.2, 1.7, 2.0], [0., 0., 1., 2.]])));
        assert!(!is_refused(boxes(&[[0., 0., 1., 1.]])));
        assert!(!is_refused(boxes(&[
            [0.1, 0.2, 0.7, 1.0],
            [0., 0., 3., 3.]
        ])));
        assert!(!is_refused(boxes(&[])));
    }
}
