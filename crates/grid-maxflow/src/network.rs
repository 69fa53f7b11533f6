//! The residual network: how much flow every arc of the grid can still take.
//!
//! The neighbours of a pixel are found by adding an offset to its index. The grid is padded with
//! one pixel without capacity on every side, so that no lookup needs a test for the border or an
//! adjacency list. The eight directions are numbered in reading order, so `7 - d` is the opposite
//! of direction `d`:
//!
//! ```text
//! 0 1 2
//! 3 · 4
//! 5 6 7
//! ```

/// The direction opposite to `d`. (The mask spares the bounds check of an array of eight.)
#[inline(always)]
pub(crate) fn opposite(d: usize) -> usize {
    (7 - d) & 7
}

/// The directions in a bit set, in ascending order.
#[inline(always)]
pub(crate) fn directions(mut set: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let d = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (d < 8).then_some(d)
    })
}

/// The residual capacities of a grid. Pixels are indices into the padded grid. The memory is kept
/// from one grid to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// The number of pixels from one row to the next, including padding.
    pub(crate) stride: usize,
    /// What each direction adds to an index.
    offsets: [isize; 8],
    /// The capacity from each pixel to each of its neighbours.
    capacity: Vec<[i32; 8]>,
    /// The residual capacity from each pixel to each of its neighbours.
    pub(crate) residual: Vec<[i32; 8]>,
    /// Which arcs out of a pixel have residual capacity: bit `d` for the arc in direction `d`.
    pub(crate) outward: Vec<u8>,
    /// Which arcs into a pixel have residual capacity: bit `d` for the arc from the neighbour in
    /// direction `d`.
    pub(crate) inward: Vec<u8>,
    /// The flow that the source can still send to a pixel (positive) or that the sink can still
    /// take from it (negative).
    pub(crate) excess: Vec<i64>,
}

impl Network {
    /// Sets the size. All capacities become 0.
    pub(crate) fn resize(&mut self, width: usize, height: usize) {
        let stride = width + 2;
        let s = stride as isize;
        (self.width, self.height, self.stride) = (width, height, stride);
        self.offsets = [-s - 1, -s, -s + 1, -1, 1, s - 1, s, s + 1];
        let padded_len = stride * (height + 2);
        self.capacity.clear();
        self.capacity.resize(padded_len, [0; 8]);
        self.residual.resize(padded_len, [0; 8]);
        self.outward.resize(padded_len, 0);
        self.inward.resize(padded_len, 0);
        self.excess.clear();
        self.excess.resize(padded_len, 0);
    }

    /// The number of pixels, including padding.
    pub(crate) fn padded_len(&self) -> usize {
        self.excess.len()
    }

    /// The indices of the pixels without padding, one row at a time.
    pub(crate) fn rows(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let (width, stride) = (self.width, self.stride);
        (1..=self.height).map(move |y| y * stride + 1..y * stride + 1 + width)
    }

    /// The neighbour of `p` in direction `d`.
    #[inline(always)]
    pub(crate) fn neighbour(&self, p: usize, d: usize) -> usize {
        p.wrapping_add_signed(self.offsets[d & 7])
    }

    /// Sets the capacities between all pixels and their neighbours in direction `d` = 4…7, row by
    /// row: `forward` to the neighbour and `backward` from it.
    pub(crate) fn set_capacities(&mut self, d: usize, forward: &[i32], backward: &[i32]) {
        let (dx, dy) = [(1, 0), (-1, 1), (0, 1), (1, 1)][d - 4];
        let columns = usize::from(dx < 0)..self.width - usize::from(dx > 0);
        for y in 0..self.height - dy {
            let (first, padded_first) = (y * self.width, (y + 1) * self.stride + 1);
            for x in columns.clone() {
                let p = padded_first + x;
                let q = self.neighbour(p, d);
                self.capacity[p][d] = forward[first + x];
                self.capacity[q][opposite(d)] = backward[first + x];
            }
        }
    }

    /// Resets the flow to 0 and sets the costs of every pixel, row by row. The excess of a pixel is
    /// the difference of its costs.
    pub(crate) fn reset(&mut self, source: &[i32], sink: &[i32]) {
        self.residual.copy_from_slice(&self.capacity);
        for (arcs, residual) in self.outward.iter_mut().zip(&self.residual) {
            // The multiplication packs eight bytes of 0 or 1 into the eight bits of the top byte.
            let bytes = u64::from_le_bytes(residual.map(|r| u8::from(r > 0)));
            *arcs = (bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
        }
        let costs = source
            .chunks_exact(self.width)
            .zip(sink.chunks_exact(self.width));
        for (pixels, (source_row, sink_row)) in self.rows().zip(costs) {
            let row = self.excess[pixels.clone()].iter_mut();
            for (excess, (&from_source, &to_sink)) in row.zip(source_row.iter().zip(sink_row)) {
                *excess = i64::from(from_source) - i64::from(to_sink);
            }
            self.reset_inward(pixels);
        }
    }

    /// Sets [`Self::inward`] in a row of pixels from [`Self::outward`]: an arc into a pixel is an
    /// arc out of its neighbour.
    #[inline(always)]
    fn reset_inward(&mut self, pixels: std::ops::Range<usize>) {
        self.inward[pixels.clone()].fill(0);
        for d in 0..8 {
            let first = self.neighbour(pixels.start, d);
            let neighbours = &self.outward[first..first + pixels.len()];
            for (arcs, outward) in self.inward[pixels.clone()].iter_mut().zip(neighbours) {
                *arcs |= (outward >> opposite(d) & 1) << d;
            }
        }
    }

    /// Pushes a positive flow from `p` to its neighbour in direction `d`, and returns whether that
    /// saturates the arc. The caller updates the excesses of both pixels.
    #[inline(always)]
    pub(crate) fn push(&mut self, p: usize, d: usize, flow: i32) -> bool {
        let q = self.neighbour(p, d);
        let forward = &mut self.residual[p][d & 7];
        *forward -= flow;
        let saturated = *forward == 0;
        if saturated {
            self.outward[p] &= !(1 << d);
            self.inward[q] &= !(1 << opposite(d));
        }
        let backward = &mut self.residual[q][opposite(d)];
        if *backward == 0 {
            self.outward[q] |= 1 << opposite(d);
            self.inward[p] |= 1 << d;
        }
        *backward += flow;
        saturated
    }

    /// The sum of all deficits: the flow that the sink can still take. What it has lost since
    /// [`Self::reset`] is the value of the flow.
    pub(crate) fn total_deficit(&self) -> i64 {
        self.excess.iter().map(|&e| (-e).max(0)).sum()
    }

    /// Panics unless flow is conserved in every pixel and within every capacity.
    #[cfg(test)]
    pub(crate) fn check(&self, source: &[i32], sink: &[i32]) {
        for (i, p) in self.rows().flatten().enumerate() {
            let mut expected = i64::from(source[i]) - i64::from(sink[i]);
            for d in 0..8 {
                let q = self.neighbour(p, d);
                assert!(self.residual[p][d] >= 0, "a residual capacity is negative");
                let both = |c: &[[i32; 8]]| c[p][d] + c[q][opposite(d)];
                assert_eq!(
                    both(&self.residual),
                    both(&self.capacity),
                    "the flows of an arc and its opposite do not cancel"
                );
                expected -= i64::from(self.capacity[p][d]) - i64::from(self.residual[p][d]);
            }
            assert_eq!(self.excess[p], expected, "flow is not conserved");
        }
    }
}
