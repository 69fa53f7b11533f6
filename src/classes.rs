//! Class lists: what the scores of a classifier and the labels of a dataset stand for.
//!
//! A list comes from a file or from a dataset. It turns keys, and what a user types, into classes.
//! Everywhere else a class is a number, which is the index of its score. Hierarchies of classes
//! (WordNet's) and translations between lists are not covered: a dataset and a model must have the
//! same list.
//!
//! ```
//! use localise::classes::ClassList;
//! use localise::remedy::Remedy;
//!
//! let birds = [("n1", "crane"), ("n2", "house finch, linnet"), ("n3", "goose")];
//! let list = ClassList::new("birds", birds.map(|(key, names)| (key.to_owned(), names.to_owned())))?;
//! // By name, by a part of one class's names, by key, by number.
//! assert_eq!(["linnet", "finch", "n2", "1"].map(|text| list.find(text).ok()), [Some(1); 4]);
//! let advice = "did you mean 2 goose (n3)? the classes are those of the list birds".to_owned();
//! assert_eq!(list.find("gosse").unwrap_err().remedy, Some(Remedy::Advice(advice)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashMap;
use std::path::Path;

use crate::assets;
use crate::remedy::Refused;

/// Classes in a fixed order, which is that of a classifier's scores. Each has a key, which files
/// use, and names.
///
/// Keys are unique, names are not: two classes of ImageNet are called "crane".
#[derive(Clone, Debug, Default)]
pub struct ClassList {
    /// The list's name: that of its file, or of the dataset that it belongs to.
    pub name: String,
    keys: Vec<String>,
    /// The names of each class, separated by ", ".
    names: Vec<String>,
    class_by_key: HashMap<String, usize>,
}

/// Lists are equal if their keys are, whatever the lists and the classes are called.
impl PartialEq for ClassList {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl ClassList {
    /// The name of the list of ImageNet's thousand classes, in the order of their WordNet ids.
    pub const IMAGENET: &str = "imagenet1k";

    /// The list of these keys and names.
    ///
    /// # Errors
    /// A text when two classes have the same key.
    pub fn new(
        name: &str,
        classes: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut list = Self {
            name: name.into(),
            ..Self::default()
        };
        for (key, names) in classes {
            let class = list.keys.len();
            if let Some(first) = list.class_by_key.insert(key.clone(), class) {
                return Err(format!(
                    "class {class} has the key {key}, and so has class {first}"
                ));
            }
            list.keys.push(key);
            list.names.push(names);
        }
        Ok(list)
    }

    /// Reads the list that `given` names in a description: a file in one of these folders, whose
    /// extension `.csv` may be left out, or else `data/classes/GIVEN.csv`.
    ///
    /// # Errors
    /// [`Refused`], which names the file or the places, when the list is missing or invalid.
    pub fn named(given: &str, folders: &[&Path]) -> Result<Self, Refused> {
        for folder in folders {
            let written = folder.join(given);
            for path in [&written, &written.with_added_extension("csv")] {
                if path.is_file() {
                    let name = path.file_stem().unwrap_or_default().to_string_lossy();
                    return Ok(Self::from_file(&name, path)?);
                }
            }
        }
        let name = given.strip_suffix(".csv").unwrap_or(given);
        if Self::is_known(name) {
            return Self::read(name);
        }
        let folders = folders
            .iter()
            .map(|folder| folder.join(given).display().to_string());
        let places: Vec<_> = folders
            .chain([format!("data/classes/{name}.csv")])
            .collect();
        Err(Refused::with_advice(
            format!(
                "class list {given} not found; looked for {}",
                places.join(", ")
            ),
            "a class list is a table class_index,wnid,name, or a text file with one name per line",
        ))
    }

    /// Whether there is a list `data/classes/NAME.csv`.
    fn is_known(name: &str) -> bool {
        let is_name = !name.contains(['/', '\\']);
        is_name && assets::text(&format!("data/classes/{name}.csv")).is_ok()
    }

    /// Reads `data/classes/NAME.csv` (`class_index,wnid,name`, sorted by index).
    ///
    /// # Errors
    /// [`Refused`], which names the file, when it is missing or invalid.
    pub fn read(name: &str) -> Result<Self, Refused> {
        let relative = Path::new("data/classes")
            .join(name)
            .with_added_extension("csv");
        let path = assets::home().join(&relative);
        let text = assets::text(&relative.to_string_lossy()).map_err(|e| {
            let advice = "a class list is a file of data/classes, and is named without .csv";
            Refused::with_advice(e, advice).context(path.display())
        })?;
        Ok(Self::from_text(name, &path, &text)?)
    }

