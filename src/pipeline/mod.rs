//! Pipelines: one TOML file is one experiment. Here it is read, changed by settings, and checked.
//!
//! In: a name of `pipelines/`, a path or a text, and settings `table.key=value`. Out: a
//! [`Pipeline`] whose values are all in their ranges and whose tables go together
//! ([`Pipeline::box_rule`]); an unknown key is answered with the nearest one. Each table is the
//! options of one stage and is described there: [`ViewOptions`], [`SaliencyOptions`],
//! [`SeedOptions`], [`ColourOptions`], [`HeadOptions`], [`CutOptions`], [`ThresholdOptions`],
//! [`ConstantBoxOptions`]; [`MemberOptions`] add another classifier. What is not an experiment's
//! affair (dataset, model, threads, folders) is in [`crate::run`].

mod member;

use std::fmt::Display;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::assets::PIPELINES;
use crate::head::HeadOptions;
use crate::path_text;
use crate::remedy::Refused;
use crate::saliency::{self, SaliencyOptions, ViewKind, ViewOptions};
use crate::segment::{
    ColourOptions, ConstantBoxOptions, CutOptions, Energy, LearningOptions, SeedOptions,
    ThresholdOptions,
};

pub use member::MemberOptions;

/// One way from a photo to a box, as written in `pipelines/*.toml`. Exactly one of `cut`,
/// `threshold` and `constant-box` makes the box.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pipeline {
    /// What the experiment is, in one line.
    pub title: String,
    /// How the photo is shown to the classifier.
    pub view: ViewOptions,
    /// How the saliency map is made.
    pub saliency: Option<SaliencyOptions>,
    /// Which pixels the colour models learn from, and which the cut must not change.
    pub seeds: Option<SeedOptions>,
    /// The colour models.
    pub colours: Option<ColourOptions>,
    /// What a foreground head adds to the cut.
    pub head: Option<HeadOptions>,
    /// The energy of the cut.
    pub cut: Option<CutOptions>,
    /// A threshold on the saliency map, in place of a cut.
    pub threshold: Option<ThresholdOptions>,
    /// A box that does not look at the photo.
    pub constant_box: Option<ConstantBoxOptions>,
    /// Other classifiers that look at each photo. Their maps and their heads are averaged with those
    /// of the first, and so are the class probabilities.
    #[serde(default, rename = "member", skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberOptions>,
    /// Where the numbers above were chosen.
    pub tuned_on: TunedOn,
}

/// Where a pipeline's numbers were chosen. Nothing is tuned on what it is scored on, and the
/// summary repeats this.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TunedOn {
    /// The photos looked at, or "none" where the values are as published.
    pub split: String,
}

/// How a pipeline makes a box from a photo.
#[derive(Clone, Copy, Debug)]
pub enum BoxRule<'a> {
    /// An exact minimum cut by the saliency map, and by colour models where they are learnt.
    Cut(&'a CutOptions, Option<LearningOptions<'a>>),
    /// A threshold on the saliency map.
    Threshold(&'a ThresholdOptions),
    /// The same box in every photo.
    ConstantBox(&'a ConstantBoxOptions),
}

impl BoxRule<'_> {
    /// The energy of the cut, for one thread; `None` where nothing is cut.
    #[must_use]
    pub fn energy(&self) -> Option<Energy> {
        match self {
            Self::Cut(options, _) => Some(Energy::new(options)),
            _ => None,
        }
    }
}

impl Pipeline {
    /// The pipeline with another saliency method, and the usual values of what that method needs.
    ///
    /// # Errors
    /// [`Refused`] where the pipeline looks at no map.
    pub fn with_method(&self, method: &'static saliency::Method) -> Result<Self, Refused> {
        let none = || {
            let (title, method) = (&self.title, method.name);
            Refused::with_advice(
                format!("{title}: it looks at no map that {method} could make"),
                "take a pipeline with a table [saliency]",
            )
        };
        let saliency = self.saliency.as_ref().ok_or_else(none)?.with_method(method);
        Ok(Self {
            saliency: Some(saliency),
            ..self.clone()
        })
    }

