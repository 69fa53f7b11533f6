//! The text of a description.

use std::fmt::Write;
use std::path::Path;

use onnx_grad::gradient::Background;

use super::channels::Channels;
use super::description::ModelDescription;
use crate::remedy::Refused;

impl ModelDescription {
    /// The description as the TOML file `path`, whose class list has the name `classes`. The ONNX
    /// file is named relative to the folder of `path` if it is in it.
    ///
    /// # Errors
    /// [`Refused`], if the name of the ONNX file is not text.
    pub fn to_text(&self, path: &Path, classes: &str) -> Result<String, Refused> {
        let absolute = |file: &Path| std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let (model, folder) = (absolute(&self.model), absolute(path));
        let folder = folder.parent().unwrap_or(Path::new("/"));
        let model = model.strip_prefix(folder).unwrap_or(&model);
        let model = model.to_str().ok_or_else(|| {
            Refused::with_advice(
                format!(
                    "{}: the name of the model is not text",
                    self.model.display()
                ),
                "rename the model",
            )
        })?;
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut text = format!("# From {}.\n", one_line(&self.origin.to_string()));
        let _ = writeln!(text, "title = {}", quoted(&self.title));
        let _ = writeln!(text, "model = {}", quoted(model));
        let _ = writeln!(text, "classes = {}", quoted(classes));
        if let Some(background) = self.background {
            let place = match background {
                Background::First => "first",
                Background::Last => "last",
            };
            let _ = writeln!(text, "background = \"{place}\"");
        }
        text.push_str(&self.input_keys());
        if let Some(target) = &self.target {
            let _ = writeln!(text, "target = {}", quoted(target));
        }
        Ok(text)
    }

    /// The keys of the input: size, channels, layout, type and scaling.
    fn input_keys(&self) -> String {
        let (height, width) = self.size.shape();
        let size = if height == width {
            width.to_string()
        } else {
            format!("[{height}, {width}]")
        };
        let mut text = format!(
            "size = {size}\ncanvas = {}\nchannels = \"{}\"\n",
            self.canvas, self.channels
        );
        if let Some(layout) = self.layout {
            let _ = writeln!(text, "layout = \"{layout}\"");
        }
        match self.dtype {
            Some(dtype) if dtype.is_integer() => {
                let _ = writeln!(text, "dtype = \"{dtype}\"");
            }
            _ => {
                let _ = writeln!(text, "range = {:?}", self.range);
                for (key, value) in [("mean", self.mean), ("std", self.std)] {
                    let _ = match self.channels {
                        Channels::Grey => writeln!(text, "{key} = {:?}", value[0]),
                        Channels::Rgb | Channels::Bgr => writeln!(text, "{key} = {value:?}"),
                    };
                }
            }
        }
        text
    }
}

/// A text without line breaks, for a comment.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