    /// Reads a list from any file: a table in the format of `data/classes`, a table of one column
    /// of names, or, where the file is not called `.csv`, one name per line. A name alone is also
    /// the class's key.
    ///
    /// # Errors
    /// A text that names the file, when it cannot be read or is invalid.
    pub fn from_file(name: &str, path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|e| format!("{}: {e}", path.display()))?;
        Self::from_text(name, path, &text)
    }

    fn from_text(name: &str, path: &Path, text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}');
        let is_table = path.extension().is_some_and(|extension| extension == "csv");
        let classes = if is_table {
            classes_of_table(text)
        } else {
            classes_of_lines(text)
        };
        let list = classes.and_then(|classes| Self::new(name, classes));
        list.map_err(|e| format!("{}: {e}", path.display()))
    }

    /// The list as a file in the format of `data/classes`.
    ///
    /// # Panics
    /// Never: writing to a `Vec` cannot fail.
    #[must_use]
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer
            .write_record(["class_index", "wnid", "name"])
            .expect("writing to a Vec cannot fail");
        for (i, (key, name)) in self.keys.iter().zip(&self.names).enumerate() {
            writer
                .write_record([&i.to_string(), key, name])
                .expect("writing to a Vec cannot fail");
        }
        writer.into_inner().expect("writing to a Vec cannot fail")
    }

    /// `count` classes whose keys and names are their numbers.
    #[must_use]
    pub fn numbered(count: usize) -> Self {
        let classes = (0..count).map(|i| (i.to_string(), i.to_string()));
        Self::new("numbered", classes).expect("numbers differ")
    }

    /// The class that a user means by `text`: its index, its key, one of its names ("goose"), or a
    /// part of exactly one class's names. Names are compared without regard to case, keys with.
    ///
    /// # Errors
    /// [`Refused`] with the candidates, if there is no such class or if there are several.
    pub fn find(&self, text: &str) -> Result<usize, Refused> {
        let index = text.parse().ok().filter(|class| *class < self.len());
        if let Some(class) = index.or_else(|| self.class(text)) {
            return Ok(class);
        }
        let name = text.to_lowercase();
        let is_called = |names: &str| names.split(", ").any(|found| found == name);
        let mut found = self.classes_whose_names(is_called);
        if found.is_empty() && !name.is_empty() {
            found = self.classes_whose_names(|names| names.contains(&name));
        }
        match found[..] {
            [class] => Ok(class),
            [] => Err(self.no_class(text)),
            [..] => {
                let (count, listed) = (found.len(), self.describe(&found));
                let message = format!("{text} may be {count} classes: {listed}");
                Err(Refused::with_advice(
                    message,
                    "name one by its index or in full",
                ))
            }
        }
    }

    /// The one class that has this name among its names, without regard to case.
    #[must_use]
    pub fn class_with_name(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        let is_called = |names: &str| names.split(", ").any(|found| found == name);
        match self.classes_whose_names(is_called)[..] {
            [class] => Some(class),
            _ => None,
        }
    }

    /// The classes whose names, in lower case, fulfil a condition.
    fn classes_whose_names(&self, condition: impl Fn(&str) -> bool) -> Vec<usize> {
        let fulfils = |class: &usize| condition(&self.names[*class].to_lowercase());
        (0..self.len()).filter(fulfils).collect()
    }

    /// The first few of some classes: index, names and key.
    fn describe(&self, classes: &[usize]) -> String {
        let describe = |&class: &usize| {
            let (names, key) = (&self.names[class], &self.keys[class]);
            format!("{class} {names} ({key})")
        };
        let described: Vec<_> = classes.iter().take(5).map(describe).collect();
        described.join("; ")
    }

    /// The error for a name that no class has, with the most similar names.
    fn no_class(&self, text: &str) -> Refused {
        let near = self.most_similar(&text.to_lowercase());
        let suggestion = if near.is_empty() {
            String::new()
        } else {
            format!("did you mean {}? ", self.describe(&near))
        };
        let list = if self.name == Self::IMAGENET {
            "`localise list classes` lists them".to_owned()
        } else {
            format!("the classes are those of the list {}", self.name)
        };
        let count = self.len();
        let message = format!(
            "no class is called {text}; expected an index below {count}, a WordNet id or a name"
        );
        Refused::with_advice(message, format!("{suggestion}{list}"))
    }

    /// Up to three classes whose names are similar to `name`, the most similar first. `name` is in
    /// lower case.
    fn most_similar(&self, name: &str) -> Vec<usize> {
        let similarity = |names: &str| {
            names
                .split(", ")
                .map(|other| strsim::jaro_winkler(other, name))
                .fold(0.0, f64::max)
        };
        let names = self.names.iter().map(|names| names.to_lowercase());
        let mut near: Vec<_> = names
            .enumerate()
            .map(|(class, names)| (similarity(&names), class))
            .filter(|(similarity, _)| *similarity > 0.75)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        near.into_iter().map(|(_, class)| class).take(3).collect()
    }

    /// The list without one of its classes; `None` when there is no such class.
    #[must_use]
    pub fn without(&self, class: usize) -> Option<Self> {
        let classes = self.keys.iter().zip(&self.names).enumerate();
        let others = classes
            .filter(|(i, _)| *i != class)
            .map(|(_, (key, names))| (key.clone(), names.clone()));
        let list = Self::new(&self.name, others).ok()?;
        (class < self.len()).then_some(list)
    }

    /// The number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the other list has the same classes in the same order, whatever they are called.
    #[must_use]
    pub fn has_same_keys(&self, other: &Self) -> bool {
        self.keys == other.keys
    }

    /// The key of a class, which files use: its WordNet id in ImageNet, its name or number in other
    /// lists.
    ///
    /// # Panics
    /// When there is no such class.
    #[must_use]
    pub fn key(&self, class: usize) -> &str {
        &self.keys[class]
    }

    /// The first of a class's names.
    ///
    /// # Panics
    /// When there is no such class.
    #[must_use]
    pub fn title(&self, class: usize) -> &str {
        self.names[class].split(',').next().unwrap_or_default()
    }

    /// The class with this key.
    #[must_use]
    pub fn class(&self, key: &str) -> Option<usize> {
        self.class_by_key.get(key).copied()
    }
}