    /// Reads a pipeline by name (`pipelines/NAME.toml`) or path and applies `settings`, each
    /// `table.key=value`.
    ///
    /// # Errors
    /// [`Refused`] naming the file, the line and the nearest known key.
    pub fn load(name: &Path, settings: &[String]) -> Result<Self, Refused> {
        let (path, text) = PIPELINES.read(name)?;
        Self::from_text(&text, &path.display().to_string(), settings)
    }

    /// The pipeline written in `text`, with `settings` applied; `origin` is the name that errors
    /// carry.
    ///
    /// # Errors
    /// As [`Pipeline::load`].
    pub fn from_text(text: &str, origin: &str, settings: &[String]) -> Result<Self, Refused> {
        let pipeline: Self = if settings.is_empty() {
            PIPELINES.parse(text, origin)?
        } else {
            let mut table: toml::Table = PIPELINES.parse(text, origin)?;
            settings
                .iter()
                .try_for_each(|setting| set(&mut table, setting))?;
            let changed = toml::to_string(&table).map_err(|e| Refused::from(e.to_string()))?;
            let origin = format!("{origin}, changed by {}", settings.join(", "));
            PIPELINES.parse(&changed, &origin)?
        };
        pipeline.check().map_err(|error| error.context(origin))?;
        Ok(pipeline)
    }

    /// The pipeline as TOML.
    ///
    /// # Panics
    /// Never: every field has a TOML form.
    #[must_use]
    pub fn to_text(&self) -> String {
        toml::to_string(self).expect("a pipeline has a TOML form")
    }

