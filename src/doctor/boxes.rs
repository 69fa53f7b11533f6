//! Boxes: those that a run would refuse, and what is suspicious about the others.

use super::report::{DoctorReport, Finding};
use crate::dataset::{BoxEdges, Dataset};
use crate::remedy::Remedy;

pub(super) fn check(report: &mut DoctorReport, dataset: &Dataset) {
    report.findings.extend(invalid_boxes(dataset.edges));
    for suspicion in &dataset.suspicions {
        report.add_finding(&suspicion.what, &suspicion.advice);
    }
}

/// The boxes that were left out: a run refuses them.
fn invalid_boxes(edges: BoxEdges) -> Option<Finding> {
    let (invalid, total) = (edges.left_out, edges.left_out + edges.boxes);
    if invalid == 0 {
        return None;
    }
    let what = format!("{invalid} of {total} boxes are inverted or outside their photo");
    let advice = "are they x, y, width, height instead of corners, or in the pixels of another size? \
                  are width and height swapped?";
    let remedies = [Remedy::Advice(advice.into()), Remedy::LenientBoxes];
    Some(Finding::new(what, remedies))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Suspicion;

    #[test]
    fn boxes_left_out_and_suspicions_are_findings() {
        let mut report = DoctorReport::default();
        let dataset = Dataset {
            edges: BoxEdges {
                boxes: 200,
                left_out: 3,
                ..BoxEdges::default()
            },
            suspicions: vec![Suspicion {
                what: "they end too late".into(),
                advice: "end earlier".into(),
            }],
            ..Dataset::default()
        };
        check(&mut report, &dataset);
        let found: Vec<&str> = report.findings.iter().map(|f| f.what.as_str()).collect();
        let invalid = "3 of 203 boxes are inverted or outside their photo";
        assert_eq!(found, [invalid, "they end too late"]);
    }
}
