//! What `localise show` says of a photo: on the terminal, as JSON and in the panel.

use anyhow::{Result, bail};
use serde::Serialize;

use crate::classes::ClassList;
use crate::dataset::Photo;
use crate::geometry::BBox;
use crate::localiser::PhotoResult;
use crate::pipeline::Pipeline;
use crate::segment::Flag;

/// What a method finds in a photo; `--json` prints this.
#[derive(Serialize)]
pub(super) struct ShowRecord<'a> {
    image_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    class_index: usize,
    class_key: &'a str,
    class_name: &'a str,
    /// The place of the class in the ranking, from 1.
    rank: usize,
    probability: f32,
    /// x_min, y_min, x_max, y_max: pixels of the photo, 0-based, max exclusive.
    r#box: [f64; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iou: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flag: Option<&'static str>,
}

impl<'a> ShowRecord<'a> {
    pub(super) fn new(
        photo: &'a Photo,
        result: &PhotoResult,
        classes: &'a ClassList,
        pipeline: &Pipeline,
    ) -> Result<Self> {
        let Some(first) = result.classes.first() else {
            bail!("{}: no class was found", photo.id)
        };
        let (class, localisation) = (first.class, &first.localisation);
        let BBox {
            x_min,
            y_min,
            x_max,
            y_max,
        } = localisation.bbox;
        let truth = photo.boxes.iter().filter(|_| photo.class == Some(class));
        let saliency = pipeline.saliency.as_ref();
        Ok(Self {
            image_id: &photo.id,
            method: saliency.map(|saliency| saliency.method.name),
            class_index: class,
            class_key: classes.key(class),
            class_name: classes.title(class),
            rank: result.rank(class).map_or(0, |rank| rank + 1),
            probability: result.probabilities[class],
            r#box: [x_min, y_min, x_max, y_max],
            iou: truth.map(|b| localisation.bbox.iou(b)).reduce(f64::max),
            flag: localisation.flag.map(Flag::name),
        })
    }

    /// Two lines: the class and the box.
    pub(super) fn text(&self) -> String {
        let Self {
            image_id,
            class_index,
            class_name,
            class_key,
            rank,
            probability,
            ..
        } = self;
        let [x_min, y_min, x_max, y_max] = self.r#box;
        let method = self
            .method
            .map_or(String::new(), |method| format!("{method}: "));
        let iou = self
            .iou
            .map_or(String::new(), |iou| format!("  IoU {iou:.3}"));
        let flag = self.flag.map_or(String::new(), |flag| format!("  {flag}"));
        format!(
            "{image_id}: class {class_index} {class_name} ({class_key}), rank {rank}, \
             probability {probability:.3}\n\
             {method}box ({x_min}, {y_min}, {x_max}, {y_max}){iou}{flag}\n"
        )
    }

    /// What the panel says of the photo, whatever the saliency method: the class, how probable it
    /// is, and the true class where this is another one.
    pub(super) fn facts(&self, photo: &Photo, classes: &ClassList) -> Vec<String> {
        let Self {
            class_index,
            class_name,
            rank,
            probability,
            ..
        } = self;
        let mut facts = vec![
            format!("{class_name} (class {class_index})"),
            format!("probability {probability:.3}, rank {rank}"),
        ];
        if let Some(class) = photo.class.filter(|class| class != class_index) {
            facts.push(format!("true class: {}", classes.title(class)));
        }
        facts
    }
}
