//! The book of docs/.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::program::lossy;
use crate::support::skip;

/// mdBook makes it without a word of warning, with every chapter that SUMMARY.md names.
#[test]
fn the_book_is_made_without_warnings() {
    let mdbook = Path::new(".test-tools/bin/mdbook");
    if !mdbook.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "mdBook is missing: scripts/fetch-test-tools"
        );
        skip("mdBook is not here: scripts/fetch-test-tools");
        return;
    }
    let folder = TempDir::new().unwrap();
    let output = Command::new(mdbook)
        .args(["build", "docs", "-d"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = lossy(&[output.stdout, output.stderr].concat());
    assert!(
        output.status.success() && !said.contains("WARN") && !said.contains("ERROR"),
        "{said}"
    );
    let summary = std::fs::read_to_string("docs/SUMMARY.md").unwrap();
    let chapters: Vec<_> = summary
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(".md)").next())
        .collect();
    assert!(chapters.len() >= 10, "{chapters:?}");
    for chapter in chapters {
        assert!(
            folder.path().join(chapter).with_extension("html").exists(),
            "{chapter}"
        );
    }
}
