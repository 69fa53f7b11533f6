//! COCO's masks: polygons and run-length codes, converted to pixels.
//!
//! The input is the numbers or the text of an annotation's `segmentation`, and the photo's size;
//! the output is pixels, row by row. COCO itself writes a photo's height before its width.

use crate::geometry::Size;

/// Coordinates of corners beyond this are refused, pixels.
const MAX_COORDINATE: f64 = 1e6;

/// Longer outlines are refused, fifths of a pixel. One of this length takes about a second, and
/// goes round a large photo a thousand times.
const MAX_OUTLINE: i64 = 100_000_000;

/// A mask as runs of pixels: background, foreground, background, ... Pixels are counted column by
/// column, each from top to bottom.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Runs {
    size: Size,
    /// The first pixel after each run, in ascending order. One more run follows them, up to the
    /// photo's end.
    ends: Vec<usize>,
}

impl Runs {
    /// The mask of an uncompressed list: the lengths of the runs, which must add up to the photo.
    pub(super) fn from_counts(counts: &[u32], size: Size) -> Result<Self, String> {
        let pixels = size.area() as u64;
        let total: u64 = counts.iter().copied().map(u64::from).sum();
        if total != pixels {
            return Err(format!(
                "the runs have {total} pixels, but the photo of {size} has {pixels}"
            ));
        }
        let mut end = 0;
        let mut ends = Vec::with_capacity(counts.len());
        for &count in counts {
            end += count as usize;
            ends.push(end);
        }
        Ok(Self { size, ends })
    }

    /// The mask of a compressed list, which is COCO's text (`rleFrString` of its maskApi.c).
    ///
    /// A character's code less 48 has six bits. Five of them belong to a number, the lowest first;
    /// the sixth, 32, says that more of the number follows. Bit 16 of a number's last character is
    /// its sign, which extends to all higher bits. The first three numbers are lengths; from the
    /// fourth on, a number is the difference to the length two runs before.
    pub(super) fn from_text(text: &str, size: Size) -> Result<Self, String> {
        let mut counts: Vec<u32> = Vec::new();
        let (mut number, mut bits) = (0_i64, 0);
        for (place, byte) in text.bytes().enumerate() {
            if !(48..112).contains(&byte) {
                return Err(format!(
                    "byte {place} of the runs is {byte}; COCO's are 48 to 111"
                ));
            }
            let (digit, run) = (i64::from(byte - 48), counts.len());
            if bits == 60 {
                return Err(format!("run {run} has more than 12 characters"));
            }
            number |= (digit & 31) << bits;
            bits += 5;
            if digit & 32 == 0 {
                let sign = if digit & 16 == 0 { 0 } else { -1 << bits };
                let base = if run > 2 {
                    i64::from(counts[run - 2])
                } else {
                    0
                };
                let length = (number | sign) + base;
                let count = u32::try_from(length)
                    .map_err(|_| format!("run {run} is {length} pixels long"))?;
                counts.push(count);
                (number, bits) = (0, 0);
            }
        }
        if bits > 0 {
            return Err("the runs end within a number".into());
        }
        Self::from_counts(&counts, size)
    }

    /// The mask of a polygon with corners x0, y0, x1, y1, ..., which is COCO's to the pixel
    /// (`rleFrPoly` of its maskApi.c).
    ///
    /// 1. The corners are moved to a grid five times as fine: trunc(5 v + 1/2), towards zero.
    /// 2. Each edge is followed on that grid, one step at a time along its longer side. After t
    ///    steps from its lower end, the point is trunc(end + slope t + 1/2), in x and y alike. From
    ///    the other end, a few halves would be rounded differently.
    /// 3. A step between x = 5 c + 2 and 5 c + 3 crosses the middle of column c. A run ends there,
    ///    before the first row r whose middle 5 r + 2 is not above the step: r = ⌈(y - 2) / 5⌉
    ///    within 0..=height, with the smaller y of the step.
    /// 4. These ends, sorted, are the mask; two ends at one pixel cancel out.
    ///
    /// maskApi.c does step 3 in floating point, with the same result, and does not add 1/2 along
    /// the longer side. This moves only points to the left of the photo or above it, whose exact
    /// position does not matter.
    pub(super) fn from_polygon(corners: &[f64], size: Size) -> Result<Self, String> {
        let corners = to_fine_grid(corners)?;
        let edges = || corners.iter().zip(corners.iter().cycle().skip(1));
        if edges().map(|(a, b)| steps_between(a, b)).sum::<i64>() > MAX_OUTLINE {
            return Err(format!(
                "a polygon's outline is longer than {} pixels",
                MAX_OUTLINE / 5
            ));
        }
        let mut ends = Vec::new();
        for (a, b) in edges() {
            add_edge(*a, *b, size, &mut ends);
        }
        ends.sort_unstable();
        Ok(Self { size, ends })
    }

    /// Sets the foreground's pixels in `mask`, which is the photo row by row, and leaves the others
    /// alone: the polygons of an object are painted one over the other.
    pub(super) fn paint(&self, mask: &mut [bool]) {
        let (height, width) = self.size.shape();
        assert_eq!(mask.len(), width * height, "a mask of the photo's size");
        for foreground in self.ends.chunks(2) {
            for pixel in foreground[0]..foreground.get(1).copied().unwrap_or(mask.len()) {
                mask[pixel % height * width + pixel / height] = true;
            }
        }
    }
}

