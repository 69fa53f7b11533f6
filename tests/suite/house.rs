//! The house as `CONTRIBUTING.md` draws it: which room uses which, and how long files and functions
//! are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms, and those that each uses.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The files of a folder and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The files of `src` without their unit tests and comments; what is generated is left out.
fn source() -> Vec<(PathBuf, String)> {
    let written = files(Path::new("src"))
        .into_iter()
        .filter(|path| !path.ends_with("onnx/proto.rs"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let code = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap()
            .lines();
        (
            path,
            code.map(|line| line.split("//").next().unwrap().to_owned() + "\n")
                .collect(),
        )
    };
    written
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(read)
        .collect()
}

/// The list in `CONTRIBUTING.md`: a room a line, and behind a colon those that it may use.
fn drawn() -> Arrows {
    let text = fs::read_to_string("CONTRIBUTING.md").unwrap();
    let list = text
        .split("```arrows\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a list of arrows");
    let room = |line: &str| {
        let (room, uses) = line.split_once(':').unwrap_or_else(|| panic!("{line}"));
        (
            room.to_owned(),
            uses.split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
        )
    };
    list.lines().map(room).collect()
}

/// The rooms that a text names: `crate::room` and `crate::{room, room::Item, ...}`.
fn named(text: &str) -> Vec<&str> {
    let word = |text: &str| {
        text.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let mut rooms = Vec::new();
    for path in text.split("crate::").skip(1) {
        let Some(list) = path.strip_prefix('{') else {
            rooms.push(&path[..word(path)]);
            continue;
        };
        let mut depth = 0;
        for part in list.split_inclusive(['{', '}', ',']) {
            let part = part.trim_start();
            if depth == 0 && word(part) > 0 {
                rooms.push(&part[..word(part)]);
            }
            match part.chars().last() {
                Some('{') => depth += 1,
                Some('}') if depth == 0 => break,
                Some('}') => depth -= 1,
                _ => {}
            }
        }
    }
    rooms
}

#[test]
fn arrows_are_as_drawn_and_go_one_way() {
    assert_eq!(
        named("use crate::{a, b::{C, d::E}, f};\nlet x = crate::g::H::i();"),
        ["a", "b", "f", "g"]
    );
    let drawn = drawn();
    let mut found = Arrows::new();
    for (path, text) in source() {
        let inner: Vec<_> = path
            .strip_prefix("src")
            .unwrap()
            .iter()
            .map(|part| part.to_str().unwrap())
            .collect();
        let room = inner[0].trim_end_matches(".rs");
        if ["lib", "main"].contains(&room) {
            continue;
        }
        // How deep the module lies: so many steps up are the crate.
        let depth = inner.len() - usize::from(path.ends_with("mod.rs"));
        assert!(
            !text.contains(&"super::".repeat(depth)),
            "{}: a room is named from `crate`",
            path.display()
        );
        let uses = found.entry(room.to_owned()).or_default();
        uses.extend(
            named(&text)
                .into_iter()
                .filter(|name| *name != room)
                .map(str::to_owned),
        );
    }
    let rooms = |arrows: &Arrows| arrows.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(
        rooms(&found),
        rooms(&drawn),
        "the rooms of src/, and those of CONTRIBUTING.md"
    );
    for (room, uses) in &found {
        assert_eq!(
            uses, &drawn[room],
            "what {room} uses, and what CONTRIBUTING.md says"
        );
    }
    // Take away the rooms that use none, again and again: of a circle all would be left.
    let mut left = drawn;
    while let Some(free) = left
        .iter()
        .find(|(_, uses)| uses.is_empty())
        .map(|(room, _)| room.clone())
    {
        left.remove(&free);
        for uses in left.values_mut() {
            uses.remove(&free);
        }
    }
    assert!(left.is_empty(), "arrows go in a circle: {left:?}");
}

/// Functions and how many lines each takes, as rustfmt writes them.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let inner = line.trim_start();
        let begins = inner.starts_with("fn ") || inner.starts_with("pub") && inner.contains(" fn ");
        let body = lines[start..]
            .iter()
            .position(|line| line.trim_end().ends_with(['{', '}', ';']));
        let Some(body) =
            body.filter(|&body| begins && lines[start + body].trim_end().ends_with('{'))
        else {
            continue;
        };
        let end = format!("{}}}", &line[..line.len() - inner.len()]);
        let length = lines[start..]
            .iter()
            .position(|line| *line == end)
            .unwrap_or(body)
            + 1;
        let name = inner
            .split("fn ")
            .nth(1)
            .and_then(|rest| rest.split(['(', '<']).next())
            .unwrap_or(inner);
        functions.push((name.to_owned(), length));
    }
    functions
}

#[test]
fn files_and_functions_are_short() {
    let text =
        "impl A {\n    fn a(\n        b: u8,\n    ) -> u8 {\n        b\n    }\n\n    fn c();\n}\n";
    assert_eq!(functions(text), [("a".to_owned(), 5)]);
    let mut long = Vec::new();
    for (path, text) in source() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        if lines > 400 {
            long.push(format!(
                "{}: {lines} lines, 400 are the most",
                path.display()
            ));
        }
        for (name, length) in functions(&text)
            .into_iter()
            .filter(|(_, length)| *length > 70)
        {
            long.push(format!(
                "{}: {name}: {length} lines, 70 are the most",
                path.display()
            ));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}