    /// How the pipeline makes a box.
    ///
    /// # Panics
    /// Never for a pipeline from [`Pipeline::load`], which has been checked.
    #[must_use]
    pub fn box_rule(&self) -> BoxRule<'_> {
        self.resolve().expect("checked when loaded")
    }

    fn resolve(&self) -> Result<BoxRule<'_>, &'static str> {
        let learnt = match (&self.seeds, &self.colours) {
            (Some(seeds), Some(colours)) => Some(LearningOptions { seeds, colours }),
            (None, None) => None,
            _ => return Err("[seeds] and [colours] belong together"),
        };
        if self.head.is_some() && self.cut.is_none() {
            return Err("[head] needs the table [cut]");
        }
        match (&self.cut, &self.threshold, &self.constant_box) {
            (Some(cut), None, None) => match self.saliency {
                Some(_) if learnt.is_some() || cut.map > 0.0 => Ok(BoxRule::Cut(cut, learnt)),
                Some(_) => Err(
                    "[cut] needs the tables [seeds] and [colours], or a weight for the map: cut.map",
                ),
                None => Err("[cut] needs the table [saliency]"),
            },
            (None, Some(threshold), None) => match (&self.saliency, learnt) {
                (Some(_), None) => Ok(BoxRule::Threshold(threshold)),
                _ => Err("[threshold] needs [saliency], and no [seeds] or [colours]"),
            },
            (None, None, Some(constant)) => match (&self.saliency, learnt) {
                (None, None) => Ok(BoxRule::ConstantBox(constant)),
                _ => Err("[constant-box] takes no [saliency], [seeds] or [colours]"),
            },
            _ => Err("exactly one of the tables [cut], [threshold] and [constant-box] is needed"),
        }
    }

    /// The pipeline of one of its members alone.
    #[must_use]
    pub fn of_member(&self, member: &MemberOptions) -> Self {
        let mut own = Self {
            members: vec![],
            ..self.clone()
        };
        if let Some(scales) = &member.scales {
            own.view.scales.clone_from(scales);
        }
        if let Some(saliency) = &mut own.saliency {
            if let Some(layers) = &member.layers {
                saliency.layers.clone_from(layers);
            }
            saliency.relu = member.relu.or(saliency.relu);
        }
        if let Some(head) = &mut own.head {
            head.file.clone_from(&member.head);
        }
        own
    }

    /// Members must see the same frame, and have a map to average.
    fn check_members(&self) -> Result<(), Refused> {
        if self.members.is_empty() {
            return Ok(());
        }
        if self.saliency.is_none() {
            return Err("[[member]] needs the table [saliency]".into());
        }
        if self.view.kind != ViewKind::Warp || self.view.frame.is_none() {
            return Err(Refused::with_advice(
                "[[member]]: the classifiers would not see the same frame",
                "view.kind = \"warp\" and view.frame = 112",
            ));
        }
        for member in &self.members {
            let name = path_text::encode(&member.model);
            let own = self.of_member(member).check();
            own.map_err(|error| error.context(format!("[[member]] {name}")))?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Refused> {
        self.resolve()?;
        self.check_members()?;
        self.view.check()?;
        if let Some(saliency) = &self.saliency {
            saliency.check()?;
        }
        if let Some(seeds) = &self.seeds {
            seeds.check()?;
        }
        if let Some(colours) = &self.colours {
            colours.check()?;
        }
        if let Some(head) = &self.head {
            head.check()?;
        }
        if let Some(cut) = &self.cut {
            cut.check()?;
        }
        if let Some(threshold) = &self.threshold {
            threshold.check()?;
        }
        if let Some(constant) = &self.constant_box {
            constant.check()?;
        }
        Ok(())
    }
}

/// The error for a setting that cannot be applied.
fn bad_setting(setting: &str, fault: impl Display) -> Refused {
    let advice = "such as seeds.foreground=0.97; the keys of a pipeline are those of its file in \
                  pipelines/";
    Refused::with_advice(fault, advice).context(setting)
}

/// Sets `table.key=value` in a TOML table; the value is TOML, or a plain word.
fn set(table: &mut toml::Table, setting: &str) -> Result<(), Refused> {
    let (path, value) = setting
        .split_once('=')
        .ok_or_else(|| bad_setting(setting, "expected table.key=value"))?;
    let value = value.trim();
    let parsed = format!("value = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut t| t.remove("value"));
    let mut keys: Vec<_> = path.trim().split('.').collect();
    let last = keys.pop().unwrap_or_default();
    let mut place = table;
    for key in keys {
        place = place
            .entry(key)
            .or_insert_with(|| toml::Table::new().into())
            .as_table_mut()
            .ok_or_else(|| bad_setting(setting, format!("{key} is not a table")))?;
    }
    place.insert(
        last.into(),
        parsed.unwrap_or_else(|| toml::Value::String(value.into())),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(name: &str) -> Result<Pipeline, Refused> {
        Pipeline::load(Path::new(name), &[])
    }

    #[test]
    fn every_shipped_pipeline_reads_and_writes_itself() {
        let names = PIPELINES.names();
        assert!(names.len() >= 6, "{names:?}");
        for name in names {
            let pipeline = shipped(&name).unwrap_or_else(|e| panic!("{e}"));
            let again = Pipeline::from_text(&pipeline.to_text(), &name, &[])
                .unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(pipeline, again);
        }
    }

    #[test]
    fn set_changes_one_value() {
        let settings = [
            "seeds.foreground=0.97".to_owned(),
            "cut.energy=grabcut8".to_owned(),
        ];
        let pipeline = Pipeline::load(Path::new("paper2013"), &settings).expect("good settings");
        assert_eq!(pipeline.seeds.expect("seeds").foreground, 0.97);
    }

    #[test]
    fn a_wrong_key_is_answered_with_the_nearest() {
        let cases = [
            ("seeds.forground=0.9", "did you mean foreground"),
            ("cutt.gamma=1", "did you mean cut?"),
            ("saliency.method=guidedd", "did you mean guided?"),
            ("cut.gamma=high", "invalid type"),
            ("seeds.foreground=1.5", "foreground 1.5"),
            (
                "threshold={rule=\"mean\", alpha=1, fong-compat=true}",
                "exactly one of",
            ),
            ("nonsense", "table.key=value"),
        ];
        for (setting, expected) in cases {
            let error =
                Pipeline::load(Path::new("paper2013"), &[setting.to_owned()]).expect_err(setting);
            let text = format!("{error} {:?}", error.remedy);
            assert!(text.contains(expected), "{text}");
        }
        assert!(
            shipped("paper2014")
                .expect_err("no such pipeline")
                .to_string()
                .contains("paper2013")
        );
    }
}
