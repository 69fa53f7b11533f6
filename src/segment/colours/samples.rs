//! Colours in the layout that the kernels read: blocks of three columns.

use crate::segment::kernel::lanes::{BLOCK, Column};

/// A block of colours.
#[derive(Clone, Debug)]
pub(in crate::segment) struct Block {
    /// Red, green and blue.
    pub(in crate::segment) colour: [Column; 3],
    /// 1 for a colour, 0 for the unused elements of the last block.
    pub(in crate::segment) weight: Column,
}

/// The colours that a model is learnt from.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    pub(in crate::segment) blocks: Vec<Block>,
    len: usize,
}

impl Samples {
    /// The number of colours.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no colours.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The `i`-th colour.
    ///
    /// # Panics
    /// If there are at most `i` colours.
    #[must_use]
    pub fn get(&self, i: usize) -> [f32; 3] {
        assert!(i < self.len, "colour {i} of {}", self.len);
        let block = &self.blocks[i / BLOCK];
        [0, 1, 2].map(|c| block.colour[c].0[i % BLOCK])
    }

    /// The colours, in order.
    pub fn iter(&self) -> impl Iterator<Item = [f32; 3]> {
        (0..self.len).map(|i| self.get(i))
    }
}

impl FromIterator<[f32; 3]> for Samples {
    fn from_iter<I: IntoIterator<Item = [f32; 3]>>(colours: I) -> Self {
        let mut samples = Self::default();
        for colour in colours {
            let i = samples.len % BLOCK;
            if i == 0 {
                samples.blocks.push(Block {
                    colour: [Column::ZERO; 3],
                    weight: Column::ZERO,
                });
            }
            if let Some(block) = samples.blocks.last_mut() {
                for (column, value) in block.colour.iter_mut().zip(colour) {
                    column.0[i] = value;
                }
                block.weight.0[i] = 1.0;
            }
            samples.len += 1;
        }
        samples
    }
}
