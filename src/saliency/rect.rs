//! Rectangles of whole pixels.

use std::ops::Range;

use crate::geometry::Size;

/// A rectangle of whole pixels of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// The left edge.
    pub x: u32,
    /// The upper edge.
    pub y: u32,
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

impl Rect {
    /// The whole of a frame of this size.
    #[must_use]
    pub const fn whole(frame: Size) -> Self {
        Self {
            x: 0,
            y: 0,
            width: frame.width,
            height: frame.height,
        }
    }

    /// The size of the rectangle.
    #[must_use]
    pub const fn size(self) -> Size {
        Size::new(self.width, self.height)
    }

    /// Its range of rows and its range of columns in an array [height, width] of the frame.
    pub(crate) fn ranges(self) -> [Range<usize>; 2] {
        let range = |start: u32, length: u32| start as usize..(start + length) as usize;
        [range(self.y, self.height), range(self.x, self.width)]
    }

    /// Its pixels (x, y), row by row.
    pub fn pixels(self) -> impl Iterator<Item = (u32, u32)> {
        let columns = self.x..self.x + self.width;
        (self.y..self.y + self.height)
            .flat_map(move |row| columns.clone().map(move |column| (column, row)))
    }
}
