//! Class lists: what the scores of a classifier and the labels of a dataset stand for.
//!
//! In: a file, a dataset's own list, or what somebody types. Out: a class, which everywhere else is
//! a number: the place of a score. Left out are trees of classes (WordNet's), and the translation
//! of one list into another: a dataset and a model must have the same list.
//!
//! ```
//! use localise::classes::ClassList;
//!
//! let birds = [("n1", "crane"), ("n2", "house finch, linnet"), ("n3", "goose")];
//! let list = ClassList::new("birds", birds.map(|(key, names)| (key.to_owned(), names.to_owned())))?;
//! // By name, by a part of one class's names, by key, by number.
//! assert_eq!(["linnet", "finch", "n2", "1"].map(|text| list.find(text).ok()), [Some(1); 4]);
//! assert!(list.find("gosse").unwrap_err().contains("did you mean 2 goose (n3)"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashMap;
use std::path::Path;

use crate::assets;

/// Classes in a fixed order, that of a classifier's scores. Each has a key, by which files call it,
/// and a name.
///
/// Keys are unique, names are not: two classes of ImageNet are called "crane".
#[derive(Clone, Debug, Default)]
pub struct ClassList {
    /// The list's name: that of its file in `data/classes`, or of the dataset that brought it.
    pub name: String,
    keys: Vec<String>,
    names: Vec<String>,
    places: HashMap<String, usize>,
}

/// Lists are the same when their keys are, whatever they are called.
impl PartialEq for ClassList {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl ClassList {
    /// The list of ImageNet's thousand classes in the order of their WordNet ids.
    pub const IMAGENET: &str = "imagenet1k";

    /// The list of these keys and names.
    ///
    /// # Errors
    /// A text when a key stands twice.
    pub fn new(
        name: &str,
        classes: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut list = Self {
            name: name.into(),
            ..Self::default()
        };
        for (key, title) in classes {
            if let Some(first) = list.places.insert(key.clone(), list.keys.len()) {
                return Err(format!(
                    "class {} is called {key}, as class {first} is",
                    list.keys.len()
                ));
            }
            list.keys.push(key);
            list.names.push(title);
        }
        Ok(list)
    }

    /// Reads `data/classes/NAME.csv` (`class_index,wnid,name`, sorted by index).
    ///
    /// # Errors
    /// A text naming the file when it is missing or wrong.
    pub fn read(name: &str) -> Result<Self, String> {
        let relative = Path::new("data/classes").join(name).with_added_extension("csv");
        let path = assets::home().join(&relative);
        let help = "help: a class list is a file of data/classes, and is named without .csv";
        let text = assets::text(&relative.to_string_lossy());
        let text = text.map_err(|e| format!("{}: {e}\n{help}", path.display()))?;
        Self::from_text(name, &path, &text)
    }

    /// Reads a list in a file.
    ///
    /// # Errors
    /// As [`ClassList::read`].
    pub fn from_file(name: &str, path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        Self::from_text(name, path, &text.map_err(|e| format!("{}: {e}", path.display()))?)
    }

    fn from_text(name: &str, path: &Path, text: &str) -> Result<Self, String> {
        let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut classes = Vec::new();
        for row in reader.deserialize() {
            let (index, key, title): (usize, String, String) = row.map_err(|e| wrong(&e))?;
            if index != classes.len() {
                return Err(wrong(&format!(
                    "class {index} stands where class {} should",
                    classes.len()
                )));
            }
            classes.push((key, title));
        }
        Self::new(name, classes).map_err(|e| wrong(&e))
    }

    /// The list as such a file.
    ///
    /// # Panics
    /// Never: memory takes all.
    #[must_use]
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer
            .write_record(["class_index", "wnid", "name"])
            .expect("memory takes all");
        for (i, (key, name)) in self.keys.iter().zip(&self.names).enumerate() {
            writer
                .write_record([&i.to_string(), key, name])
                .expect("memory takes all");
        }
        writer.into_inner().expect("memory takes all")
    }