/// The corners of a polygon on the grid of fifths of a pixel, or what is wrong with them.
pub(super) fn to_fine_grid(corners: &[f64]) -> Result<Vec<[i64; 2]>, String> {
    if corners.len() < 6 || corners.len() % 2 == 1 {
        return Err(format!(
            "a polygon has {} numbers; expected three pairs or more",
            corners.len()
        ));
    }
    let is_far = |v: &&f64| v.is_nan() || v.abs() > MAX_COORDINATE;
    if let Some(far) = corners.iter().find(is_far) {
        return Err(format!(
            "a polygon has a corner at {far}, more than {MAX_COORDINATE} pixels out"
        ));
    }
    let to_fine = |corner: &[f64]| [corner[0], corner[1]].map(|v| (5.0 * v + 0.5) as i64);
    Ok(corners.chunks_exact(2).map(to_fine).collect())
}

/// The length of an edge along its longer side.
fn steps_between(a: &[i64; 2], b: &[i64; 2]) -> i64 {
    (a[0] - b[0]).abs().max((a[1] - b[1]).abs())
}

/// Adds the ends of runs where an edge crosses the middle of a column.
fn add_edge(a: [i64; 2], b: [i64; 2], size: Size, ends: &mut Vec<usize>) {
    let [width, height] = [size.width, size.height].map(i64::from);
    let steps = steps_between(&a, &b);
    let longer_axis = usize::from((a[0] - b[0]).abs() < steps);
    let (low, high) = if a[longer_axis] > b[longer_axis] {
        (b, a)
    } else {
        (a, b)
    };
    let slope = [0, 1].map(|axis| (high[axis] - low[axis]) as f64 / steps as f64);
    let point =
        |t: i64| [0, 1].map(|axis| (low[axis] as f64 + slope[axis] * t as f64 + 0.5) as i64);
    for t in 0..steps {
        let ([x, y], [next_x, next_y]) = (point(t), point(t + 1));
        let middle = x.min(next_x) - 2;
        if x != next_x && middle % 5 == 0 && (0..width).contains(&(middle / 5)) {
            let row = (y.min(next_y) + 2).div_euclid(5).clamp(0, height);
            ends.push((middle / 5 * height + row) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct MaskCase {
        name: String,
        size: [u32; 2],
        polygons: Vec<Vec<f64>>,
        text: String,
        counts: Vec<u32>,
    }

    #[test]
    fn pixels_are_those_of_pycocotools() {
        let golden = include_str!("../../tests/golden/coco_masks.json");
        for MaskCase {
            name,
            size,
            polygons,
            text,
            counts,
        } in serde_json::from_str::<Vec<_>>(golden).expect("cases")
        {
            let size = Size::new(size[0], size[1]);
            let (height, width) = size.shape();
            let columns: Vec<_> = counts
                .iter()
                .enumerate()
                .flat_map(|(i, &n)| std::iter::repeat_n(i % 2 == 1, n as usize))
                .collect();
            let expected: Vec<_> = (0..width * height)
                .map(|i| columns[i % width * height + i / width])
                .collect();
            let drawn = polygons
                .iter()
                .map(|corners| Runs::from_polygon(corners, size))
                .collect();
            let forms = [
                vec![Runs::from_counts(&counts, size)],
                vec![Runs::from_text(&text, size)],
                drawn,
            ];
            for runs in forms.into_iter().filter(|runs| !runs.is_empty()) {
                let mut mask = vec![false; width * height];
                runs.iter()
                    .for_each(|runs| runs.as_ref().expect(&name).paint(&mut mask));
                assert!(mask == expected, "{name}: {runs:?}");
            }
        }
    }

    const SIZE: Size = Size::new(4, 5);

    #[test]
    fn faults_are_named() {
        let text = |text| Runs::from_text(text, SIZE);
        let polygon = |corners: &[f64]| Runs::from_polygon(corners, SIZE);
        let cases = [
            (
                Runs::from_counts(&[u32::MAX; 3], SIZE),
                "the runs have 12884901885 pixels",
            ),
            (text(""), "0 pixels, but the photo of 4 x 5 has 20"),
            (text("5:T"), "end within a number"),
            (text("5:é"), "byte 2 of the runs is 195;"),
            (text("5/:5"), "byte 1 of the runs is 47;"),
            (text("5:5p"), "byte 3 of the runs is 112;"),
            (text("5O"), "run 1 is -1 pixels"),
            (text("5550J"), "run 4 is -1 pixels"),
            (text("ooooooo3"), "run 0 is 137438953471 pixels"),
            (text("PPPPPPPPPPPP0"), "more than 12"),
            (polygon(&[0., 0., 3., 3.]), "4 numbers"),
            (polygon(&[0., 0., 3., 3., 3., 0., 1.]), "7 numbers"),
            (polygon(&[0., 0., 3., f64::NAN, 3., 0.]), "at NaN"),
            (polygon(&[0., 0., 3., f64::NEG_INFINITY, 3., 0.]), "at -inf"),
            (
                polygon(&[0., 0., -1e7, 3., 3., 0.]),
                "at -10000000, more than 1000000 pixels out",
            ),
            (
                polygon(&[0., 0., 1e6, 1e6].repeat(20)),
                "longer than 20000000 pixels",
            ),
        ];
        for (found, expected) in cases {
            let error = found.expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
