//! One photo's path through the pipeline, as layers that a page draws over the photo.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage, imageops};
use ndarray::Array2;

use super::colours::{BACKGROUND, FOREGROUND};
use super::panel::varying;
use super::tiles::heat_map;
use crate::results::Layers;
use crate::saliency::Saliency;
use crate::segment::{Seed, Seeds, Stages};

/// The longer side of a photo on a page, pixels.
const LONGEST: u32 = 480;
/// The JPEG quality of photos and of maps: of the latter, which are noise, most would be spent on
/// nothing to be seen.
const QUALITY: [u8; 2] = [80, 60];

/// Draws the layers of a photo: its saliency map, unless that is constant, and the stages of its box
/// rule.
pub(super) fn draw_layers(
    saliency: Option<&Saliency>,
    stages: &Stages,
    classes: Vec<(usize, f32)>,
) -> Layers {
    let seeds = |seed: &Seed| match seed {
        Seed::Undecided => 0,
        Seed::Foreground => 1,
        Seed::Background => 2,
    };
    let of_seeds = |found: &Seeds| {
        png(
            &found.colour,
            seeds,
            [CLEAR, opaque(FOREGROUND), opaque(BACKGROUND)],
        )
    };
    let shade = |mask: &Array2<bool>| png(mask, |object| u8::from(!object), [CLEAR, SHADE, CLEAR]);
    Layers {
        saliency: varying(saliency).map(|saliency| jpeg(&heat_map(saliency), QUALITY[1])),
        seeds: stages.seeds.as_ref().map(of_seeds),
        cut: stages.mask.as_ref().map(shade),
        component: stages.component.as_ref().map(shade),
        classes,
    }
}

const CLEAR: [u8; 4] = [0; 4];
const SHADE: [u8; 4] = [0, 0, 0, 190];

fn opaque(Rgb([red, green, blue]): Rgb<u8>) -> [u8; 4] {
    [red, green, blue, 255]
}

/// A photo, no larger than a page shows it.
pub(super) fn reduced(photo: &RgbImage) -> String {
    let (width, height) = photo.dimensions();
    let scale = f64::from(LONGEST) / f64::from(width.max(height));
    if scale >= 1.0 {
        return jpeg(photo, QUALITY[0]);
    }
    let [width, height] =
        [width, height].map(|side| ((f64::from(side) * scale).round() as u32).max(1));
    jpeg(&imageops::thumbnail(photo, width, height), QUALITY[0])
}

pub(super) fn jpeg(picture: &RgbImage, quality: u8) -> String {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .expect("writing to a Vec cannot fail");
    format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(bytes))
}

/// Labels as a picture of four colours (red, green, blue, opacity), two bits a pixel.
fn png<T>(labels: &Array2<T>, place: impl Fn(&T) -> u8, colours: [[u8; 4]; 3]) -> String {
    let (height, width) = labels.dim();
    let mut pixels = Vec::with_capacity(height * width.div_ceil(4));
    for row in labels.rows() {
        let places: Vec<u8> = row.iter().map(&place).collect();
        pixels.extend(places.chunks(4).map(|four| {
            (0..)
                .zip(four)
                .fold(0, |byte, (i, bits)| byte | bits << (6 - 2 * i))
        }));
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Two);
    encoder.set_compression(png::Compression::High);
    encoder.set_palette(
        colours
            .iter()
            .flat_map(|[red, green, blue, _]| [*red, *green, *blue])
            .collect::<Vec<_>>(),
    );
    encoder.set_trns(colours.map(|[.., opacity]| opacity).to_vec());
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels));
    written.expect("writing to a Vec cannot fail");
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// Read back by another decoder: the labels in their colours, rows that do not fill their last
    /// byte among them.
    #[test]
    fn labels_come_back_in_their_colours() {
        let labels = array![[0_u8, 1, 2, 1, 0], [2, 2, 2, 0, 1]];
        let colours = [CLEAR, [255, 120, 0, 255], SHADE];
        let address = png(&labels, |label| *label, colours);
        let bytes = BASE64_STANDARD.decode(
            address
                .strip_prefix("data:image/png;base64,")
                .expect("a PNG"),
        );
        let picture = image::load_from_memory(&bytes.expect("base64"))
            .expect("a picture")
            .into_rgba8();
        for ((y, x), label) in labels.indexed_iter() {
            assert_eq!(
                picture.get_pixel(x as u32, y as u32).0,
                colours[usize::from(*label)],
                "({x}, {y})"
            );
        }
        assert_eq!(picture.dimensions(), (5, 2));
    }

    #[test]
    fn large_photos_become_small() {
        let size = |width, height| {
            let address = reduced(&RgbImage::new(width, height));
            let bytes = BASE64_STANDARD
                .decode(&address["data:image/jpeg;base64,".len()..])
                .expect("base64");
            image::load_from_memory(&bytes)
                .expect("a picture")
                .into_rgb8()
                .dimensions()
        };
        assert_eq!(
            (size(960, 720), size(100, 480), size(5000, 1)),
            ((480, 360), (100, 480), (480, 1))
        );
    }
}
