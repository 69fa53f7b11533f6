//! Boxes: what they look like tells whether their file means what its reader takes it to mean.

use super::DoctorReport;
use crate::dataset::{Dataset, BoxEdges};

/// So many boxes are needed to say that none of them begins at the first pixel by chance.
const MANY: usize = 100;

pub(super) fn check(report: &mut DoctorReport, dataset: &Dataset) {
    let BoxEdges {
        boxes,
        at_start,
        at_second,
        before_start,
        before_end,
        at_end,
        behind_end,
        far_outside,
        left_out,
    } = dataset.edges;
    // One photo's swapped size leaves a few boxes outside; a whole file in another unit leaves
    // many.
    if left_out + far_outside > 0 {
        let (n, all) = (left_out + far_outside, left_out + boxes);
        report.finding(
            format!("{n} of {all} boxes are inside out, or lie outside their photo or reach far out of it"),
            "are they x, y, width, height in place of corners, or in the pixels of another size? width and height swapped? \
             `--lenient-boxes` leaves out those that cannot be",
        );
    }
    if before_start > 0 {
        report.finding(
            format!("{before_start} of {boxes} boxes begin one pixel before the photo: they are 0-based, and are read as 1-based"),
            "add 1 to all four corners, or bring the annotations in a layout that is 0-based",
        );
    } else if at_start == 0 && (behind_end > 0 || boxes >= MANY && at_second > 0) {
        report.finding(
            format!(
                "none of {boxes} boxes begins at the first pixel, {at_second} begin at the second and {behind_end} end one \
                 behind the last: they are 1-based, and are read as 0-based"
            ),
            "subtract 1 from all four corners; or from the maxima alone, should only these be one too large",
        );
    } else if behind_end > 0 {
        report.finding(
            format!("{behind_end} of {boxes} boxes end one pixel behind the photo: their maxima are exclusive, and are read as inclusive"),
            "subtract 1 from the maxima",
        );
    } else if boxes >= MANY && at_end == 0 && at_start > 0 && before_end > 0 {
        report.finding(
            format!(
                "none of {boxes} boxes ends at the last pixel, and {before_end} end at the one before: their maxima are \
                 inclusive, and are read as exclusive"
            ),
            "add 1 to the maxima",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(edges: BoxEdges) -> Vec<String> {
        let mut report = DoctorReport::default();
        check(
            &mut report,
            &Dataset {
                edges,
                ..Dataset::default()
            },
        );
        report
            .findings
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn a_wrong_base_is_told_by_the_edges() {
        let good = BoxEdges {
            boxes: 200,
            at_start: 20,
            at_second: 3,
            at_end: 15,
            ..BoxEdges::default()
        };
        assert_eq!(found(good), Vec::<String>::new());
        for (edges, expected) in [
            (
                BoxEdges {
                    at_start: 0,
                    at_second: 20,
                    behind_end: 15,
                    ..good
                },
                "1-based, and are read as 0-based",
            ),
            (
                BoxEdges {
                    at_start: 0,
                    at_second: 20,
                    ..good
                },
                "1-based, and are read as 0-based",
            ),
            (
                BoxEdges {
                    behind_end: 15,
                    ..good
                },
                "exclusive, and are read as inclusive",
            ),
            (
                BoxEdges {
                    before_start: 20,
                    ..good
                },
                "0-based, and are read as 1-based",
            ),
            (
                BoxEdges {
                    before_end: 20,
                    at_end: 0,
                    ..good
                },
                "inclusive, and are read as exclusive",
            ),
            (
                BoxEdges {
                    left_out: 3,
                    ..good
                },
                "3 of 203 boxes are inside out",
            ),
        ] {
            let found = found(edges);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
        // Seven boxes that happen not to touch the edge prove nothing.
        assert_eq!(
            found(BoxEdges {
                boxes: 7,
                at_second: 1,
                ..BoxEdges::default()
            }),
            Vec::<String>::new()
        );
    }
}
