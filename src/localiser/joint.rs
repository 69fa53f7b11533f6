//! What the classifiers of a pipeline say of a photo, taken together.

use image::RgbImage;
use ndarray::Array2;

use super::failure::PhotoError;
use super::locate::{ClassResult, PhotoResult};
use super::member::Member;
use super::observation::{Observation, Question, top_and_truth};
use super::options::Classes;
use crate::classifier::{Worker, ranking};
use crate::pipeline::Pipeline;
use crate::saliency::{Saliency, View, fuse};
use crate::stage::{Stage, StageObserver};

/// A member of a pipeline on one thread.
#[derive(Debug)]
pub(super) struct MemberWorker<'a> {
    worker: Worker<'a>,
    pipeline: &'a Pipeline,
}

impl<'a> MemberWorker<'a> {
    pub(super) fn new(member: &'a Member) -> Self {
        Self {
            worker: member.classifier.worker(),
            pipeline: &member.pipeline,
        }
    }

    /// The photo as this member is shown it.
    fn view(&self, picture: &RgbImage) -> Result<View, PhotoError> {
        let description = self.worker.description();
        let options = &self.pipeline.view;
        View::new(picture, options, description.size, description.canvas).map_err(PhotoError::image)
    }
}

/// The answers of all members. Their frames are the same.
#[derive(Debug)]
pub(super) struct JointObservation<'a> {
    /// Each with the pipeline of its member.
    observations: Vec<(Observation, &'a Pipeline)>,
    /// The mean of the members' class probabilities.
    pub(super) probabilities: Vec<f32>,
    /// The classes, the most probable first.
    pub(super) ranking: Vec<usize>,
}

impl<'a> JointObservation<'a> {
    /// Shows the photo to all members. Of several, the most probable classes are known only after
    /// all have seen it, so that they cost a forward pass of their own.
    pub(super) fn new(
        members: &mut [MemberWorker<'a>],
        picture: &RgbImage,
        question: &Question<'_>,
        observe: StageObserver<'_>,
    ) -> Result<Self, PhotoError> {
        let views: Result<Vec<View>, PhotoError> =
            members.iter().map(|member| member.view(picture)).collect();
        let views = views?;
        observe(Stage::View);
        let mut known = None;
        if members.len() > 1 && question.classes == Classes::Top5 {
            let forward = Question {
                saliency: None,
                ..*question
            };
            let looks = ask_all(members, views.clone(), |_| forward)?;
            known = Some(mean_probabilities(&looks));
        }
        let asked = known
            .as_ref()
            .map(|known| top_and_truth(&ranking(known), question.truth));
        let observations = ask_all(members, views, |pipeline| Question {
            saliency: pipeline.saliency.as_ref(),
            asked: asked.as_deref(),
            ..*question
        })?;
        observe(Stage::Network);
        let probabilities = known.unwrap_or_else(|| mean_probabilities(&observations));
        Ok(Self {
            ranking: ranking(&probabilities),
            probabilities,
            observations,
        })
    }

    /// The photo as it was shown to the first member.
    pub(super) fn view(&self) -> &View {
        &self.observations[0].0.view
    }

    /// The photo's result, with those of its classes.
    pub(super) fn into_result(self, classes: Vec<ClassResult>) -> PhotoResult {
        let first = self.observations.into_iter().next();
        let (observation, _) = first.expect("a pipeline has a classifier");
        PhotoResult {
            probabilities: self.probabilities,
            ranking: self.ranking,
            view: observation.view,
            classes,
        }
    }

    /// The classes that gradients were asked for.
    pub(super) fn classes(&self) -> &[usize] {
        &self.observations[0].0.classes
    }

    /// The map of the `i`-th class: the sum of the members' maps, each divided by its mean; `None`
    /// where the pipeline makes no map.
    pub(super) fn saliency(&self, i: usize) -> Result<Option<Saliency>, PhotoError> {
        let mut maps = Vec::new();
        for (observation, pipeline) in &self.observations {
            if let Some(options) = &pipeline.saliency {
                maps.push(observation.saliency(i, options)?.map);
            }
        }
        let window = self.view().window;
        Ok((!maps.is_empty()).then(|| Saliency {
            map: fuse(maps),
            window,
        }))
    }

    /// The mean of what the heads of those members that have one add to the cut; `None` where none
    /// has one.
    pub(super) fn evidence(&self) -> Option<Array2<f32>> {
        let all = self.observations.iter();
        let evidence = all.filter_map(|(observation, pipeline)| observation.evidence(pipeline));
        let evidence: Vec<Array2<f32>> = evidence.collect();
        let count = evidence.len() as f32;
        let sum = evidence.into_iter().reduce(|sum, own| sum + own)?;
        Some(sum / count)
    }
}

/// The answers of all members to a question that depends on their pipelines.
fn ask_all<'a, 'q>(
    members: &mut [MemberWorker<'a>],
    views: Vec<View>,
    question: impl Fn(&'a Pipeline) -> Question<'q>,
) -> Result<Vec<(Observation, &'a Pipeline)>, PhotoError>
where
    'a: 'q,
{
    let mut observations = Vec::new();
    for (MemberWorker { worker, pipeline }, view) in members.iter_mut().zip(views) {
        let observation = Observation::new(worker, view, &question(pipeline))?;
        observations.push((observation, *pipeline));
    }
    Ok(observations)
}

fn mean_probabilities(observations: &[(Observation, &Pipeline)]) -> Vec<f32> {
    let mut mean = observations[0].0.probabilities.clone();
    for (observation, _) in &observations[1..] {
        let pairs = mean.iter_mut().zip(&observation.probabilities);
        pairs.for_each(|(sum, p)| *sum += p);
    }
    let count = observations.len() as f32;
    mean.iter_mut().for_each(|sum| *sum /= count);
    mean
}
