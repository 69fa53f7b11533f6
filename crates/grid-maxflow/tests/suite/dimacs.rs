//! Grids as DIMACS files: written, read back, and refused with the line that is wrong.

use grid_maxflow::{Instance, Neighbours};
use proptest::prelude::*;

use crate::maxflow::instances;
use crate::support::solve;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_file_gives_the_instance_back(instance in instances(5, 3)) {
        let mut file = Vec::new();
        instance.write(&mut file).unwrap();
        let read = Instance::read(&file[..]).unwrap();
        prop_assert_eq!(solve(&read), solve(&instance));
        let mut again = Vec::new();
        read.write(&mut again).unwrap();
        prop_assert_eq!(file, again);
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn files_that_are_not_grids_are_refused_with_the_line() {
    let good = "c grid 2 2\np max 6 4\nn 1 s\nn 2 t\na 1 3 9\na 6 2 7\na 3 6 5\na 6 3 1\n";
    let read = |text: &str| Instance::read(text.as_bytes());
    let instance = read(good).unwrap();
    assert_eq!(
        (instance.width, instance.height, instance.neighbours),
        (2, 2, Neighbours::Eight)
    );
    assert_eq!(solve(&instance).0, 5);
    assert_eq!(solve(&read(&good.replace('\n', "\r\n")).unwrap()).0, 5);
    for (from, to, line, words) in [
        (
            "c grid 2 2",
            "c grid 2 3",
            2,
            "announces 6 nodes, but the grid has 8",
        ),
        (
            "c grid 2 2",
            "c grid 0 2",
            1,
            "a grid must have 1 to 67108864 pixels",
        ),
        (
            "c grid 2 2",
            "c grid 99999999999 99999999999",
            1,
            "a grid must have 1 to 67108864 pixels",
        ),
        (
            "c grid 2 2",
            "c grid 1 67108864",
            1,
            "a grid must have 1 to 67108864 pixels",
        ),
        (
            "c grid 2 2",
            "c grid 2 2\nc grid 2 2",
            2,
            "a second line \"c grid\"",
        ),
        ("c grid 2 2\n", "", 4, "an arc before"),
        ("p max 6 4\n", "", 4, "an arc before"),
        ("p max 6 4", "p max 6 3", 8, "more arcs than the 3"),
        ("p max 6 4", "p max 6 5", 8, "after 4 of 5 arcs"),
        ("p max", "p min", 2, "not a line of a maximum-flow problem"),
        ("n 1 s", "n 5 s", 3, "the source must be node 1"),
        ("n 1 s\n", "", 7, "without the lines \"n 1 s\""),
        ("a 1 3 9", "a 3 1 9", 5, "no arc from 3 to 1"),
        ("a 1 3 9", "a 1 2 9", 5, "no arc from 1 to 2"),
        ("a 1 3 9", "a 1 7 9", 5, "no arc from 1 to 7"),
        ("a 3 6 5", "a 3 3 5", 7, "no arc from 3 to 3"),
        ("a 3 6 5", "a 3 6 5.5", 7, "\"5.5\" is not a capacity"),
        ("a 3 6 5", "a 3 6 -5", 7, "\"-5\" is not a capacity"),
        (
            "a 3 6 5",
            "a 3 6",
            7,
            "not a line of a maximum-flow problem",
        ),
        (
            "a 6 3 1",
            "a 6 3 2147483646",
            8,
            "add up to more than 2147483647",
        ),
        ("a 6 3 1", "a 6 x 1", 8, "\"x\" is not an integer from 0"),
    ] {
        let error = read(&good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("line {line}: ")) && error.contains(words),
            "{from} -> {to}: {error}"
        );
    }
    let far = read("c grid 3 1\np max 5 1\nn 1 s\nn 2 t\na 3 5 1\n")
        .unwrap_err()
        .to_string();
    assert!(
        far.starts_with("line 5: a grid of 3 x 1 pixels has no arc from 3 to 5:"),
        "{far}"
    );
}
