//! The residual network: what a grid of pixels can still carry.
//!
//! A pixel's neighbours are found by adding an offset to its index. The grid is padded by one ring
//! of pixels without capacity, so that no lookup needs a bounds test or an adjacency list. The
//! eight directions are numbered in reading order, so that `7 - d` leads back:
//!
//! ```text
//! 0 1 2
//! 3 · 4
//! 5 6 7
//! ```

/// Residual capacities of a grid. Its memory is kept from one grid to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Pixels from one row to the next, padding included.
    pub(super) stride: usize,
    /// What each direction adds to an index.
    offsets: [isize; 8],
    /// The capacity to each neighbour.
    capacity: Vec<[i32; 8]>,
    /// What is left of it.
    pub(super) residual: Vec<[i32; 8]>,
    /// Which arcs out of a pixel have residual capacity; one bit a direction.
    pub(super) outward: Vec<u8>,
    /// Which arcs into a pixel have residual capacity; bit `d` for the arc from the neighbour in
    /// direction `d`.
    pub(super) inward: Vec<u8>,
    /// What the source still offers a pixel (positive) or the sink still takes from it (negative).
    pub(super) excess: Vec<i64>,
}

impl Network {
    /// Makes a grid of this size without capacities.
    pub(super) fn resize(&mut self, width: usize, height: usize) {
        let stride = width + 2;
        let s = stride as isize;
        (self.width, self.height, self.stride) = (width, height, stride);
        self.offsets = [-s - 1, -s, -s + 1, -1, 1, s - 1, s, s + 1];
        let size = stride * (height + 2);
        self.capacity.clear();
        self.capacity.resize(size, [0; 8]);
        self.residual.resize(size, [0; 8]);
        self.outward.resize(size, 0);
        self.inward.resize(size, 0);
        self.excess.clear();
        self.excess.resize(size, 0);
    }

    /// The number of pixels with padding.
    pub(super) fn size(&self) -> usize {
        self.excess.len()
    }

    /// The indices of the pixels, a row at a time.
    pub(super) fn rows(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let (width, stride) = (self.width, self.stride);
        (1..=self.height).map(move |y| y * stride + 1..y * stride + 1 + width)
    }

    /// The neighbour of `p` in direction `d`.
    #[inline(always)]
    pub(super) fn neighbour(&self, p: usize, d: usize) -> usize {
        p.wrapping_add_signed(self.offsets[d & 7])
    }

    /// Sets the capacities between all pixels and their neighbours in direction `d` = 4…7, row by
    /// row.
    pub(super) fn set_capacities(&mut self, d: usize, forth: &[i32], back: &[i32]) {
        let (dx, dy) = [(1, 0), (-1, 1), (0, 1), (1, 1)][d - 4];
        let columns = usize::from(dx < 0)..self.width - usize::from(dx > 0);
        for y in 0..self.height - dy {
            let (plane, row) = (y * self.width, (y + 1) * self.stride + 1);
            for x in columns.clone() {
                let (p, q) = (row + x, self.neighbour(row + x, d));
                self.capacity[p][d] = forth[plane + x];
                self.capacity[q][7 - d] = back[plane + x];
            }
        }
    }

    /// Takes all flow back and gives every pixel, row by row, its terminals.
    pub(super) fn start(&mut self, source: &[i32], sink: &[i32]) {
        self.residual.copy_from_slice(&self.capacity);
        for (arcs, residual) in self.outward.iter_mut().zip(&self.residual) {
            // Eight bytes of 0 or 1 become eight bits.
            let bytes = u64::from_le_bytes(residual.map(|r| u8::from(r > 0)));
            *arcs = (bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
        }
        let terminals = source
            .chunks_exact(self.width)
            .zip(sink.chunks_exact(self.width));
        for (pixels, (source, sink)) in self.rows().zip(terminals) {
            for (excess, (&source, &sink)) in self.excess[pixels.clone()]
                .iter_mut()
                .zip(source.iter().zip(sink))
            {
                *excess = i64::from(source) - i64::from(sink);
            }
            // An arc comes in where the neighbour's arc goes out.
            self.inward[pixels.clone()].fill(0);
            for d in 0..8 {
                let first = self.neighbour(pixels.start, d);
                let neighbours = &self.outward[first..first + pixels.len()];
                for (arcs, outward) in self.inward[pixels.clone()].iter_mut().zip(neighbours) {
                    *arcs |= (outward >> (7 - d) & 1) << d;
                }
            }
        }
    }

    /// Pushes flow > 0 from `p` to its neighbour in direction `d`. Returns whether the arc is full.
    /// The excesses of both are the caller's affair.
    #[inline(always)]
    pub(super) fn push(&mut self, p: usize, d: usize, flow: i32) -> bool {
        let q = self.neighbour(p, d);
        let forth = &mut self.residual[p][d & 7];
        *forth -= flow;
        let full = *forth == 0;
        if full {
            self.outward[p] &= !(1 << d);
            self.inward[q] &= !(1 << (7 - d));
        }
        let back = &mut self.residual[q][(7 - d) & 7];
        if *back == 0 {
            self.outward[q] |= 1 << (7 - d);
            self.inward[p] |= 1 << d;
        }
        *back += flow;
        full
    }

    /// What the sink can still take. The flow is what it has lost since [`Self::start`].
    pub(super) fn demand(&self) -> i64 {
        self.excess.iter().map(|&e| (-e).max(0)).sum()
    }

    /// Panics unless flow is conserved in every pixel and no capacity is exceeded.
    #[cfg(test)]
    pub(super) fn check(&self, source: &[i32], sink: &[i32]) {
        for (i, p) in self.rows().flatten().enumerate() {
            let mut expected = i64::from(source[i]) - i64::from(sink[i]);
            for d in 0..8 {
                let q = self.neighbour(p, d);
                assert!(self.residual[p][d] >= 0, "a residual below 0");
                let both = |c: &[[i32; 8]]| c[p][d] + c[q][7 - d];
                assert_eq!(
                    both(&self.residual),
                    both(&self.capacity),
                    "flow came from nowhere"
                );
                expected -= i64::from(self.capacity[p][d]) - i64::from(self.residual[p][d]);
            }
            assert_eq!(self.excess[p], expected, "flow is not conserved");
        }
    }
}

/// The directions in a bit set.
#[inline(always)]
pub(super) fn directions(mut set: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let d = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (d < 8).then_some(d)
    })
}
