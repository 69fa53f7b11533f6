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
use std::fmt::Display;
use std::path::Path;

use crate::assets;
use crate::remedy::Refused;

/// Classes in a fixed order, which is that of a classifier's scores. Each has a key, which files
/// use, and names.
///
/// Keys are unique, names are not: two classes of ImageNet are called "crane".
#[derive(Clone, Debug, Default)]
pub struct ClassList {
    /// The list's name: that of its file in `data/classes`, or of the dataset that it belongs to.
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

    /// Reads a list from any file in the format of `data/classes`.
    ///
    /// # Errors
    /// A text that names the file, when it cannot be read or is invalid.
    pub fn from_file(name: &str, path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|e| format!("{}: {e}", path.display()))?;
        Self::from_text(name, path, &text)
    }

    fn from_text(name: &str, path: &Path, text: &str) -> Result<Self, String> {
        let failed = |e: &dyn Display| format!("{}: {e}", path.display());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut classes = Vec::new();
        for row in reader.deserialize() {
            let (index, key, names): (usize, String, String) = row.map_err(|e| failed(&e))?;
            let expected = classes.len();
            if index != expected {
                let fault = format!("class {index} is out of order; expected class {expected}");
                return Err(failed(&fault));
            }
            classes.push((key, names));
        }
        Self::new(name, classes).map_err(|e| failed(&e))
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
        let file = tempfile::NamedTempFile::new().expect("a file");
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
