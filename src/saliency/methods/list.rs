//! The list of all methods.

use serde::{Deserialize, Deserializer, de};

use super::method::Method;
use super::{
    ablation_cam, attention_rollout, cam, contrastive_excitation, deconvnet, eigen_cam,
    eigen_grad_cam, excitation, full_grad, generic_attention, grad_cam, grad_cam_plus_plus,
    gradient, gradient_input, gradient_norm, guided, hires_cam, integrated, kpca_cam, layer_cam,
    lrp, occlusion, relevance_cam, rise, score_cam, smoothgrad, vargrad, x_grad_cam,
};

/// All methods.
pub static METHODS: [&Method; 28] = [
    &gradient::METHOD,
    &guided::METHOD,
    &deconvnet::METHOD,
    &gradient_input::METHOD,
    &integrated::METHOD,
    &smoothgrad::METHOD,
    &vargrad::METHOD,
    &cam::METHOD,
    &grad_cam::METHOD,
    &grad_cam_plus_plus::METHOD,
    &hires_cam::METHOD,
    &x_grad_cam::METHOD,
    &layer_cam::METHOD,
    &eigen_cam::METHOD,
    &eigen_grad_cam::METHOD,
    &kpca_cam::METHOD,
    &full_grad::METHOD,
    &gradient_norm::METHOD,
    &lrp::METHOD,
    &excitation::METHOD,
    &contrastive_excitation::METHOD,
    &relevance_cam::METHOD,
    &occlusion::METHOD,
    &rise::METHOD,
    &score_cam::METHOD,
    &ablation_cam::METHOD,
    &attention_rollout::METHOD,
    &generic_attention::METHOD,
];

impl Method {
    /// The method of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        METHODS.into_iter().find(|method| method.name == name)
    }
}

impl<'de> Deserialize<'de> for &'static Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Method::find(&name).ok_or_else(|| {
            let names: Vec<_> = METHODS
                .iter()
                .map(|method| format!("`{}`", method.name))
                .collect();
            let names = names.join(", ");
            de::Error::custom(format!(
                "unknown method `{name}`, expected one of {names} (`localise list methods`)"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), METHODS.len());
    }
}
