//! The cuts of the sample photos against the flows that scipy and PyMaxflow found.

#[path = "../../../benches/segment/instances.rs"]
mod instances;
// Solving in both forms, and the cost of a labelling: a file of the tests of grid-maxflow.
#[path = "../../../crates/grid-maxflow/tests/suite/support.rs"]
mod support;

use instances::{CLASSES, photos};
use support::{count, energy, solve};

/// `tests/golden/make_photo_flows.py`. The numbers depend, to the last bit, on every stage before
/// the cut and on the C library's logarithm.
#[test]
fn flows_of_photos_are_those_of_scipy_and_pymaxflow() {
    let photos = photos();
    let mut rows = csv::Reader::from_path("tests/golden/photo_flows.csv").unwrap();
    let mut instances = 0;
    for row in rows.deserialize() {
        let (name, flow, source_set): (String, i64, usize) = row.unwrap();
        let (photo, class) = name.split_once('.').unwrap();
        let (_, photo) = photos.iter().find(|(id, _)| id == photo).unwrap();
        let class = CLASSES.iter().find(|c| c.name == class).unwrap();
        let instance = class.energy(photo).instance();
        let (found, source_side) = solve(&instance);
        assert_eq!(found, flow, "{name}");
        assert_eq!(energy(&instance, &source_side), flow, "{name}");
        assert_eq!(count(&source_side), source_set, "{name}");
        instances += 1;
    }
    assert_eq!(instances, 42);
}
