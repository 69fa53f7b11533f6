//! Expectation maximisation against scikit-learn, from the same start
//! (`tests/golden/make_mixtures.py`).

use std::path::Path;

use localise::segment::{ColourFit, ColourOptions, Gaussian, Gmm, expectation_maximisation, fit};
use nalgebra::{Matrix3, Vector3};
use serde_json::Value;

use crate::support::program::json;

fn golden() -> Value {
    json(Path::new("tests/golden/mixtures.json"))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn colours(golden: &Value) -> Vec<[f32; 3]> {
    numbers(&golden["samples"])
        .as_chunks()
        .0
        .iter()
        .map(|colour: &[f64; 3]| colour.map(|v| v as f32))
        .collect()
}

#[test]
fn ten_rounds_are_those_of_scikit_learn() {
    let golden = golden();
    let colours = colours(&golden);
    let samples = colours.iter().copied().collect();
    let start = &golden["start"];
    let component = |k: usize| {
        let precision = Matrix3::from_row_slice(&numbers(&start["precisions"][k]));
        let mean = Vector3::from_column_slice(&numbers(&start["means"][k]));
        Gaussian::new(
            start["weights"][k].as_f64().unwrap(),
            mean,
            precision.try_inverse().unwrap(),
        )
    };
    let mut gmm = Gmm {
        components: (0..3).map(component).collect(),
    };
    let mut last = f64::NEG_INFINITY;
    for round in golden["rounds"].as_array().unwrap() {
        let (next, likelihood) =
            expectation_maximisation(&gmm, &samples, golden["reg_covar"].as_f64().unwrap());
        let expected = round["lower_bound"].as_f64().unwrap();
        assert!(
            (likelihood - expected).abs() < 2e-6,
            "{likelihood} against {expected}"
        );
        assert!(
            likelihood > last,
            "the likelihood fell from {last} to {likelihood}"
        );
        (gmm, last) = (next, likelihood);
    }
    let close = |what: &str, found: &[f64], expected: &[f64]| {
        for (f, e) in found.iter().zip(expected) {
            assert!(
                (f - e).abs() < 1e-5 * e.abs().max(1.0),
                "{what}: {f} against {e}"
            );
        }
    };
    assert_eq!(gmm.components.len(), 3);
    for (k, c) in gmm.components.iter().enumerate() {
        close("weight", &[c.weight], &numbers(&golden["weights"][k]));
        close("mean", c.mean.as_slice(), &numbers(&golden["means"][k]));
        close(
            "covariance",
            c.covariance.as_slice(),
            &numbers(&golden["covariances"][k]),
        );
    }
    let density = |colour: &[f32; 3]| gmm.log_density(&Vector3::from(colour.map(f64::from)));
    let densities: Vec<f64> = colours.iter().map(density).collect();
    close(
        "log density",
        &densities[..20],
        &numbers(&golden["log_density_of_first_20"]),
    );
    let mean = densities.iter().sum::<f64>() / densities.len() as f64;
    close(
        "mean log density",
        &[mean],
        &numbers(&golden["rounds"][9]["score"]),
    );
    let shares = |colour: &[f32; 3]| {
        let colour = Vector3::from(colour.map(f64::from));
        gmm.components
            .iter()
            .map(|c| (c.log_density(&colour) - gmm.log_density(&colour)).exp())
            .collect::<Vec<_>>()
    };
    let responsibilities: Vec<f64> = colours.iter().take(20).flat_map(shares).collect();
    close(
        "responsibility",
        &responsibilities,
        &numbers(&golden["responsibilities_of_first_20"]),
    );
}

#[test]
fn a_fit_depends_on_its_seed_alone() {
    let colours = colours(&golden());
    let options = ColourOptions {
        fit: ColourFit::Em,
        components: 5,
        sample: None,
    };
    let means = |seed| -> Vec<_> {
        fit(&colours, &options, 255.0, seed)
            .components
            .iter()
            .map(|c| c.mean)
            .collect()
    };
    assert_eq!(means(7), means(7));
    assert_ne!(means(7), means(8));
}

#[test]
fn a_mixture_fits_few_colours() {
    for method in [ColourFit::Em, ColourFit::Splitting] {
        let options = ColourOptions {
            fit: method,
            components: 5,
            sample: None,
        };
        for (colours, most) in [
            (vec![[9.0; 3]; 50], 1),
            ([[0.0; 3], [255.0; 3]].repeat(20), 2),
            (vec![], 0),
        ] {
            let gmm = fit(&colours, &options, 255.0, 1);
            assert!(
                gmm.components.len() <= most,
                "{} of {most}",
                gmm.components.len()
            );
            assert!(colours.iter().all(|c| {
                gmm.log_density(&Vector3::from(c.map(f64::from)))
                    .is_finite()
            }));
        }
    }
}

#[test]
fn a_sample_is_spread_evenly() {
    // The first half is dark, the second bright; a sample sees as much of both.
    let colours: Vec<_> = (0..1001_u16)
        .map(|i| [f32::from(i % 3) + if i < 500 { 20.0 } else { 200.0 }; 3])
        .collect();
    let options = ColourOptions {
        fit: ColourFit::Em,
        components: 2,
        sample: Some(100),
    };
    let mut weights: Vec<_> = fit(&colours, &options, 255.0, 1)
        .components
        .iter()
        .map(|c| c.weight)
        .collect();
    weights.sort_by(f64::total_cmp);
    assert!(
        (weights[0] - 0.5).abs() < 0.02 && weights.len() == 2,
        "{weights:?}"
    );
}
