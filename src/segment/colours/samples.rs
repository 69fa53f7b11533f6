//! Colours as the kernels read them: blocks of three columns.

use crate::segment::kernel::lanes::{BLOCK, Column};

/// A block of colours.
#[derive(Clone, Debug)]
pub(in crate::segment) struct Block {
    /// Red, green and blue.
    pub(in crate::segment) colour: [Column; 3],
    /// 1 for a colour, 0 where the last block is not full.
    pub(in crate::segment) weight: Column,
}

/// Colours to learn a model from.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    pub(in crate::segment) blocks: Vec<Block>,
    len: usize,
}

impl Samples {
    /// How many colours there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The `i`-th colour.
    ///
    /// # Panics
    /// Where there are no more than `i` colours.
    #[must_use]
    pub fn get(&self, i: usize) -> [f32; 3] {
        assert!(i < self.len, "colour {i} of {}", self.len);
        let block = &self.blocks[i / BLOCK];
        [0, 1, 2].map(|c| block.colour[c].0[i % BLOCK])
    }

    /// The colours in their order.
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
                (0..3).for_each(|c| block.colour[c].0[i] = colour[c]);
                block.weight.0[i] = 1.0;
            }
            samples.len += 1;
        }
        samples
    }
}