    /// `count` classes that are known by their number alone.
    #[must_use]
    pub fn numbered(count: usize) -> Self {
        let classes = (0..count).map(|i| (i.to_string(), i.to_string()));
        Self::new("numbered", classes).expect("numbers differ")
    }

    /// The class that somebody means by `text`: its number, its key, one of its names ("goose"), or
    /// a part of exactly one class's names. Names are found in capitals and small letters, keys as
    /// they are written.
    ///
    /// # Errors
    /// A text with the classes that come near, where there is no such class or there are several.
    pub fn find(&self, text: &str) -> Result<usize, String> {
        let number = text
            .parse()
            .ok()
            .filter(|&class: &usize| class < self.len());
        if let Some(class) = number.or_else(|| self.class(text)) {
            return Ok(class);
        }
        let wanted = text.to_lowercase();
        let all = || {
            self.names
                .iter()
                .map(|name| name.to_lowercase())
                .enumerate()
        };
        let called = |(_, names): &(usize, String)| names.split(", ").any(|name| name == wanted);
        let mut found: Vec<usize> = all().filter(called).map(|(class, _)| class).collect();
        if found.is_empty() && !wanted.is_empty() {
            found = all()
                .filter(|(_, names)| names.contains(&wanted))
                .map(|(class, _)| class)
                .collect();
        }
        if let [class] = found[..] {
            return Ok(class);
        }
        let listed = |classes: &[usize]| {
            let shown = classes
                .iter()
                .take(5)
                .map(|&class| format!("{class} {} ({})", self.names[class], self.keys[class]));
            shown.collect::<Vec<_>>().join("; ")
        };
        if !found.is_empty() {
            let (count, listed) = (found.len(), listed(&found));
            return Err(format!(
                "{text} may be {count} classes: {listed}\nhelp: name one by its index or in full"
            ));
        }
        let likeness = |names: &str| {
            names
                .split(", ")
                .map(|name| strsim::jaro_winkler(name, &wanted))
                .fold(0.0, f64::max)
        };
        let mut near: Vec<_> = all()
            .map(|(class, names)| (likeness(&names), class))
            .filter(|n| n.0 > 0.75)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let near: Vec<usize> = near.into_iter().map(|(_, class)| class).take(3).collect();
        let near = if near.is_empty() {
            String::new()
        } else {
            format!("did you mean {}? ", listed(&near))
        };
        let list = match self.name == Self::IMAGENET {
            true => "`localise list classes` lists them".into(),
            false => format!("the classes are those of the list {}", self.name),
        };
        let count = self.len();
        Err(format!(
            "no class is called {text}; an index below {count}, a WordNet id or a name is wanted\nhelp: {near}{list}"
        ))
    }

    /// How many classes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How files call a class: its WordNet id in ImageNet, its name or number in other lists.
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

    /// The class of a key.
    #[must_use]
    pub fn class(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_what_people_call_them() {
        let list = ClassList::read(ClassList::IMAGENET).expect("the classes");
        for text in ["goose", "Goose", "99", "n01855672"] {
            assert_eq!(list.find(text), Ok(99), "{text}");
        }
        assert_eq!(list.find("Tinca tinca"), Ok(0), "a second name");
        assert_eq!(list.find("granny smith"), Ok(948));
        let refused = |text: &str| list.find(text).expect_err(text);
        assert!(
            refused("crane").contains("2 classes: 134 crane (n02012849); 517 crane (n03126707)")
        );
        assert!(
            refused("gosse").contains("did you mean 99 goose"),
            "{}",
            refused("gosse")
        );
        assert!(refused("1000").contains("below 1000") && refused("").contains("below 1000"));
    }

    /// Two classes are called "crane" and two "maillot": names are no keys.
    #[test]
    fn keys_tell_cranes_apart() {
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
