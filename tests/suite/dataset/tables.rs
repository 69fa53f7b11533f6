//! Tables and lists that are odd, wrong or made to break: each is read, or refused at once with its
//! line.

use std::fs::File;

use tempfile::TempDir;

use crate::support::program::{refused, scored, text};
use crate::support::{boxes, write};

const HEADER: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";
const ROW: &str = "a,a.jpg,10,8,n01440764,0,0,0,5,5";

/// A byte-order mark, carriage returns, quotes, an unknown column.
#[test]
fn odd_tables_are_read() {
    let folder = TempDir::new().unwrap();
    let boxes = boxes(folder.path());
    let odd = format!(
        "\u{feff}{HEADER},\"what, else\"\r\n\"a\",\"a, b.jpg\",10,8,\"n01440764\",0,0,0,5,5,\"\"\"x\"\"\"\r\n"
    );
    let odd = write(folder.path(), "odd.csv", odd);
    let found = scored(&[text(&boxes), "--dataset", text(&odd)]);
    assert_eq!(
        (&found["images"], &found["metrics"]["mean_iou"]["value"]),
        (&1.into(), &1.0.into())
    );
}

#[test]
fn faults_of_a_table_have_their_lines() {
    let rows = |rows: &str| format!("{HEADER}\n{rows}\n");
    let cases: [(Vec<u8>, &[&str]); 19] = [
        (
            rows("a,a.jpg,10,8,n01440764,0,0,0,5").into(),
            &["line: 2", "9 fields"],
        ),
        (rows(&format!("{ROW},9")).into(), &["line: 2", "11 fields"]),
        (
            rows(ROW).replace("y_max", "end").into(),
            &["columns y_max are missing"],
        ),
        (
            rows(&ROW.replace(',', ";")).into(),
            &["line: 2", "1 fields"],
        ),
        (
            rows(&[ROW, &ROW.replace("a.jpg", "b.jpg")].join("\n")).into(),
            &["csv:3: duplicate id a", "csv:2)"],
        ),
        (
            rows(&ROW.replace("n01440764", "n99999999")).into(),
            &["csv:2: class 0 is n01440764, not n99999999"],
        ),
        (
            rows("a,a.jpg,10,8,,1000,0,0,5,5").into(),
            &["csv:2: class_index 1000 is not in -1..1000"],
        ),
        (
            Vec::new(),
            &["columns x_min, y_min, x_max, y_max are missing"],
        ),
        (rows("").into(), &["it has no photos"]),
        (
            [HEADER.as_bytes(), b"\n\xff", ROW.as_bytes()].concat(),
            &["line 2", "utf-8"],
        ),
        (
            // UTF-16 is read, and this table has only a header.
            HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            &["it has no photos"],
        ),
        (
            rows("a,a.jpg,10,8,n01440764,0,NaN,0,5,5").into(),
            &["csv:2: box (NaN, 0, 5, 5) has an edge that is not a finite number"],
        ),
        (
            rows("a,a.jpg,10,8,n01440764,0,0,0,5,1e400").into(),
            &["csv:2: box (0, 0, 5, inf) has an edge that is not a finite number"],
        ),
        (
            rows("a,a.jpg,10,8,n01440764,0,0,0,,5").into(),
            &["csv:2: box (0, 0, NaN, 5) has an edge that is not a finite number"],
        ),
        (
            rows("a,a.jpg,99999999999,8,n01440764,0,0,0,5,5").into(),
            &["line: 2", "too large"],
        ),
        (
            rows("a,a.jpg,65536,8,n01440764,0,0,0,5,5").into(),
            &["65536 x 8; sides are 1 to 65535"],
        ),
        (rows(&format!("\"{ROW}\n{ROW}")).into(), &["line: 2"]),
        (
            format!("{HEADER},weight\n{ROW},NaN\n").into(),
            &["csv:2: weight NaN is not in"],
        ),
        (
            format!("{HEADER},blacklisted\n{ROW},maybe\n").into(),
            &["line: 2"],
        ),
    ];
    let folder = TempDir::new().unwrap();
    let boxes = boxes(folder.path());
    for (content, expected) in cases {
        let shown = String::from_utf8_lossy(&content).into_owned();
        let table = write(folder.path(), "table.csv", content);
        let error = refused(&["score", text(&boxes), "--dataset", text(&table)]);
        let said = error.contains("table") && expected.iter().all(|part| error.contains(part));
        assert!(said, "{shown}\n{expected:?} is not in {error}");
    }
}

/// Twenty faults are listed, the others counted.
#[test]
fn a_table_of_faults_is_not_shown_whole() {
    let folder = TempDir::new().unwrap();
    let boxes = boxes(folder.path());
    let rows: String = (0..1000)
        .map(|i| format!("p{i},a.jpg,10,8,,5000,0,0,5,5\n"))
        .collect();
    let table = write(folder.path(), "table.csv", format!("{HEADER}\n{rows}"));
    let error = refused(&["score", text(&boxes), "--dataset", text(&table)]);
    assert_eq!(error.matches("class_index 5000").count(), 20, "{error}");
    assert!(
        error.contains("table.csv:21: class_index") && error.contains("... and 980 more"),
        "{error}"
    );
}

/// A line of a gigabyte: in the truth, in boxes, in weights, in a list of photos.
#[test]
fn a_line_without_end_is_refused_before_it_is_read() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let endless = |name: &str, content: &str| {
        let path = write(root, name, content);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_len(1 << 30)
            .unwrap();
        path
    };
    let (good, table) = (
        boxes(root),
        write(root, "table.csv", format!("{HEADER}\n{ROW}\n")),
    );
    let truth = endless("truth.csv", &format!("{HEADER}\n{ROW}\n"));
    let long = endless("long.csv", "image_id,x_min,y_min,x_max,y_max\na,0,0,5,5\n");
    let weights = endless("weights.csv", "image_id,weight\na,1\n");
    let images = endless("images.txt", "a\na\n");
    let [good, table, truth, long, weights, images] =
        [&good, &table, &truth, &long, &weights, &images].map(|path| text(path));
    let cases: [(&[&str], &str); 4] = [
        (&["score", good, "--dataset", truth], "truth.csv:3: "),
        (&["score", long, "--dataset", table], "long.csv:3: "),
        (
            &["score", good, "--dataset", table, "--weights", weights],
            "weights.csv:3: ",
        ),
        (
            &["score", good, "--dataset", table, "--images", images],
            "images.txt:3: ",
        ),
    ];
    for (arguments, place) in cases {
        let error = refused(arguments);
        assert!(
            error.contains(place) && error.contains("the line is longer than"),
            "{place}: {error}"
        );
    }
}
