//! Tells the program which commit and compiler it was built from; results record both.

use std::process::Command;

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|o| o.status.success());
    output
        .and_then(|o| String::from_utf8(o.stdout).ok())
        .map_or("unknown".into(), |s| s.trim().to_owned())
}

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    println!(
        "cargo::rustc-env=LOCALISE_RUSTC={}",
        output(&rustc, &["--version"])
    );
    println!(
        "cargo::rustc-env=LOCALISE_COMMIT={}",
        output(
            "git",
            &[
                "describe",
                "--always",
                "--dirty",
                "--exclude=*",
                "--abbrev=12"
            ]
        )
    );
    println!("cargo::rerun-if-changed=build.rs");
    for path in [".git/HEAD", ".git/refs/heads"] {
        if std::path::Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}
