//! Text on pictures, in an embedded font (`font/make` makes it).
//!
//! A character that the font does not have is drawn as an empty rectangle.

use std::sync::LazyLock;

use ab_glyph::FontRef;
use image::{Rgb, RgbImage};
use imageproc::drawing::{draw_text_mut, text_size};

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("font/captions.ttf")).expect("a TrueType font")
});

/// The size of captions: the pixels from the top of the highest letter to the foot of the lowest.
pub(super) const SIZE: u32 = 18;
/// The pixels from a line to the next.
pub(super) const LINE: u32 = 22;
const INK: Rgb<u8> = Rgb([27, 29, 32]);
pub(super) const PAPER: Rgb<u8> = Rgb([255; 3]);

/// The width of a line of text, pixels.
pub(super) fn width(text: &str) -> u32 {
    text_size(SIZE as f32, &*FONT, text).0
}

/// Draws a line of text; (x, y) is its upper left corner.
pub(super) fn draw(picture: &mut RgbImage, x: u32, y: u32, text: &str) {
    draw_text_mut(picture, INK, x as i32, y as i32, SIZE as f32, &*FONT, text);
}

/// The text, shortened in the middle until it is at most `max` pixels wide.
pub(super) fn shortened(text: &str, max: u32) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let keep = |count: usize| -> String {
        let (head, tail) = (count.div_ceil(2), count / 2);
        let (head, tail) = (&letters[..head], &letters[letters.len() - tail..]);
        head.iter().chain(['…'].iter()).chain(tail).collect()
    };
    let counts: Vec<usize> = (1..letters.len()).collect();
    let longest = counts.partition_point(|&count| width(&keep(count)) <= max);
    keep(longest)
}

/// Facts in lines of at most `max` pixels: as many in each as it has room for, with a dot between
/// them.
pub(super) fn lines(facts: &[String], max: u32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts {
        let longer = lines.last().map(|line| format!("{line}  ·  {fact}"));
        match (lines.last_mut(), longer) {
            (Some(line), Some(longer)) if width(&longer) <= max => *line = longer,
            _ => lines.push(shortened(fact, max)),
        }
    }
    lines
}

/// Lines of text on white, in a picture of this width. Each must fit.
pub(super) fn block(lines: &[String], width: u32) -> RgbImage {
    let mut block = RgbImage::from_pixel(width, LINE * lines.len() as u32, PAPER);
    for (line, y) in lines.iter().zip((0..).step_by(LINE as usize)) {
        draw(&mut block, 0, y, line);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends_and_fit() {
        assert_eq!(shortened("coffee", 100), "coffee");
        for letter in ["i", "W", "é", "照"] {
            let name = format!("begin{}end", letter.repeat(5000));
            for max in [60, 240, 1000] {
                let short = shortened(&name, max);
                assert!(width(&short) <= max, "{letter}, {max}: {short}");
                assert!(short.starts_with("be") && short.ends_with("nd"), "{short}");
                // No room is wasted: one more letter does not fit.
                assert!(width(&short) + 3 * SIZE > max, "{letter}, {max}: {short}");
            }
        }
    }

    #[test]
    fn facts_share_lines_where_they_fit() {
        let facts = ["one", "two", &"three".repeat(40), "four"].map(ToString::to_string);
        let lines = lines(&facts, 200);
        assert_eq!((lines[0].as_str(), lines.len()), ("one  ·  two", 3));
        assert!(lines.iter().all(|line| width(line) <= 200), "{lines:?}");
        assert_eq!(lines[2], "four");
    }

    /// Each character leaves ink and takes room, whether the font has it or not.
    #[test]
    fn every_character_is_seen() {
        for letter in "aZ0é…·ß照🦊\u{7}\u{202e}".chars() {
            let block = block(&[letter.to_string()], 60);
            let ink = block.pixels().filter(|pixel| pixel.0[0] < 128).count();
            assert!(ink > 0, "{letter:?}");
            assert!(width(&letter.to_string()) > 2, "{letter:?}");
        }
        let [unknown, other] = ["照", "🦊"].map(|text| block(&[text.to_owned()], 60));
        assert_eq!(unknown, other);
    }
}
