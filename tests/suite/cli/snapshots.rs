//! The program's words, reviewed as data: help texts, tables and messages. `INSTA_UPDATE=always`
//! writes them again.

use std::fs;

use insta::{Settings, assert_snapshot};
use tempfile::TempDir;

use crate::support::program::{ended, localise};

/// Snapshots in which what differs from machine to machine is replaced.
fn settings() -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(
        r"localise \d+\.\d+\.\d+( \([0-9a-f]+(-dirty)?\))?",
        "localise VERSION",
    );
    settings.add_filter(r"CPU ms per photo: .*", "CPU ms per photo: TIMES");
    // The build may have accelerators.
    settings.add_filter(r"\s*Possible values:\n\s*- cpu: The processor", "");
    settings
}

#[test]
fn help_texts() {
    let mut command = localise::cli::command();
    command.build();
    settings().bind(|| {
        assert_snapshot!("help", command.render_long_help().to_string());
        for subcommand in command.get_subcommands_mut() {
            if subcommand.get_name() != "help" {
                let name = format!("help-{}", subcommand.get_name());
                assert_snapshot!(name, subcommand.render_long_help().to_string());
            }
        }
    });
}

/// The table of a score, whose numbers are known: the true boxes against themselves.
#[test]
fn tables() {
    settings().bind(|| {
        let score = ["score", "data/sample/boxes.csv", "--dataset", "sample"];
        assert_snapshot!("table-of-scores", ended(0, localise().args(score)).0);
        for list in ["metrics", "methods", "layouts"] {
            let text = ended(0, localise().args(["list", list])).0;
            assert_snapshot!(format!("list-{list}"), text);
        }
    });
}

/// What the program says to mistakes that people make.
#[test]
fn messages() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "swapped.csv",
        "image_id,x_min,y_min,x_max,y_max\ncoffee,50,0,20,10\n",
    );
    write(
        "text.csv",
        "image_id,x_min,y_min,x_max,y_max\ncoffee,a,0,20,10\n",
    );
    write(
        "stranger.csv",
        "image_id,x_min,y_min,x_max,y_max\nnobody,0,0,20,10\n",
    );
    write("empty.onnx", "");
    write("empty.toml", "title = \"empty\"\n");
    let commands = [
        "run --dataset nowhere",
        "run --dataset sampel",
        "run --dataset ilsvrc-val",
        "run --dataset ilsvrc-val --data-dir FOLDER",
        "run --dataset sample --pipeline paper2014",
        "run --dataset sample --pipeline centre-box --write-maps --out FOLDER/maps",
        "run --dataset sample --set seeds.forground=0.9",
        "run --dataset sample --set cut.gamma=high",
        "run --dataset sample --set nonsense",
        "run --dataset sample --set saliency.method=guidedd",
        "run --dataset sample --model nobody",
        "run --dataset sample --shard 4/4 --out FOLDER/shard",
        "run --dataset sample --images FOLDER/swapped.csv",
        "merge FOLDER",
        "report FOLDER",
        "score FOLDER/missing.csv --dataset sample",
        "score FOLDER/swapped.csv --dataset sample",
        "score FOLDER/text.csv --dataset sample",
        "score FOLDER/stranger.csv --dataset sample",
        "score data/sample/boxes.csv",
        "compare data/sample/boxes.csv data/sample/boxes.csv --dataset sample --metric top1",
        "show nobody.jpg",
        "show coffe --dataset sample",
        "show data/sample/images/coffee.jpg --method guidedd",
        "visualise --class gooose",
        "study nothing",
        "grad FOLDER/missing.onnx -o FOLDER/grad.onnx",
        "grad FOLDER/empty.onnx -o FOLDER/grad.onnx",
        "maxflow FOLDER/text.csv",
        "nightly FOLDER/history -- --dataset sample --fresh",
    ];
    let mut text = String::new();
    for command in commands {
        let path = folder.path().to_str().unwrap();
        let arguments = command.split(' ').map(|word| word.replace("FOLDER", path));
        let output = localise().args(arguments).output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|b| String::from_utf8(b).unwrap());
        let said = format!("{out}{err}").replace(path, "FOLDER");
        let repository = std::env::current_dir().unwrap().display().to_string();
        let said = said.replace(&repository, "REPOSITORY");
        let code = output.status.code().unwrap();
        text += &format!("$ localise {command}\n{}\n[{code}]\n\n", said.trim_end());
    }
    settings().bind(|| assert_snapshot!("messages", text));
}
