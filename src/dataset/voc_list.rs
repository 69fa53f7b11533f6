//! VOC's lists of photos: `ImageSets/Main/SPLIT.txt`, one name per line.
//!
//! The lists of a class (`cat_test.txt`) have a label after each name: 1, -1 or 0. As in VOC's
//! evaluation, the label does not change which photos the list names. Tools also write the photo's
//! path or extension.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::error::{DatasetError, Faults};
use super::text;
use crate::storage;

/// The lists that are used where none is named, in this order.
const USUAL: [&str; 3] = ["test", "val", "trainval"];

/// The list of the photos, where there are lists: the one called `split`, or a usual one, or else
/// the only one.
pub(super) fn find(root: &Path, split: Option<&str>) -> Result<Option<PathBuf>, DatasetError> {
    let folder = root.join("ImageSets/Main");
    let list = |name: &str| folder.join(format!("{name}.txt"));
    if let Some(name) = split {
        return Ok(Some(list(name)));
    }
    if let Some(usual) = USUAL
        .iter()
        .map(|name| list(name))
        .find(|path| storage::is_file(path))
    {
        return Ok(Some(usual));
    }
    let files = storage::children(&folder).unwrap_or_default();
    let is_list = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "txt");
    let lists: BTreeSet<PathBuf> = files.into_iter().filter(is_list).collect();
    if lists.len() > 1 {
        let names: Vec<_> = lists.iter().filter_map(|path| path.file_stem()).collect();
        let names: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
        let fault = format!("which of the lists is meant: {}?", names.join(", "));
        let advice = "write a description of the dataset that names one as `split`";
        return Err(DatasetError::at(&folder, fault).or_advice(advice));
    }
    Ok(lists.into_iter().next())
}

/// The annotations that a list names, in its order, and notes about the list.
pub(super) fn read(
    list: &Path,
    annotations: &BTreeMap<String, PathBuf>,
) -> Result<(Vec<String>, Vec<String>), DatasetError> {
    let shown = list.display();
    let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
    let (mut repeated, mut negative) = (0, 0);
    let mut faults = Faults::default();
    for (number, line) in text::parse_lines(list, |line| Ok(line.to_owned()))? {
        let Some((name, label)) = name_and_label(&line, annotations) else {
            faults.add(format!(
                "{shown}:{number}: there is no annotation of {line}"
            ));
            continue;
        };
        negative += usize::from(label == Some("-1"));
        if seen.insert(name.clone()) {
            names.push(name);
        } else {
            repeated += 1;
        }
    }
    faults.into_result()?;
    let mut notes = Vec::new();
    if repeated > 0 {
        notes.push(format!(
            "{shown}: {repeated} names occur a second time, and count once"
        ));
    }
    if negative > 0 {
        notes.push(format!(
            "{shown}: {negative} of {} photos have the label -1; labels are not used, and all \
             photos of the list are read",
            names.len()
        ));
    }
    Ok((names, notes))
}

/// The annotation that a line means, and its label if it has one. A name may contain blanks.
fn name_and_label<'a>(
    line: &'a str,
    annotations: &BTreeMap<String, PathBuf>,
) -> Option<(String, Option<&'a str>)> {
    if let Some(name) = annotation_of(line, annotations) {
        return Some((name, None));
    }
    let (name, label) = line.rsplit_once(char::is_whitespace)?;
    let is_label = ["1", "+1", "0", "-1"].contains(&label);
    let name = annotation_of(name.trim_end(), annotations).filter(|_| is_label)?;
    Some((name, Some(label)))
}

/// The annotation of the photo or annotation with this name or path.
fn annotation_of(text: &str, annotations: &BTreeMap<String, PathBuf>) -> Option<String> {
    let text = text.replace('\\', "/");
    let without_extension = text.rsplit_once('.').map_or("", |(stem, _)| stem);
    for path in [&text[..], without_extension] {
        let mut rest = Some(path);
        while let Some(name) = rest {
            if annotations.contains_key(name) {
                return Some(name.to_owned());
            }
            rest = name.split_once('/').map(|(_, below)| below);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotations() -> BTreeMap<String, PathBuf> {
        let names = ["a", "b", "cat 1", "v1.2", "t/c"];
        names.map(|name| (name.to_owned(), PathBuf::new())).into()
    }

    fn read_bytes(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), DatasetError> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("a file");
        read(file.path(), &annotations())
    }

    #[test]
    fn odd_lists_are_read() {
        let wide: Vec<u8> = "\u{feff}a\r\nb\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (bytes, expected) in [
            (&b"a\r\n\r\n b \r\n"[..], &["a", "b"][..]),
            (b"\xEF\xBB\xBFb\na", &["b", "a"]),
            (&wide, &["a", "b"]),
            (b"a 1\nb  0\ncat 1\n", &["a", "b", "cat 1"]),
            (b"cat 1 1\nv1.2\t1\n", &["cat 1", "v1.2"]),
            (b"a.jpg\nb.xml\nv1.2.png\n", &["a", "b", "v1.2"]),
            (
                b"JPEGImages/a.jpg\nC:\\data\\b.jpg\n./t/c\n",
                &["a", "b", "t/c"],
            ),
        ] {
            let (names, notes) = read_bytes(bytes).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(names, expected);
            assert_eq!(notes, [""; 0]);
        }
        let (names, notes) = read_bytes(b"a  1\nb -1\na  1\n").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(names, ["a", "b"]);
        assert!(
            notes[0].ends_with("1 names occur a second time, and count once"),
            "{notes:?}"
        );
        assert!(
            notes[1].contains("1 of 2 photos have the label -1"),
            "{notes:?}"
        );
    }

    #[test]
    fn faults_name_their_line() {
        let error = read_bytes(b"a\nd\n\na 2\nb 1 1\n")
            .expect_err("no such names")
            .to_string();
        for expected in [
            ":2: there is no annotation of d",
            ":4: there is no annotation of a 2",
            ":5: ",
        ] {
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_list_is_the_named_one_or_the_only_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let main = folder.path().join("ImageSets/Main");
        let found = |split| {
            let path = find(folder.path(), split)?;
            Ok(path.map(|path| path.file_name().expect("a name").to_owned()))
        };
        let none = found(None).unwrap_or_else(|e: DatasetError| panic!("{e}"));
        assert_eq!(none, None);
        std::fs::create_dir_all(&main).expect("a folder");
        for (added, expected) in [
            ("default", "default.txt"),
            ("val", "val.txt"),
            ("test", "test.txt"),
        ] {
            std::fs::write(main.join(format!("{added}.txt")), "").expect("a file");
            let list = found(None).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(list, Some(expected.into()));
        }
        let named = found(Some("cat_test")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(named, Some("cat_test.txt".into()));

        for (from, to) in [("val", "mine"), ("test", "theirs")] {
            let [from, to] = [from, to].map(|name| main.join(format!("{name}.txt")));
            std::fs::rename(from, to).expect("a file");
        }
        let error = found(None).expect_err("three lists").to_string();
        assert!(
            error.contains("which of the lists is meant: default, mine, theirs?"),
            "{error}"
        );
    }
}
