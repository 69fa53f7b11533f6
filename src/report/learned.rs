//! The page of a head: how well it separates, and what it calls foreground.

use std::fmt::Write;

use image::RgbImage;

use super::colours::heat;
use super::layers::jpeg;
use super::tiles::TilePhoto;
use crate::learn::{Learned, LearnedPhoto, Separation};

/// The quality of the pictures, 1 to 100.
const QUALITY: u8 = 80;

/// The page of a head that was learned, in HTML, with the first `photos` photos: each as it was cut
/// out before and after, and where the head of the other half of the photos sees foreground.
#[must_use]
pub fn learned_page(learned: &Learned, photos: usize) -> String {
    let of = &learned.head.learned_on;
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Head of {model}</title>\n\
         <style>body {{ font: 15px sans-serif; margin: 2em; max-width: 70em }} \
         td, th {{ padding: 0 1em 0 0; text-align: left }} figure {{ margin: 1em 0 }} \
         img {{ width: 30%; margin-right: 1% }}</style>\n\
         <h1>Head of {model}</h1>\n\
         <p>Learned from {used} photos of {dataset} and the masks of {pipeline}; {failed} photos were \
         left out. No box was looked at. {layers}</p>\n",
        model = escaped(&of.model),
        dataset = escaped(&of.dataset),
        pipeline = escaped(&of.pipeline),
        used = learned.photos.len(),
        failed = learned.failed.len(),
        layers = escaped(&layers(learned)),
    );
    page += "<p>Figures of each half of the photos with the head of the other half:</p>\n<table>\n\
             <tr><th>round<th>area under the ROC curve<th>labelled foreground<th>logit above 0\
             <th>mean logit\n";
    for (number, round) in (1..).zip(&learned.rounds) {
        let [auc, foreground, above, mean] = figures(round);
        let _ = writeln!(
            page,
            "<tr><td>{number}<td>{auc}<td>{foreground}<td>{above}<td>{mean}"
        );
    }
    page += "</table>\n<p>Cut out without a head; with the head of the other half; that head's odds, \
             from black to white.</p>\n";
    for photo in learned.photos.iter().take(photos) {
        let _ = write!(page, "<figure>");
        for tile in tiles(photo) {
            let _ = write!(page, "<img alt=\"\" src=\"{}\">", jpeg(&tile, QUALITY));
        }
        let _ = writeln!(
            page,
            "<figcaption>{}</figcaption></figure>",
            escaped(&photo.id)
        );
    }
    page + "</html>\n"
}

/// The same figures as text, in two lines under a heading.
#[must_use]
pub fn learned_table(learned: &Learned) -> String {
    let mut text = String::from(
        " round  area under the ROC curve  labelled foreground  logit above 0  mean logit\n",
    );
    for (number, round) in (1..).zip(&learned.rounds) {
        let [auc, foreground, above, mean] = figures(round);
        let _ = writeln!(
            text,
            " {number:<5}  {auc:<24}  {foreground:<19}  {above:<13}  {mean}"
        );
    }
    text
}

fn figures(round: &Separation) -> [String; 4] {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    [
        format!("{:.3}", round.auc),
        percent(round.foreground),
        percent(round.above_zero),
        format!("{:.2}", round.mean),
    ]
}

fn layers(learned: &Learned) -> String {
    let layer =
        |layer: &crate::head::HeadLayer| format!("{} ({})", layer.tensor, layer.weights.len());
    let layers: Vec<String> = learned.head.layers.iter().map(layer).collect();
    format!("Layers and their weights: {}.", layers.join(", "))
}

fn tiles(photo: &LearnedPhoto) -> [RgbImage; 3] {
    let tile = TilePhoto::new(&photo.frame);
    let (height, width) = photo.logits.dim();
    let odds = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let logit = f64::from(photo.logits[[y as usize, x as usize]]);
        heat(1.0 / (1.0 + (-logit).exp()))
    });
    [
        tile.masked(&photo.before),
        tile.masked(&photo.after),
        TilePhoto::new(&odds).plain(),
    ]
}

/// Text in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
