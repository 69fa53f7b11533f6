//! The architecture that `CONTRIBUTING.md` describes: which module depends on which, and what a
//! module must not name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules, and the modules and crates of this workspace that each names.
type Dependencies = BTreeMap<String, BTreeSet<String>>;

/// The libraries of this workspace.
const CRATES: [&str; 2] = ["grid_maxflow", "onnx_grad"];

/// A file of `src` without its comments and unit tests.
struct SourceFile {
    /// Its path in the folder `src`.
    path: PathBuf,
    code: String,
}

impl SourceFile {
    /// The folder or file directly in `src` that it belongs to.
    fn module(&self) -> &str {
        let first = self.path.iter().next().unwrap().to_str().unwrap();
        first.trim_end_matches(".rs")
    }
}

/// The files of a folder `src`.
fn source_files(src: &str) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(src)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push(SourceFile {
                    path: path.strip_prefix(src).unwrap().to_owned(),
                    code: without_comments_and_tests(&text),
                });
            }
        }
    }
    files
}

fn without_comments_and_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|l| l.ends_with("mod tests {")) {
            break;
        }
        if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// Whether the code names a crate: `name::`, which is not the end of a longer path or word.
fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    })
}

/// What follows each `crate::` in the code: the first word of a path, or of each path of a list in
/// braces.
fn names_in_crate(code: &str) -> Vec<&str> {
    let first_word = |path: &str| -> usize {
        path.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(path.len())
    };
    let mut names = Vec::new();
    for path in code.split("crate::").skip(1) {
        let Some(list) = path.strip_prefix('{') else {
            names.push(&path[..first_word(path)]);
            continue;
        };
        let mut depth = 0;
        for part in list.split_inclusive(['{', '}', ',']) {
            let part = part.trim_start();
            if depth == 0 && first_word(part) > 0 {
                names.push(&part[..first_word(part)]);
            }
            match part.chars().last() {
                Some('{') => depth += 1,
                Some('}') if depth == 0 => break,
                Some('}') => depth -= 1,
                _ => {}
            }
        }
    }
    names
}

/// What every module of `src` names.
fn found() -> Dependencies {
    let files = source_files("src");
    let mut dependencies = Dependencies::new();
    for file in &files {
        if !["lib", "main"].contains(&file.module()) {
            dependencies.insert(file.module().to_owned(), BTreeSet::new());
        }
    }
    let modules: BTreeSet<String> = dependencies.keys().cloned().collect();
    for file in &files {
        let Some(named) = dependencies.get_mut(file.module()) else {
            continue;
        };
        for name in names_in_crate(&file.code) {
            if modules.contains(name) && name != file.module() {
                named.insert(name.to_owned());
            }
        }
        for name in CRATES {
            if names_crate(&file.code, name) {
                named.insert(name.to_owned());
            }
        }
    }
    dependencies
}

/// The list that `CONTRIBUTING.md` must have: a line for each module, with what it names.
fn list(dependencies: &Dependencies) -> String {
    let mut lines = Vec::new();
    for (module, named) in dependencies {
        let named: Vec<_> = named.iter().map(String::as_str).collect();
        lines.push(format!("{module}: {}", named.join(", ")).trim().to_owned());
    }
    lines.join("\n")
}

/// The words of a text, each separated by one blank, so that line breaks do not matter.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn modules_depend_on_each_other_as_described() {
    assert_eq!(
        names_in_crate("use crate::{a, b::{C, d::E}, f};\nlet x = crate::g::H::i();"),
        ["a", "b", "f", "g"]
    );
    let mut found = found();
    let list = list(&found);
    let document = fs::read_to_string("CONTRIBUTING.md").unwrap();
    assert!(
        words(&document).contains(&words(&format!("```text\n{list}\n```"))),
        "CONTRIBUTING.md must have this block of text:\n{list}"
    );

    // Removing the modules without dependencies, again and again, leaves only cycles.
    for named in found.values_mut() {
        named.retain(|name| !CRATES.contains(&name.as_str()));
    }
    while let Some(module) = found.iter().find(|(_, named)| named.is_empty()) {
        let module = module.0.clone();
        found.remove(&module);
        for named in found.values_mut() {
            named.remove(&module);
        }
    }
    assert!(found.is_empty(), "modules depend on each other: {found:?}");
}

/// A path of `super` that reaches the root of the crate would hide a dependency.
#[test]
fn other_modules_are_named_from_the_root() {
    for file in source_files("src") {
        let in_mod = file.path.ends_with("mod.rs");
        let depth = file.path.iter().count() - usize::from(in_mod);
        assert!(
            !file.code.contains(&"super::".repeat(depth)),
            "{}: write `crate::` in place of `super::`",
            file.path.display()
        );
    }
}

/// Only the command line depends on a terminal, and only `classifier` on ONNX Runtime.
#[test]
fn some_crates_belong_to_one_module() {
    for (module, crates) in [
        (
            "cli",
            &["clap", "indicatif", "signal_hook", "tracing_subscriber"][..],
        ),
        ("classifier", &["ort"]),
    ] {
        for file in source_files("src") {
            for name in crates {
                assert!(
                    file.module() == module || !names_crate(&file.code, name),
                    "{} names {name}, which belongs to {module}",
                    file.path.display()
                );
            }
        }
    }
}

/// The library does not know the options of the command line: no text outside of `cli` names one.
#[test]
fn flags_are_named_by_the_command_line_alone() {
    // The report shows the commands that repeat a run.
    let exceptions = [Path::new("report/page/mod.rs")];
    let sources = ["src", "crates/grid-maxflow/src", "crates/onnx-grad/src"];
    let mut found = Vec::new();
    for file in sources.into_iter().flat_map(source_files) {
        if ["cli", "main"].contains(&file.module()) || exceptions.contains(&&*file.path) {
            continue;
        }
        for line in file.code.lines() {
            let flag = line.match_indices("--").any(|(start, _)| {
                let before = line[..start].chars().next_back();
                let after = line[start + 2..].chars().next();
                before.is_none_or(|c| " \"`(".contains(c))
                    && after.is_some_and(|c| c.is_ascii_lowercase())
            });
            // An option of cargo, in an error of the build.
            let of_cargo = line.contains("--no-default-features");
            if flag && !of_cargo {
                found.push(format!("{}: {}", file.path.display(), line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What to do about an error is a value that the error carries, and not part of its message: then
/// each caller can put it into its own words, and nothing has to search our texts for it.
#[test]
fn the_line_with_help_is_written_in_one_place() {
    let writer = Path::new("cli/help.rs");
    let sources = ["src", "crates/grid-maxflow/src", "crates/onnx-grad/src"];
    for file in sources.into_iter().flat_map(source_files) {
        let found = file.code.lines().find(|line| line.contains("help: "));
        assert!(
            file.path == writer || found.is_none(),
            "{}: {}\nmake the advice a `Remedy` of the error (`Refused::with_advice`); only \
             src/cli/help.rs writes the line that begins with `help:`",
            file.path.display(),
            found.unwrap_or_default().trim()
        );
    }
}