/// Keys and names of a table of the columns `class_index,wnid,name`, sorted by index, or of one
/// column of names.
fn classes_of_table(text: &str) -> Result<Vec<(String, String)>, String> {
    /// What a column of names may be called. Any other first cell of it is a name.
    const HEADERS: [&str; 6] = ["class", "classes", "label", "labels", "name", "names"];
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut classes = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|e| e.to_string())?;
        match record.iter().collect::<Vec<_>>()[..] {
            [name] if row == 0 && HEADERS.contains(&name.to_lowercase().as_str()) => {}
            [name] => classes.push((name.to_owned(), name.to_owned())),
            [_, _, _] if row == 0 => {}
            [index, key, names] => {
                let expected = classes.len();
                if index.parse::<usize>() != Ok(expected) {
                    return Err(format!(
                        "class {index} is out of order; expected class {expected}"
                    ));
                }
                classes.push((key.to_owned(), names.to_owned()));
            }
            _ => {
                let columns = record.len();
                return Err(format!(
                    "it has {columns} columns; expected class_index,wnid,name, or a column of names"
                ));
            }
        }
    }
    Ok(classes)
}

/// Keys and names of a list of names, one per line. Blank lines may only follow the last name:
/// elsewhere, they could stand for a class.
fn classes_of_lines(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut classes = Vec::new();
    for (line, number) in text.trim_end().lines().zip(1..) {
        let name = line.trim();
        if name.is_empty() {
            return Err(format!("line {number} is blank"));
        }
        classes.push((name.to_owned(), name.to_owned()));
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::Remedy;

    #[test]
    fn classes_are_found_by_index_key_and_name() {
        let list = ClassList::read(ClassList::IMAGENET).expect("the classes");
        for text in ["goose", "Goose", "99", "n01855672"] {
            assert_eq!(list.find(text), Ok(99), "{text}");
        }
        assert_eq!(list.find("Tinca tinca"), Ok(0), "a second name");
        assert_eq!(list.find("granny smith"), Ok(948));
        let refused = |text: &str| list.find(text).expect_err(text).to_string();
        assert!(
            refused("crane").contains("2 classes: 134 crane (n02012849); 517 crane (n03126707)")
        );
        let remedy = list.find("gosse").expect_err("no class").remedy;
        assert!(
            matches!(&remedy, Some(Remedy::Advice(advice)) if advice.contains("did you mean 99 goose")),
            "{remedy:?}"
        );
        assert!(refused("1000").contains("below 1000") && refused("").contains("below 1000"));
    }

    /// The forms in which tools write a list, beside a description or elsewhere.
    #[test]
    fn lists_beside_a_description_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let [near, far] = ["near", "far"].map(|name| folder.path().join(name));
        let write = |parent: &Path, name: &str, text: &str| {
            let path = parent.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write(
            &near,
            "own.csv",
            "class_index,wnid,name\n0,n1,\"cat, puss\"\n1,n2,dog\n",
        );
        write(&near, "names.csv", "\u{feff}name\r\ncat\r\nhot dog\r\n");
        write(&near, "bare.csv", "cat\ndog\n");
        write(&near, "lists/classes.txt", "\u{feff}cat\r\nhot dog\r\n\r\n");
        write(&near, "obj.names", "name\ncat");
        write(&near, "voc.csv", "name\nboat\n");
        write(&far, "own.csv", "name\nfar\n");
        write(&far, "only.csv", "name\nfar\n");
        for (given, name, keys) in [
            ("own", "own", &["n1", "n2"][..]),
            ("own.csv", "own", &["n1", "n2"]),
            ("./own.csv", "own", &["n1", "n2"]),
            ("names", "names", &["cat", "hot dog"]),
            ("bare", "bare", &["cat", "dog"]),
            ("lists/classes.txt", "classes", &["cat", "hot dog"]),
            ("obj.names", "obj", &["name", "cat"]),
            ("voc", "voc", &["boat"]),
            ("only", "only", &["far"]),
            ("../far/own.csv", "own", &["far"]),
        ] {
            let list = ClassList::named(given, &[&near, &far]).expect(given);
            let found: Vec<_> = (0..list.len()).map(|class| list.key(class)).collect();
            assert_eq!((&list.name[..], &found[..]), (name, keys), "{given}");
        }
        let shipped = ClassList::named("imagenet1k", &[&near, &far]).expect("the classes");
        assert_eq!(shipped.len(), 1000);

        write(&near, "gap.txt", "cat\n\ndog\n");
        write(&near, "twice.txt", "cat\ncat\n");
        write(&near, "pairs.csv", "0,cat\n1,dog\n");
        write(&near, "order.csv", "class_index,wnid,name\n1,n1,cat\n");
        write(&near, "headless.csv", "0,n0,cat\n1,n1,dog\n");
        for (given, expected) in [
            ("gap.txt", "gap.txt: line 2 is blank"),
            ("twice.txt", "class 1 has the key cat, and so has class 0"),
            ("pairs", "it has 2 columns; expected class_index,wnid,name"),
            ("order", "class 1 is out of order; expected class 0"),
            ("headless", "class 1 is out of order; expected class 0"),
            ("gone", "near/gone, "),
            (
                "lists/gone.csv",
                "class list lists/gone.csv not found; looked for ",
            ),
        ] {
            let error = ClassList::named(given, &[&near, &far])
                .expect_err(given)
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    /// Two classes are called "crane" and two "maillot", so that names are not unique.
    #[test]
    fn classes_with_the_same_name_have_different_keys() {
        let list = ClassList::read(ClassList::IMAGENET).expect("the classes");
        assert_eq!((list.title(134), list.title(517)), ("crane", "crane"));
        assert_eq!(
            (list.class(list.key(134)), list.class(list.key(517))),
            (Some(134), Some(517))
        );
        assert_eq!((list.title(638), list.title(639)), ("maillot", "maillot"));
        assert_eq!(
            (list.class("n01440764"), list.class("crane")),
            (Some(0), None)
        );
        let file = tempfile::Builder::new()
            .suffix(".csv")
            .tempfile()
            .expect("a file");
        std::fs::write(file.path(), list.to_csv()).expect("a file");
        assert_eq!(ClassList::from_file("again", file.path()), Ok(list));
        assert!(
            ClassList::new(
                "twice",
                [("a".into(), "x".into()), ("a".into(), "y".into())]
            )
            .is_err()
        );
    }
}
