//! The configuration in a model's folder: `preprocessor_config.json` and `config.json`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use super::classes::Labels;
use super::preprocessing::Preprocessing;
use super::{timm, transformers};
use crate::remedy::Refused;

/// The file of a model in transformers, Optimum and timm.
const CONFIG: &str = "config.json";
/// The file of an image processor in transformers and Optimum.
const PREPROCESSOR: &str = "preprocessor_config.json";

/// What the configuration in a model's folder says.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    pub(super) preprocessing: Option<Preprocessing>,
    pub(super) labels: Option<Labels>,
}

impl Configuration {
    /// Reads the configuration in a folder; files that are missing say nothing.
    ///
    /// # Errors
    /// [`Refused`], which names the file and what is wrong with it.
    pub(super) fn read(folder: &Path) -> Result<Self, Refused> {
        let at = |name: &str| folder.join(name).display().to_string();
        let refused = |name: &str| {
            let place = at(name);
            move |fault: String| Refused::from(format!("{place}: {fault}"))
        };
        let config = json(&folder.join(CONFIG)).map_err(refused(CONFIG))?;
        let processor = json(&folder.join(PREPROCESSOR)).map_err(refused(PREPROCESSOR))?;
        // timm's own table comes first: a wrapper of transformers writes both.
        let mut preprocessing = None;
        for (name, file) in [(CONFIG, &config), (PREPROCESSOR, &processor)] {
            if let (None, Some(file)) = (&preprocessing, file) {
                preprocessing = timm::read(file, &at(name)).map_err(refused(name))?;
            }
        }
        if let (None, Some(file)) = (&preprocessing, &processor) {
            let read = transformers::read(file, &at(PREPROCESSOR));
            preprocessing = Some(read.map_err(refused(PREPROCESSOR))?);
        }
        let names = config.as_ref().map(labels).transpose();
        let names = names.map_err(refused(CONFIG))?.flatten();
        Ok(Self {
            preprocessing,
            labels: names.map(|names| Labels {
                names,
                origin: at(CONFIG),
            }),
        })
    }
}

/// The content of a JSON file; `None` if there is no such file.
fn json(path: &Path) -> Result<Option<Value>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| e.to_string()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

/// The class labels in the order of the scores: `label_names` of timm, `id2label` of transformers.
fn labels(config: &Value) -> Result<Option<Vec<String>>, String> {
    if let Some(names) = config.get("label_names") {
        let names = serde_json::from_value(names.clone());
        return names.map(Some).map_err(|e| format!("label_names: {e}"));
    }
    let Some(map) = config.get("id2label") else {
        return Ok(None);
    };
    let map: BTreeMap<usize, String> =
        serde_json::from_value(map.clone()).map_err(|e| format!("id2label: {e}"))?;
    if map.keys().copied().ne(0..map.len()) {
        return Err("id2label: its keys are not 0, 1, 2 and so on".into());
    }
    Ok(Some(map.into_values().collect()))
}
