//! The columns of tables, as this program and others call them.

use csv::StringRecord;

/// A column of a table. Columns may be in any order, and other columns are not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name, which is that of the field that it is read into.
    pub(crate) name: &'static str,
    /// What other programs call it. Case and everything but letters and digits do not count, in
    /// `name` either.
    synonyms: &'static [&'static str],
    is_required: bool,
    /// Whether it holds numbers, which may have a decimal comma.
    pub(crate) has_numbers: bool,
}

impl Column {
    /// A column that a table must have.
    pub(crate) const fn required(name: &'static str, synonyms: &'static [&'static str]) -> Self {
        Self {
            name,
            synonyms,
            is_required: true,
            has_numbers: false,
        }
    }

    /// A column that a table may have.
    pub(crate) const fn optional(name: &'static str, synonyms: &'static [&'static str]) -> Self {
        Self {
            is_required: false,
            ..Self::required(name, synonyms)
        }
    }

    /// The same column with numbers in it.
    pub(crate) const fn of_numbers(self) -> Self {
        Self {
            has_numbers: true,
            ..self
        }
    }

    fn is_called(&self, header: &str) -> bool {
        let header = folded(header);
        header == folded(self.name) || self.synonyms.contains(&header.as_str())
    }
}

/// The left, upper, right and lower edge of a box.
pub(crate) const EDGES: [Column; 4] = [
    Column::required("x_min", &["x1", "x0", "left", "bboxxmin"]).of_numbers(),
    Column::required("y_min", &["y1", "y0", "top", "bboxymin"]).of_numbers(),
    Column::required("x_max", &["x2", "right", "bboxxmax"]).of_numbers(),
    Column::required("y_max", &["y2", "bottom", "bboxymax"]).of_numbers(),
];

/// The class of a box.
pub(crate) const CLASS: Column = Column::optional(
    "class_index",
    &[
        "class",
        "classid",
        "classname",
        "label",
        "labelid",
        "labelname",
        "category",
        "categoryid",
    ],
);

/// The size of a box's photo.
pub(crate) const SIZE: [Column; 2] = [
    Column::optional("width", &["imagewidth", "imgwidth"]).of_numbers(),
    Column::optional("height", &["imageheight", "imgheight"]).of_numbers(),
];

/// The columns of Kaggle's tables.
pub(crate) const KAGGLE: [Column; 2] = [
    Column::required("ImageId", &[]),
    Column::required("PredictionString", &[]),
];

/// Letters and digits in lower case.
fn folded(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

/// The header with the columns under their own names.
///
/// # Errors
/// A text if a column is missing, or if several columns may be the same one.
pub(super) fn canonical(header: &StringRecord, columns: &[Column]) -> Result<StringRecord, String> {
    let mut names: Vec<&str> = header.iter().collect();
    let mut missing = Vec::new();
    for column in columns {
        if header.iter().any(|found| found == column.name) {
            continue;
        }
        let candidates: Vec<usize> = (0..header.len())
            .filter(|&i| column.is_called(&header[i]))
            .collect();
        match candidates[..] {
            [place] => names[place] = column.name,
            [] if column.is_required => missing.push(column.name),
            [] => {}
            [..] => {
                let found: Vec<&str> = candidates.iter().map(|&i| &header[i]).collect();
                let found = found.join(", ");
                return Err(format!(
                    "the columns {found} may each be {}: rename the one that is not",
                    column.name
                ));
            }
        }
    }
    if missing.is_empty() {
        return Ok(StringRecord::from(names));
    }
    let found: Vec<&str> = header.iter().collect();
    Err(format!(
        "columns {} are missing; found {}; expected {}",
        missing.join(", "),
        found.join(","),
        accepted(columns)
    ))
}

/// The columns that are read, with their synonyms.
fn accepted(columns: &[Column]) -> String {
    let accepted = |column: &Column| {
        let mut text = column.name.to_owned();
        if !column.synonyms.is_empty() {
            text += &format!(" (or {})", column.synonyms.join(", "));
        }
        if !column.is_required {
            text += " [optional]";
        }
        text
    };
    let texts: Vec<String> = columns.iter().map(accepted).collect();
    texts.join(", ")
}
