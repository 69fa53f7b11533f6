//! The colours of panels and pages. Each is stated here once: pages take theirs from [`style`].
//!
//! Amber is what the program takes for the object, blue is background: this pair differs for every
//! kind of colour blindness, and in lightness too. True boxes are white and dashed, so that they are
//! told from found ones without any colour. The map is *magma*: its steps look equally large, its
//! lightness grows throughout (it can be printed in grey), and it begins with black, where a map
//! says nothing.

use colorous::MAGMA;
use image::Rgb;

/// Boxes that were found, on a page with several runs those of the first.
pub(super) const FOUND: Rgb<u8> = Rgb([255, 170, 0]);
/// True boxes.
pub(super) const TRUE: Rgb<u8> = Rgb([255; 3]);
/// The dark edge of every box.
pub(super) const HALO: Rgb<u8> = Rgb([0; 3]);
/// Foreground seeds.
pub(super) const FOREGROUND: Rgb<u8> = FOUND;
/// Background seeds.
pub(super) const BACKGROUND: Rgb<u8> = Rgb([0, 90, 255]);

/// The colour of a value in 0..=1 of a saliency map.
pub(super) fn heat(value: f64) -> Rgb<u8> {
    Rgb(MAGMA.eval_continuous(value).into_array())
}

/// The colours as properties of a style sheet.
pub(super) fn style() -> String {
    let named = [
        ("found", FOUND),
        ("truth", TRUE),
        ("halo", HALO),
        ("foreground", FOREGROUND),
        ("background", BACKGROUND),
    ];
    let colours: String = named
        .iter()
        .map(|(name, colour)| format!("--{name}: {}; ", hex(*colour)))
        .collect();
    let steps: Vec<String> = (0..=8).map(|i| hex(heat(f64::from(i) / 8.0))).collect();
    format!(
        "{colours}--heat: linear-gradient(90deg, {});",
        steps.join(", ")
    )
}

fn hex(Rgb([red, green, blue]): Rgb<u8>) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of WCAG 2, in 0..=1.
    fn luminance(Rgb(colour): Rgb<u8>) -> f64 {
        let linear = colour.map(|byte| match f64::from(byte) / 255.0 {
            v if v <= 0.03928 => v / 12.92,
            v => ((v + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn the_map_grows_lighter_throughout() {
        let lightness: Vec<f64> = (0..=255)
            .map(|i| luminance(heat(f64::from(i) / 255.0)))
            .collect();
        assert!(lightness.is_sorted());
        assert!(lightness[0] < 0.01 && lightness[255] > 0.9, "{lightness:?}");
    }

    /// Without any hue, the seeds still differ, and each box from its dark edge.
    #[test]
    fn colours_differ_in_lightness() {
        let contrast = |a, b| {
            let [a, b] = [luminance(a), luminance(b)];
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        assert!(contrast(FOREGROUND, BACKGROUND) > 2.0);
        assert!(contrast(FOUND, HALO) > 7.0 && contrast(TRUE, HALO) > 7.0);
    }
}
