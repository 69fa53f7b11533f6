//! Boxes: where they are in their photos shows whether the file means what its reader assumes.

use super::report::{DoctorReport, Finding};
use crate::dataset::{BoxEdges, Dataset};
use crate::remedy::Remedy;

/// With this many boxes, it is not by chance that none of them touches an edge.
const MANY: usize = 100;

pub(super) fn check(report: &mut DoctorReport, dataset: &Dataset) {
    report.findings.extend(invalid_boxes(dataset.edges));
    report.findings.extend(wrong_base(dataset.edges));
}

/// One photo whose size is swapped leaves a few boxes outside; a file in another unit leaves many.
fn invalid_boxes(edges: BoxEdges) -> Option<Finding> {
    let invalid = edges.left_out + edges.far_outside;
    let total = edges.left_out + edges.boxes;
    if invalid == 0 {
        return None;
    }
    let what = format!(
        "{invalid} of {total} boxes are inverted, outside their photo, or reach far out of it"
    );
    let advice = "are they x, y, width, height instead of corners, or in the pixels of another size? \
                  are width and height swapped?";
    let remedies = [Remedy::Advice(advice.into()), Remedy::LenientBoxes];
    Some(Finding::new(what, remedies))
}

/// Whether the boxes were read with the wrong base or the wrong kind of maxima.
fn wrong_base(edges: BoxEdges) -> Option<Finding> {
    let BoxEdges {
        boxes,
        at_start,
        at_second,
        before_start,
        before_end,
        at_end,
        past_end,
        ..
    } = edges;
    if before_start > 0 {
        let what = format!(
            "{before_start} of {boxes} boxes begin one pixel before the photo: they are 0-based, \
             and are read as 1-based"
        );
        let advice = "add 1 to all four corners, or put the annotations into a 0-based layout";
        return Some(Finding::with_advice(what, advice));
    }
    if at_start == 0 && (past_end > 0 || boxes >= MANY && at_second > 0) {
        let what = format!(
            "none of {boxes} boxes begins at the first pixel, {at_second} begin at the second and \
             {past_end} end one after the last: they are 1-based, and are read as 0-based"
        );
        let advice = "subtract 1 from all four corners; or only from the maxima, if just these \
                      are one too large";
        return Some(Finding::with_advice(what, advice));
    }
    if past_end > 0 {
        let what = format!(
            "{past_end} of {boxes} boxes end one pixel after the photo: their maxima are \
             exclusive, and are read as inclusive"
        );
        return Some(Finding::with_advice(what, "subtract 1 from the maxima"));
    }
    if boxes >= MANY && at_end == 0 && at_start > 0 && before_end > 0 {
        let what = format!(
            "none of {boxes} boxes ends at the last pixel, and {before_end} end at the one before: \
             their maxima are inclusive, and are read as exclusive"
        );
        return Some(Finding::with_advice(what, "add 1 to the maxima"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(edges: BoxEdges) -> Vec<String> {
        let mut report = DoctorReport::default();
        let dataset = Dataset {
            edges,
            ..Dataset::default()
        };
        check(&mut report, &dataset);
        let findings = report.findings.into_iter();
        findings.map(|finding| finding.what).collect()
    }

    /// Edges of boxes that are read as they were written.
    fn ordinary() -> BoxEdges {
        BoxEdges {
            boxes: 200,
            at_start: 20,
            at_second: 3,
            at_end: 15,
            ..BoxEdges::default()
        }
    }

    #[test]
    fn ordinary_or_few_boxes_are_no_finding() {
        assert_eq!(findings(ordinary()), Vec::<String>::new());
        // That seven boxes do not touch the edge may be chance.
        let few = BoxEdges {
            boxes: 7,
            at_second: 1,
            ..BoxEdges::default()
        };
        assert_eq!(findings(few), Vec::<String>::new());
    }

    #[test]
    fn the_edges_show_a_wrong_base() {
        let good = ordinary();
        for (edges, expected) in [
            (
                BoxEdges {
                    at_start: 0,
                    at_second: 20,
                    past_end: 15,
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
                    past_end: 15,
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
                "3 of 203 boxes are inverted",
            ),
        ] {
            let found = findings(edges);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
    }
}
