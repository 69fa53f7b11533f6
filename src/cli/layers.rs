//! `localise layers`

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use onnx_grad::gradient::{ImageSize, Options};
use onnx_grad::onnx;
use serde::Serialize;

use super::exit::Exit;
use super::output::print;
use super::values::image_size;
use crate::assets::MODELS;
use crate::classifier::{
    self, AUTOMATIC_NAMES, FeatureMaps, LayerCandidate, LayerName, ModelDescription,
};
use crate::remedy::Refused;

const EXAMPLES: &str = "Examples:
  localise layers googlenet                                     a model with a description
  localise layers MY-NETWORK.onnx                               any other
  localise layers MY-NETWORK.onnx --size 320x320 --json         one that takes any size
  localise run --dataset sample --pipeline layer-cam --set 'saliency.layers=[\"stride16\"]'";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct LayersArgs {
    /// The classifier: an ONNX file, or a name (`localise list models`) or description.
    model: PathBuf,
    /// The tensor of class scores [default: that of the description, or else the output that holds
    /// them or the tensor before its softmax]
    #[arg(long, value_name = "TENSOR")]
    target: Option<String>,
    /// The width and height of the image [default: those of the description, or else of the model]
    #[arg(long, value_name = "WxH", value_parser = image_size)]
    size: Option<ImageSize>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The feature maps of a model, and names for them.
#[derive(Serialize)]
struct LayerTable {
    schema: u32,
    model: String,
    /// The width and height of the image.
    image: [u32; 2],
    layers: Vec<LayerRow>,
    /// What each name stands for.
    names: BTreeMap<String, Vec<String>>,
    /// Why a name stands for nothing.
    missing: BTreeMap<String, String>,
    /// The end of the last block, if it cannot be read, and why.
    unread: Option<[String; 2]>,
}

/// A feature map.
#[derive(Serialize)]
struct LayerRow {
    tensor: String,
    operator: String,
    shape: Vec<usize>,
    form: String,
    extra_tokens: usize,
    stride: f64,
    channels: usize,
    /// The number of columns and rows.
    grid: [u32; 2],
    on_every_path: bool,
    names: Vec<String>,
}

impl LayersArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let description = self.description()?;
        let path = match &description {
            Some(description) => description.file()?,
            None => &self.model,
        };
        if !path.exists() {
            bail!(Refused::with_advice(
                format!("{}: there is no such file", path.display()),
                "name an ONNX file, such as data/models/squeezenet1.1.onnx; `localise list models` \
                 says which ones are here",
            ));
        }
        let model = onnx::load(path)?;
        let options = self.options(description.as_ref());
        let maps = FeatureMaps::find(&model, &options, &classifier::runtime());
        let maps = maps.with_context(|| path.display().to_string())?;
        let Some(maps) = maps else {
            bail!(Refused::with_advice(
                format!(
                    "{}: the network has no feature map that its scores depend on",
                    path.display()
                ),
                "the methods `gradient` and `guided` need none",
            ));
        };
        let table = LayerTable::new(path.display().to_string(), &maps, description.as_ref());
        print(&if self.json {
            serde_json::to_string(&table)? + "\n"
        } else {
            table.text()
        })?;
        Ok(Exit::Done)
    }

    /// The description of the model, if it has one.
    fn description(&self) -> Result<Option<ModelDescription>> {
        let is_file = self.model.extension().is_some_and(|e| e == "onnx");
        let stem = self.model.with_extension("");
        let name = stem.file_name().unwrap_or_default();
        let has_description =
            self.model.with_extension("toml").is_file() || MODELS.origin(name.as_ref()).is_some();
        if is_file && !has_description {
            return Ok(None);
        }
        Ok(Some(classifier::describe(&self.model)?))
    }

    fn options(&self, description: Option<&ModelDescription>) -> Options {
        let target = description.and_then(|known| known.target.clone());
        let size = description.map(|known| known.size.shape());
        Options {
            target: self.target.clone().or(target),
            size: self
                .size
                .or(size.map(|(height, width)| ImageSize { width, height })),
            background: description.and_then(|known| known.background),
            ..Options::default()
        }
    }
}

