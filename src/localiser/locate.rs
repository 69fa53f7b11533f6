//! The localiser: a classifier and a pipeline, ready to take photos on one thread.

use image::RgbImage;

use super::failure::PhotoError;
use super::joint::{JointObservation, MemberWorker};
use super::member::Member;
use super::observation::Question;
use super::options::Classes;
use crate::geometry::Size;
use crate::pipeline::{BoxRule, Pipeline};
use crate::random::seed_of_class;
use crate::saliency::{Saliency, View};
use crate::segment::{self, Energy, Flag, Localisation, Stages, Subject};
use crate::stage::{Stage, StageObserver};

/// What was found in a photo.
#[derive(Debug)]
pub struct PhotoResult {
    /// The class probabilities, averaged over crops; one for each class, with sum 1.
    pub probabilities: Vec<f32>,
    /// The classes, the most probable first.
    pub ranking: Vec<usize>,
    /// The photo as it was shown to the classifier.
    pub view: View,
    /// A result for each class that was asked for: the most probable first, and the true class last
    /// where it is not among them.
    pub classes: Vec<ClassResult>,
}

impl PhotoResult {
    /// The place of a class in the ranking, from 0.
    #[must_use]
    pub fn rank(&self, class: usize) -> Option<usize> {
        self.ranking.iter().position(|&ranked| ranked == class)
    }
}

/// What was found of one class.
#[derive(Debug)]
pub struct ClassResult {
    /// The class.
    pub class: usize,
    /// Its box, in pixels of the photo.
    pub localisation: Localisation,
    /// Its saliency map, where the pipeline makes one.
    pub saliency: Option<Saliency>,
    /// The intermediate results of the box rule.
    pub stages: Stages,
}

/// A pipeline with its classifiers, ready to take photos on one thread.
///
/// ```no_run
/// use localise::classifier::describe;
/// use localise::dataset::{Jpeg, read};
/// use localise::localiser::{Classes, Localiser, Member};
/// use localise::pipeline::Pipeline;
///
/// let pipeline = Pipeline::load("paper2013".as_ref(), &[])?;
/// let description = describe("squeezenet1.1".as_ref())?;
/// let members = Member::load_all(&pipeline, &description)?;
/// let mut localiser = Localiser::new(&members, &pipeline, Classes::Gt, 0);
/// let photo = read("data/sample/images/coffee.jpg".as_ref(), Jpeg::Strict)?;
/// let result = localiser.locate(&photo, "coffee", Some(967), &mut |_| {})?;
/// println!("espresso: {:?}", result.classes[0].localisation.bbox);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Localiser<'a> {
    members: Vec<MemberWorker<'a>>,
    pipeline: &'a Pipeline,
    classes: Classes,
    rng_seed: u64,
    /// Where the pipeline has a cut.
    energy: Option<Energy>,
}

impl<'a> Localiser<'a> {
    /// A localiser for one thread. `members` are those of the pipeline
    /// ([`Member::load_all`]). `rng_seed` is mixed into the seed of every random choice.
    #[must_use]
    pub fn new(
        members: &'a [Member],
        pipeline: &'a Pipeline,
        classes: Classes,
        rng_seed: u64,
    ) -> Self {
        Self {
            members: members.iter().map(MemberWorker::new).collect(),
            pipeline,
            classes,
            rng_seed,
            energy: pipeline.box_rule().energy(),
        }
    }

    /// The energy of the latest cut, where the pipeline has one.
    #[must_use]
    pub fn energy(&self) -> Option<&Energy> {
        self.energy.as_ref()
    }

    /// Finds the class `truth` in a photo and, for [`Classes::Top5`], the five most probable
    /// classes. `id` is the photo's name, from which every random choice is seeded. `observe` is
    /// called at the end of each stage.
    ///
    /// # Errors
    /// [`PhotoError`] when the photo cannot be shown to the network, or the network fails on it.
    pub fn locate(
        &mut self,
        picture: &RgbImage,
        id: &str,
        truth: Option<usize>,
        observe: StageObserver<'_>,
    ) -> Result<PhotoResult, PhotoError> {
        let question = Question {
            saliency: None,
            truth,
            classes: self.classes,
            asked: None,
            rng_seed: self.rng_seed,
            id,
        };
        let observation = JointObservation::new(&mut self.members, picture, &question, observe)?;
        let view = observation.view();
        if let Some(energy) = &mut self.energy {
            energy.set_photo(&view.frame);
            observe(Stage::Energy);
        }
        let evidence = observation.evidence();
        let mut classes = Vec::new();
        for (i, &class) in observation.classes().iter().enumerate() {
            let saliency = observation.saliency(i)?;
            observe(Stage::Saliency);
            let subject = Subject {
                frame: &view.frame,
                photo: Size::from_picture(picture),
                evidence: evidence.as_ref(),
                rng_seed: seed_of_class(self.rng_seed, id, class),
            };
            let (mut localisation, stages) = locate_class(
                self.pipeline,
                self.energy.as_mut(),
                &subject,
                saliency.as_ref(),
                observe,
            );
            if view.is_squeezed {
                localisation.flag.get_or_insert(Flag::ExtremeAspect);
            }
            classes.push(ClassResult {
                class,
                localisation,
                saliency,
                stages,
            });
        }
        Ok(observation.into_result(classes))
    }
}

/// One class, from its saliency map to its box. `energy` has taken the subject's frame.
///
/// # Panics
/// When `saliency` or `energy` is missing although the pipeline needs it.
pub fn locate_class(
    pipeline: &Pipeline,
    energy: Option<&mut Energy>,
    subject: &Subject<'_>,
    saliency: Option<&Saliency>,
    observe: StageObserver<'_>,
) -> (Localisation, Stages) {
    match (pipeline.box_rule(), saliency, energy) {
        (BoxRule::Cut(_, learnt), Some(saliency), Some(energy)) => {
            segment::cut(energy, subject, saliency, learnt, observe)
        }
        (BoxRule::Threshold(threshold), Some(saliency), _) => {
            let found = segment::threshold(saliency, subject.photo, threshold);
            observe(Stage::Threshold);
            found
        }
        (BoxRule::ConstantBox(constant), ..) => {
            (constant.localisation(subject.photo), Stages::default())
        }
        _ => unreachable!("a pipeline that needs a map or an energy has been given it"),
    }
}
