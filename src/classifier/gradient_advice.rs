//! What to do about a model that cannot be differentiated.

use onnx_grad::gradient::GradientError;

/// What to do about a model that cannot be differentiated, as keys of its description or of the
/// pipeline.
pub(super) fn gradient_advice(error: &GradientError) -> Option<String> {
    let help = match error {
        GradientError::NoRule { .. } => {
            "`localise list ops` lists the rules; set `target` in the model's description to an \
             earlier score, or add a rule (CONTRIBUTING.md, \"Add a gradient rule\")"
        }
        GradientError::Unsupported { .. } => {
            "set `target` in the model's description to an earlier score"
        }
        GradientError::NoDependence { wrt, .. } => {
            return Some(format!(
                "set `target` in the model's description to a score that depends on `{wrt}`, or \
                 choose an earlier layer (saliency.layers)"
            ));
        }
        GradientError::OpenSize { .. } => "set `size` in the model's description",
        GradientError::NotFloat { .. } => {
            "export the model with a float32 input, or with a Cast to float32 right after its input"
        }
        GradientError::UnclearScores { candidates, .. } => {
            let place = "set `target` in the model's description to the tensor of class scores";
            return Some(with_candidates(place, candidates));
        }
        GradientError::UnknownTensor { .. } => {
            "check `target` and `layers` in the model's description, and saliency.layers"
        }
        GradientError::NoRelevance { .. } => {
            "choose a layer behind it (saliency.layers), or a method that uses the gradient"
        }
        GradientError::NoRelu => "choose the saliency method `gradient`",
        GradientError::NoDenseForm(_) => "choose a pipeline whose `view.kind` is not `dense`",
        GradientError::Runtime(_) => {
            "export it for the ONNX Runtime that `localise doctor` names, or use a newer one"
        }
        _ => error.advice()?,
    };
    Some(help.into())
}

/// A place for the class scores, and the tensors that could be meant.
#[must_use]
pub fn with_candidates(place: &str, candidates: &[String]) -> String {
    if candidates.is_empty() {
        return place.to_owned();
    }
    let names: Vec<_> = candidates.iter().map(|name| format!("`{name}`")).collect();
    format!("{place}, which could be {}", names.join(" or "))
}