impl LayerTable {
    fn new(model: String, maps: &FeatureMaps, description: Option<&ModelDescription>) -> Self {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut missing = BTreeMap::new();
        for name in AUTOMATIC_NAMES {
            let Some(automatic) = LayerName::find(name) else {
                continue;
            };
            match maps.named(automatic) {
                Ok(layers) => {
                    let tensors = layers.iter().map(|layer| layer.tensor.clone());
                    names.insert(name.to_owned(), tensors.collect());
                }
                Err(fault) => {
                    missing.insert(name.to_owned(), fault);
                }
            }
        }
        for (name, tensors) in description.iter().flat_map(|known| &known.layers) {
            missing.remove(name);
            names.insert(name.clone(), tensors.clone());
        }
        let row = |candidate: &LayerCandidate| LayerRow::new(candidate, maps, &names);
        Self {
            schema: 1,
            model,
            image: [maps.image.width, maps.image.height],
            layers: maps.candidates.iter().map(row).collect(),
            names,
            missing,
            unread: maps
                .unread
                .as_ref()
                .map(|end| [end.tensor.clone(), end.fault.clone()]),
        }
    }

    /// A line for each feature map, and one for each name that is not among them.
    fn text(&self) -> String {
        let head = ["stride", "channels", "form", "shape", "tensor", "names"].map(str::to_owned);
        let rows: Vec<[String; 6]> = std::iter::once(head)
            .chain(self.layers.iter().map(LayerRow::cells))
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..6).filter_map(width).collect();
        let mut text = String::new();
        for [stride, channels, form, shape, tensor, names] in &rows {
            let line = format!(
                "{stride:>0$}  {channels:>1$}  {form:<2$}  {shape:<3$}  {tensor:<4$}  {names}",
                widths[0], widths[1], widths[2], widths[3], widths[4]
            );
            text += line.trim_end();
            text.push('\n');
        }
        let is_row = |tensor: &String| self.layers.iter().any(|row| row.tensor == *tensor);
        for (name, tensors) in &self.names {
            if !tensors.iter().all(is_row) {
                text += &format!("{name}: {}, by its description\n", tensors.join(", "));
            }
        }
        if let Some([tensor, fault]) = &self.unread {
            text += &format!("`{tensor}`, which comes later, {fault}\n");
        }
        for (fault, names) in self.names_by_fault() {
            text += &format!("{}: {fault}\n", names.join(", "));
        }
        text
    }
}

impl LayerTable {
    /// The names that stand for nothing, by the reason.
    fn names_by_fault(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, fault) in &self.missing {
            names.entry(fault).or_default().push(name);
        }
        names
    }
}

impl LayerRow {
    fn new(
        candidate: &LayerCandidate,
        maps: &FeatureMaps,
        names: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        let layout = &candidate.layout;
        let own = names
            .iter()
            .filter(|(_, tensors)| tensors.contains(&candidate.tensor));
        Self {
            tensor: candidate.tensor.clone(),
            operator: candidate.operator.clone(),
            shape: candidate.shape.clone(),
            form: layout.form.to_string(),
            extra_tokens: layout.form.extra(),
            stride: layout.stride(maps.image),
            channels: layout.channels,
            grid: [layout.grid.width, layout.grid.height],
            on_every_path: candidate.on_every_path,
            names: own.map(|(name, _)| name.clone()).collect(),
        }
    }

    fn cells(&self) -> [String; 6] {
        let stride = (10.0 * self.stride).round() / 10.0;
        [
            stride.to_string(),
            self.channels.to_string(),
            self.form.clone(),
            format!("{:?}", self.shape),
            self.tensor.clone(),
            self.names.join(" "),
        ]
    }
}
