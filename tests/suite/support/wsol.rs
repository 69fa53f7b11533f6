//! Datasets in wsolevaluation's layout.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use super::program::SEVEN;

/// Photos under the names of ILSVRC val.
#[derive(Default)]
pub(crate) struct Wsol {
    pub(crate) ids: Vec<String>,
    pub(crate) labels: Vec<usize>,
    pub(crate) sizes: Vec<[u32; 2]>,
    /// Photo, inclusive corners.
    pub(crate) boxes: Vec<(usize, [f64; 4])>,
}

impl Wsol {
    pub(crate) fn add(&mut self, label: usize, size: [u32; 2], boxes: &[[f64; 4]]) {
        let photo = self.ids.len();
        self.ids
            .push(format!("val/ILSVRC2012_val_{:08}.JPEG", photo + 1));
        self.labels.push(label);
        self.sizes.push(size);
        self.boxes
            .extend(boxes.iter().map(|&corners| (photo, corners)));
    }

    /// The photos of [`SEVEN`], so many times over, copied into the folder.
    pub(crate) fn sample(folder: &Path, times: usize) -> Self {
        fs::create_dir_all(folder.join("val")).unwrap();
        let table = fs::read_to_string(Path::new(SEVEN).join("boxes.csv")).unwrap();
        let all_rows: Vec<Vec<&str>> = table
            .lines()
            .skip(1)
            .map(|row| row.split(',').collect())
            .collect();
        let mut lists = Self::default();
        for rows in std::iter::repeat_n(all_rows.chunk_by(|a, b| a[0] == b[0]), times).flatten() {
            let number = |row: &[&str], column: usize| row[column].parse::<f64>().unwrap();
            let corners =
                |row: &Vec<&str>| [6, 7, 8, 9].map(|i| number(row, i) - f64::from(u8::from(i > 7)));
            let boxes: Vec<_> = rows.iter().map(corners).collect();
            lists.add(
                number(&rows[0], 5) as usize,
                [2, 3].map(|i| number(&rows[0], i) as u32),
                &boxes,
            );
            let id = lists.ids.last().unwrap();
            fs::copy(Path::new(SEVEN).join(rows[0][1]), folder.join(id)).unwrap();
        }
        lists
    }

    pub(crate) fn write(&self, folder: &Path) {
        let of_photos = |text: &dyn Fn(usize) -> String| {
            self.ids
                .iter()
                .enumerate()
                .map(|(i, id)| format!("{id},{}", text(i)))
                .collect::<Vec<_>>()
        };
        lines(folder, "image_ids.txt", &self.ids);
        lines(
            folder,
            "class_labels.txt",
            &of_photos(&|i| self.labels[i].to_string()),
        );
        lines(
            folder,
            "image_sizes.txt",
            &of_photos(&|i| format!("{},{}", self.sizes[i][0], self.sizes[i][1])),
        );
        let corners = |(photo, [a, b, c, d]): &(usize, [f64; 4])| {
            format!("{},{a},{b},{c},{d}", self.ids[*photo])
        };
        lines(
            folder,
            "localization.txt",
            &self.boxes.iter().map(corners).collect::<Vec<_>>(),
        );
    }
}

/// Some order of the ILSVRC IDs, which is not the true one; writes it beside the lists.
pub(crate) fn write_ids(folder: &Path) -> Vec<usize> {
    let ids: Vec<usize> = (0..1000).map(|i| (i * 7 + 3) % 1000 + 1).collect();
    lines(folder, "ascii_order_to_synset_order.txt", &ids);
    ids
}

fn lines(folder: &Path, name: &str, lines: &[impl Display]) {
    fs::write(
        folder.join(name),
        lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    )
    .unwrap();
}
