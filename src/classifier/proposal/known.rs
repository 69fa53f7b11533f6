//! Usual networks by the names of the files in which people have them: `data/networks/files.toml`.

use globset::Glob;
use serde::Deserialize;

use super::super::channels::Channels;
use super::super::layout::Layout;
use super::super::preset::Preset;
use super::preprocessing::Preprocessing;
use crate::assets;
use crate::geometry::Size;
use crate::remedy::Refused;

/// The table, relative to [`assets::home`].
const TABLE: &str = "data/networks/files.toml";
/// The library whose networks [`Preset::Keras`] means.
const KERAS: &str = "keras";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkTable {
    network: Vec<NetworkFiles>,
}

/// Networks with the same preprocessing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkFiles {
    /// Whose networks they are.
    library: String,
    /// Patterns for the names of their files.
    files: Vec<String>,
    /// Patterns for names that are not theirs.
    #[serde(default)]
    not: Vec<String>,
    /// The only layout in which the library exports them.
    layout: Option<Layout>,
    preset: Preset,
    /// Where it differs from the preset's.
    channels: Option<Channels>,
    /// Where it differs from the preset's.
    mean: Option<[f32; 3]>,
    size: Option<u32>,
    canvas: Option<usize>,
}

impl NetworkFiles {
    /// Whether they have files of this name, which is in the form of the table.
    fn have(&self, name: &str) -> bool {
        let matches = |pattern: &String| {
            Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name))
        };
        self.files.iter().any(matches) && !self.not.iter().any(matches)
    }

    fn preprocessing(&self) -> Option<Preprocessing> {
        let mut preprocessing = Preprocessing::from_preset(self.preset)?;
        preprocessing.channels = self.channels.unwrap_or(preprocessing.channels);
        preprocessing.scaling.mean = self.mean.unwrap_or(preprocessing.scaling.mean);
        preprocessing.size = self.size.map(Size::square);
        preprocessing.canvas = self.canvas;
        preprocessing.layout = self.layout.unwrap_or(preprocessing.layout);
        preprocessing.origin = format!(
            "the name of the file, that of a network of {}",
            self.library
        );
        Some(preprocessing)
    }
}

/// The network of this file name and layout; with [`Preset::Keras`], the family of Keras
/// Applications in any layout.
///
/// # Errors
/// [`Refused`] when the table cannot be read.
pub(super) fn find(
    name: &str,
    layout: Layout,
    like: Option<Preset>,
) -> Result<Option<Preprocessing>, Refused> {
    let text = assets::text(TABLE).map_err(|e| Refused::from(format!("{TABLE}: {e}")))?;
    let table: NetworkTable =
        toml::from_str(&text).map_err(|e| Refused::from(format!("{TABLE}: {e}")))?;
    let name = name.to_lowercase().replace('_', "-");
    let suits = |network: &&NetworkFiles| match like {
        Some(Preset::Keras) => network.library == KERAS,
        _ => network.layout.is_none_or(|own| own == layout),
    };
    let mut networks = table.network.iter().filter(suits);
    let found = networks.find(|network| network.have(&name));
    Ok(found.and_then(NetworkFiles::preprocessing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_table_is_one() {
        let table: NetworkTable =
            toml::from_str(&assets::text(TABLE).expect("a file")).expect("TOML");
        for network in &table.network {
            assert!(network.preprocessing().is_some(), "{network:?}");
            for pattern in network.files.iter().chain(&network.not) {
                assert!(Glob::new(pattern).is_ok(), "{pattern}");
                assert_eq!(*pattern, pattern.to_lowercase().replace('_', "-"));
            }
        }
    }

    /// Files as people have them: what is taken for what, and what for nothing.
    #[test]
    fn names_of_files_lead_to_their_networks() {
        let preset = |name: &str, layout| {
            let found = find(name, layout, None).expect("the table");
            found.map(|found| (found.channels, found.scaling.mean[0], found.size))
        };
        let side = |side| Some(Size::square(side));
        let (rgb, bgr) = (Channels::Rgb, Channels::Bgr);
        for (name, layout, expected) in [
            ("resnet50-v1-7", Layout::Nchw, Some((rgb, 0.485, side(224)))),
            ("resnet50-v2-7", Layout::Nchw, Some((rgb, 0.485, side(224)))),
            ("resnet50-caffe2-v1-9", Layout::Nchw, None),
            ("googlenet-12", Layout::Nchw, Some((bgr, 123.0, side(224)))),
            ("densenet-12", Layout::Nchw, Some((bgr, 0.485, side(224)))),
            (
                "efficientnet-lite4-11",
                Layout::Nhwc,
                Some((rgb, 0.5, side(224))),
            ),
            ("squeezenet1_1", Layout::Nchw, Some((rgb, 0.485, side(224)))),
            ("vit_b_16", Layout::Nchw, Some((rgb, 0.485, side(224)))),
            (
                "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
                Layout::Nchw,
                Some((rgb, 0.5, None)),
            ),
            (
                "vit_base_patch16_clip_224.openai_ft_in1k",
                Layout::Nchw,
                None,
            ),
            (
                "deit_tiny_patch16_224",
                Layout::Nchw,
                Some((rgb, 0.485, None)),
            ),
            ("ResNet50", Layout::Nhwc, Some((bgr, 123.68, None))),
            ("ResNet50V2", Layout::Nhwc, Some((rgb, 0.5, None))),
            ("EfficientNetB0", Layout::Nhwc, Some((rgb, 0.0, None))),
            ("my-network", Layout::Nchw, None),
        ] {
            assert_eq!(preset(name, layout), expected, "{name}");
        }
    }
}
