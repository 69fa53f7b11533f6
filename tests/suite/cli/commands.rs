//! The command line: help, examples, completions, manual pages, lists and errors.

use std::fs;
use std::iter::once;
use std::path::Path;

use clap::Command;
use localise::cli::command;
use localise::score::METRICS;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{SEVEN, expect, json, run};
use crate::support::shell::{assert_parses, calls};

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// The program and its subcommands.
fn all() -> Vec<Command> {
    let program = command();
    let subcommands: Vec<Command> = program.get_subcommands().cloned().collect();
    once(program).chain(subcommands).collect()
}

/// The examples of a command in its help: what to type, and after two blanks what it is for.
fn examples(of: &Command) -> Vec<String> {
    let text = of
        .get_after_help()
        .map_or(String::new(), ToString::to_string);
    let lines = text.strip_prefix("Examples:\n").unwrap_or_default().lines();
    lines
        .map(|line| {
            line.trim()
                .split("  ")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[test]
fn every_subcommand_has_examples_that_parse() {
    for command in all() {
        let (name, examples) = (command.get_name(), examples(&command));
        assert!(
            examples.len() >= 2,
            "{name} has {} examples",
            examples.len()
        );
        for example in &examples {
            let calls = calls(example);
            assert_eq!(calls.len(), 1, "{name}: {example}");
            assert_parses(&calls[0], name);
        }
    }
    // The short help and the long one have them, and the options of every subcommand have a heading
    // of their own.
    for help in [expect(0, &["run", "-h"]).0, expect(0, &["help", "run"]).0] {
        for part in [
            "Examples:\n  localise run --dataset sample",
            "Output:",
            "Options of every subcommand:",
        ] {
            assert!(help.contains(part), "{part}: {help}");
        }
    }
}

#[test]
fn completions_have_every_subcommand() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (script, _) = expect(0, &["completions", shell]);
        for subcommand in command().get_subcommands() {
            let name = subcommand.get_name();
            assert!(script.contains(name), "{shell}: {name}");
        }
        assert!(script.contains("data-dir"), "{shell}");
    }
}

#[test]
fn every_subcommand_has_a_manual_page_with_its_examples() {
    let folder = TempDir::new().unwrap();
    let (written, _) = expect(0, &["man", folder.path().to_str().unwrap()]);
    for command in all() {
        let name = match command.get_name() {
            "localise" => "localise.1".to_owned(),
            subcommand => format!("localise-{subcommand}.1"),
        };
        let page = fs::read_to_string(folder.path().join(&name))
            .unwrap()
            .replace("\\-", "-");
        assert!(
            written.contains(&name) && page.contains(".TH localise"),
            "{name}: {page}"
        );
        for example in examples(&command) {
            assert!(page.contains(&example), "{name}: {example}");
        }
    }
    let page = fs::read_to_string(folder.path().join("localise.1")).unwrap();
    for part in [
        "EXIT STATUS",
        "LOCALISE_HOME",
        "LOCALISE_DATA",
        "ORT_DYLIB_PATH",
        "NO_COLOR",
        "FILES",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn every_list_is_json_too() {
    let program = command();
    let list = program.find_subcommand("list").unwrap();
    let kinds = list.get_positionals().next().unwrap().get_possible_values();
    assert!(kinds.len() >= 9);
    for kind in kinds.iter().map(clap::builder::PossibleValue::get_name) {
        let found: Value = serde_json::from_str(&expect(0, &["list", kind, "--json"]).0).unwrap();
        let (text, _) = expect(0, &["list", kind]);
        assert_eq!(found["schema"], 1, "{kind}");
        let rows = found[kind].as_array().unwrap();
        assert!(!rows.is_empty(), "{kind}");
        for cell in rows
            .iter()
            .flat_map(|row| row.as_object().unwrap().values())
        {
            let cell = cell
                .as_str()
                .map_or_else(|| cell.to_string(), str::to_owned);
            assert!(text.contains(&cell), "{kind}: {cell}");
        }
    }
}

/// The metrics of a summary are those that `list metrics` lists, at the places that it names.
#[test]
fn the_list_of_metrics_is_that_of_the_summaries() {
    let folder = TempDir::new().unwrap();
    let out = path(&folder, "out");
    run(
        Path::new(&out),
        &["--pipeline", "single-warp", "--write-maps"],
    );
    let maps = format!("{out}/maps");
    let family = |line: &str| line.split("  ").next().unwrap_or_default().to_owned();
    let cases: [(&str, &[&str]); 2] = [
        (&out, &["boxes"]),
        (&maps, &["wsoleval", "pointing", "ebpg"]),
    ];
    for (what, blocks) in cases {
        let arguments = ["score", what, "--dataset", SEVEN];
        let text = expect(0, &arguments).0;
        let found: Value =
            serde_json::from_str(&expect(0, &[&arguments[..], &["--json"]].concat()).0).unwrap();
        for line in text
            .lines()
            .filter(|line| line.starts_with(' ') && line.contains(" = "))
        {
            // A profile of eight letters and a blank before the name; floors and parts of a number
            // are indented.
            let name = line.get(10..).unwrap_or_default();
            let known = name.starts_with(' ')
                || METRICS
                    .iter()
                    .any(|metric| family(metric.line) == family(name));
            assert!(known, "{line}");
        }
        // The sample has no masks.
        for metric in METRICS
            .iter()
            .filter(|metric| blocks.contains(&metric.profile) && metric.name != "pxap")
        {
            let value = metric.key.split('.').fold(&found, |value, key| &value[key]);
            assert!(value["value"].is_number(), "{}: {found}", metric.key);
            assert!(text.contains(metric.line), "{}:\n{text}", metric.line);
        }
    }
}

#[test]
fn scripts_get_json() {
    let folder = TempDir::new().unwrap();
    let printed =
        |arguments: &[&str]| -> Value { serde_json::from_str(&expect(0, arguments).0).unwrap() };
    let out = path(&folder, "out");
    let ran = [
        "run",
        "-q",
        "--dataset",
        SEVEN,
        "--pipeline",
        "whole-image",
        "--out",
        &out,
    ];
    let mut summary = printed(&[&ran[..], &["--json"]].concat());
    assert_eq!(
        summary.as_object_mut().unwrap().remove("out"),
        Some(out.as_str().into())
    );
    assert_eq!(summary, json(&Path::new(&out).join("summary.json")));
    let shards = path(&folder, "shards");
    let shards = shards.as_str();
    for shard in ["0/2", "1/2"] {
        let done = printed(&[&ran[..7], &[shards, "--shard", shard, "--json"]].concat());
        assert_eq!(
            (&done["schema"], &done["shard"], &done["failed"]),
            (&1.into(), &shard.into(), &0.into())
        );
    }
    let merged = printed(&["merge", shards, "--json"]);
    assert_eq!(
        (&merged["metrics"], &merged["out"]),
        (&summary["metrics"], &shards.into())
    );

    let checked = printed(&["doctor", "--dataset", SEVEN, "--json"]);
    assert_eq!(
        (
            &checked["schema"],
            checked["faults"].as_array().map(Vec::len)
        ),
        (&1.into(), Some(0))
    );
    assert!(
        checked["checked"]
            .as_array()
            .unwrap()
            .iter()
            .any(|fact| fact["name"] == "runtime"),
        "{checked}"
    );
    let grad = path(&folder, "grad.onnx");
    let compiled = printed(&[
        "grad",
        "data/models/squeezenet1.1.onnx",
        "-o",
        &grad,
        "--classes",
        "5",
        "--json",
    ]);
    let (input, outputs) = (
        &compiled["inputs"][0],
        compiled["outputs"].as_array().unwrap(),
    );
    assert_eq!(
        input["shape"],
        Value::from(vec![1, 3, 227, 227]),
        "{compiled}"
    );
    assert!(
        outputs
            .iter()
            .any(|output| output["name"] == "classes" && output["shape"] == Value::from(vec![5]))
    );
    let study = path(&folder, "study.json");
    expect(
        0,
        &["study", "smoke", "-q", "--limit", "1", "--json", &study],
    );
    assert_eq!(json(Path::new(&study))["schema"], 1);
}

/// A name that is not known is answered with the nearest, and with the list of all.
#[test]
fn misspelt_names_are_answered_with_the_right_one() {
    let sample: &[&str] = &["run", "--dataset", "sample"];
    let cases: [(&[&str], &[&str], &str, &str); 9] = [
        (
            &["run"],
            &["--dataset", "sampel"],
            "the nearest is sample",
            "localise list datasets",
        ),
        (
            sample,
            &["--model", "squeeznet"],
            "the nearest is squeezenet1.1",
            "localise list models",
        ),
        (
            sample,
            &["--pipeline", "paper2014"],
            "the nearest is paper2013",
            "localise list pipelines",
        ),
        (
            sample,
            &["--set", "saliency.method=guidedd"],
            "did you mean guided?",
            "localise list methods",
        ),
        (
            sample,
            &["--set", "cut.gama=1"],
            "did you mean gamma?",
            "unknown field",
        ),
        (
            &["show"],
            &["data/sample/images/fig.jpg", "--method", "guidedd"],
            "the nearest is guided",
            "localise list methods",
        ),
        (
            &["visualise"],
            &["--class", "gosse"],
            "did you mean 99 goose",
            "localise list classes",
        ),
        (
            &["study"],
            &["smok"],
            "the nearest is smoke",
            "localise list studies",
        ),
        (
            &["list"],
            &["pipeline"],
            "similar value exists: 'pipelines'",
            "--help",
        ),
    ];
    let folder = TempDir::new().unwrap();
    let out = path(&folder, "out");
    for (subcommand, arguments, nearest, list) in cases {
        let out = if subcommand[0] == "run" {
            vec!["--out", out.as_str()]
        } else {
            vec![]
        };
        let (_, error) = expect(2, &[subcommand, arguments, &out].concat());
        assert!(
            error.starts_with("error: ") && error.contains(nearest),
            "{arguments:?}: {error}"
        );
        assert!(error.contains(list), "{arguments:?}: {error}");
    }
}
