//! A box from a minimum cut.

use image::RgbImage;
use ndarray::Array2;

use super::colours::ColourOptions;
use super::component::{bounding_box, largest};
use super::energy::{ColourTraining, Energy, Form};
use super::flag::Flag;
use super::localisation::{Localisation, Stages};
use super::seeds::{SeedOptions, seeds};
use crate::geometry::Size;
use crate::saliency::Saliency;
use crate::stage::{Stage, StageObserver};

/// The photo that an object is cut out of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The photo, resized to the size of the saliency map.
    pub frame: &'a RgbImage,
    /// The size of the stored photo, in whose pixels the box is.
    pub photo: Size,
    /// How much more each pixel of the frame costs as background than as foreground, whatever the
    /// class is; [height, width].
    pub evidence: Option<&'a Array2<f32>>,
    /// The seed of the colour models, which is derived from the photo's id and the class.
    pub rng_seed: u64,
}

/// How colour models are learnt.
#[derive(Clone, Copy, Debug)]
pub struct LearningOptions<'a> {
    /// Which pixels they are learnt from.
    pub seeds: &'a SeedOptions,
    /// How they are learnt from these pixels.
    pub colours: &'a ColourOptions,
}

/// Cuts the object out of the subject's frame, by its saliency map and, if there is `learning`, by
/// its colours.
///
/// The frame must be the photo that `energy` has been given last ([`Energy::set_photo`]). `observe`
/// is called at the end of each stage.
///
/// # Panics
/// If `energy` has been given no photo, or one of another size.
pub fn cut(
    energy: &mut Energy,
    subject: &Subject<'_>,
    saliency: &Saliency,
    learning: Option<LearningOptions<'_>>,
    observe: StageObserver<'_>,
) -> (Localisation, Stages) {
    let Subject {
        frame,
        photo,
        evidence,
        rng_seed,
    } = *subject;
    let mut stages = Stages::default();
    if saliency.is_constant() {
        return (Localisation::whole_photo(photo, Flag::ConstantMap), stages);
    }
    if let Some(learning) = learning {
        match seeds(saliency, learning.seeds) {
            Ok(seeds) => stages.seeds = Some(seeds),
            Err(flag) => return (Localisation::whole_photo(photo, flag), stages),
        }
        observe(Stage::Seeds);
    }
    let training = match (&stages.seeds, learning) {
        (Some(seeds), Some(learning)) => Some(ColourTraining {
            seeds,
            options: learning.colours,
            rng_seed,
        }),
        _ => None,
    };
    energy.set_class(frame, Some(saliency), evidence, training, observe);
    let mask = energy.minimise();
    observe(Stage::Cut);
    // gsc-1.2 keeps only components that contain a hard foreground seed; GrabCut keeps all.
    let hard_seeds = match &stages.seeds {
        Some(seeds) if energy.form() == Form::Gsc => Some(&seeds.hard),
        _ => None,
    };
    let component = largest(&mask, hard_seeds);
    let localisation = match component.as_ref().and_then(bounding_box) {
        Some(bbox) => Localisation::new(bbox.mapped(Size::from_picture(frame), photo)),
        None => Localisation::whole_photo(photo, Flag::EmptyMask),
    };
    stages.mask = Some(mask);
    stages.component = component;
    observe(Stage::Component);
    (localisation, stages)
}
