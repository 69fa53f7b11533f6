//! The commands and links in the documents: commands are parsed, those of a new user's first hour
//! are run, and links lead somewhere.

use std::collections::HashSet;
use std::fs;
use std::iter::once;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::program::{SEVEN, ended, localise};
use crate::support::shell::{assert_parses, calls};

/// The documents that users read.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = ["README.md", "data/README.md", "CONTRIBUTING.md"]
        .map(PathBuf::from)
        .into();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|e| e.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("md") => documents.push(path),
                _ => {}
            }
        }
    }
    documents
}

/// The lines of a document that are in code blocks of this language, or, without one, those outside
/// of code blocks.
fn lines(text: &str, language: Option<&str>) -> Vec<String> {
    let (mut lines, mut inside) = (Vec::new(), None);
    for line in text.lines() {
        match line.trim().strip_prefix("```") {
            Some(_) if inside.is_some() => inside = None,
            Some(info) => inside = Some(info.trim()),
            None if inside == language => lines.push(line.to_owned()),
            None => {}
        }
    }
    lines
}

/// The commands of a document, one on each line.
fn commands(text: &str) -> String {
    lines(text, Some("sh")).join("\n").replace("\\\n", " ")
}

/// Whether a word has to be replaced by the reader: a part of it is in capitals.
fn is_placeholder(word: &str) -> bool {
    let mut parts = word.split(|c: char| !c.is_alphanumeric());
    parts.any(|part| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase()))
}

/// The commands of a new user, in the order of the chapters: every line that has nothing to
/// replace. Seven photos stand for the sample, and `./scripts/sample` for the commands in it.
#[test]
fn the_first_hour_runs() {
    let folder = TempDir::new().unwrap();
    for name in ["crates", "data", "pipelines", "tests"] {
        std::os::unix::fs::symlink(fs::canonicalize(name).unwrap(), folder.path().join(name))
            .unwrap();
    }
    let sample = fs::read_to_string("scripts/sample")
        .unwrap()
        .replace("\"$@\"", "");
    let mut done = HashSet::new();
    for document in [
        "docs/quick-start.md",
        "docs/report.md",
        "docs/run-folder.md",
        "docs/cut.md",
        "docs/gradients.md",
    ] {
        let text = commands(&fs::read_to_string(document).unwrap());
        let text = text.replace("./scripts/sample", &sample);
        let text = text.replace("--dataset sample", &format!("--dataset {SEVEN}"));
        let calls = text
            .lines()
            .flat_map(calls)
            .filter(|words| !words.iter().any(|word| is_placeholder(word)));
        for arguments in calls {
            if done.insert(arguments.clone()) {
                ended(0, localise().current_dir(folder.path()).args(&arguments));
            }
        }
    }
    assert!(done.len() >= 15, "{done:?}");
}

#[test]
fn the_documents_commands_parse() {
    let mut found = 0;
    for document in documents() {
        let text = commands(&fs::read_to_string(&document).unwrap());
        for call in text.lines().flat_map(calls) {
            assert_parses(&call, &document.display().to_string());
            found += 1;
        }
    }
    assert!(found >= 15, "{found}");
}

/// The anchors that GitHub gives to the headings of a document.
fn anchors(text: &str) -> HashSet<String> {
    let mut anchors = HashSet::new();
    for line in lines(text, None)
        .iter()
        .filter(|line| line.starts_with('#'))
    {
        let title = line
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .replace(' ', "-");
        let slug: String = title
            .chars()
            .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect();
        let numbered = (1..).map(|n| format!("{slug}-{n}"));
        let free = once(slug.clone())
            .chain(numbered)
            .find(|slug| !anchors.contains(slug))
            .unwrap();
        anchors.insert(free);
    }
    anchors
}

/// The targets of the links and pictures of a document.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in lines(text, None) {
        // Text between backticks is code.
        let prose: String = line.split('`').step_by(2).collect();
        for (before, after) in [
            ("](", [')', ' ']),
            ("src=\"", ['"', '"']),
            ("href=\"", ['"', '"']),
        ] {
            let ends = prose
                .split(before)
                .skip(1)
                .filter_map(|rest| rest.split(after).next());
            links.extend(ends.map(str::to_owned));
        }
    }
    links
}

#[test]
fn the_documents_links_lead_somewhere() {
    assert!(anchors("# A `b`, c\n# A b c").contains("a-b-c-1"));
    assert_eq!(
        links("[`a`](b.md#c) ![d](e.png \"f\") `[g](h)`"),
        ["b.md#c", "e.png"]
    );
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text)
            .iter()
            .filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        {
            let (file, anchor) = link
                .split_once('#')
                .map_or((link.as_str(), None), |(file, at)| (file, Some(at)));
            let folder = document.parent().unwrap_or(Path::new(""));
            let target = if file.is_empty() {
                document.clone()
            } else {
                folder.join(file)
            };
            assert!(target.exists(), "{}: {link}", document.display());
            if let Some(anchor) = anchor.filter(|_| target.extension().is_some_and(|e| e == "md")) {
                let known = anchors(&fs::read_to_string(&target).unwrap());
                assert!(
                    known.contains(anchor),
                    "{}: {link}: the headings are {known:?}",
                    document.display()
                );
            }
        }
    }
}
