//! One axis of a convolution, or of its transposed, as stride-1 convolutions over dense grids.
//!
//! A convolution of stride s reads every s-th element: seen from the s residues of the index, each tap is a stride-1
//! access to one of s dense *phases* of the padded input. A transposed convolution is cut the other way: the outputs of
//! one residue use the taps of one residue, so each residue is a *class* with its own, shorter, stride-1 convolution,
//! and nothing is multiplied by the zeros between the elements of a strided gradient.

/// A tap of the kernel, as an access to the padded input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    /// Index in the kernel.
    pub(super) kernel: usize,
    /// Phase of the padded input.
    pub(super) phase: usize,
    /// How far from the output's own place in the phase.
    pub(super) shift: usize,
}

/// Outputs that use the same taps.
#[derive(Debug, Clone)]
pub(super) struct Class {
    /// Index of the first of them; the others follow in steps of [`Axis::out_step`].
    pub(super) start: usize,
    /// Place of the first in the phases.
    pub(super) first: usize,
    /// How many.
    pub(super) count: usize,
    /// The taps they use; none where a stride leaps over the kernel.
    pub(super) taps: Vec<Tap>,
}

impl Class {
    /// One past the last place of the phases that the first `members` read, `step` from one to the next.
    fn end(&self, step: usize, members: usize) -> usize {
        self.first + step * (members - 1) + 1 + self.taps.iter().map(|tap| tap.shift).max().unwrap_or(0)
    }

    /// Which members have outputs among `from..to`.
    pub(super) fn members(&self, out_step: usize, from: usize, to: usize) -> std::ops::Range<usize> {
        let member = |output: usize| output.saturating_sub(self.start).div_ceil(out_step).min(self.count);
        member(from)..member(to)
    }
}

/// How the outputs of a strided convolution find their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    /// As neighbours, in phases.
    Dense,
    /// A stride apart, in the padded input as it is.
    Plain,
}

/// One axis of a pass.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// Elements of the input.
    pub(super) input: usize,
    /// Elements of the output.
    pub(super) output: usize,
    /// Phases of the padded input: place u of phase f is its element `phases * u + f - padding`.
    pub(super) phases: usize,
    /// Elements before the first.
    pub(super) padding: usize,
    /// Step from one output of a class to the next.
    pub(super) out_step: usize,
    /// Step from one place of a class to the next.
    pub(super) step: usize,
    /// The classes that have outputs.
    pub(super) classes: Vec<Class>,
    /// Places of a phase that are read.
    pub(super) len: usize,
}

impl Axis {
    /// `output[o] = sum over k of weight[k] * input[stride * o + k - padding]`.
    pub(super) fn convolution(
        input: usize,
        output: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        places: Places,
    ) -> Self {
        let (phases, step) = match places {
            Places::Dense => (stride, 1),
            Places::Plain => (1, stride),
        };
        let taps = (0..kernel).map(|k| Tap { kernel: k, phase: k % phases, shift: k / phases }).collect();
        let class = Class { start: 0, first: 0, count: output, taps };
        let len = class.end(step, output);
        Self { input, output, phases, padding, out_step: 1, step, classes: vec![class], len }
    }

    /// `output[i] = sum over k of weight[k] * input[(i + padding - k) / stride]`, over whole quotients within the
    /// input.
    pub(super) fn transposed(
        input: usize,
        output: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Self {
        let before = kernel.saturating_sub(1) / stride;
        let class = |residue: usize| {
            let first = padding.saturating_sub(residue).div_ceil(stride);
            let end = (output + padding).saturating_sub(residue).div_ceil(stride);
            let taps = (residue..kernel)
                .step_by(stride)
                .map(|k| Tap { kernel: k, phase: 0, shift: before - k / stride })
                .collect();
            let count = end.saturating_sub(first);
            (count > 0).then(|| Class { start: stride * first + residue - padding, first, count, taps })
        };
        let classes: Vec<_> = (0..stride).filter_map(class).collect();
        let len = classes.iter().map(|class| class.end(1, class.count)).max().unwrap_or(0);
        Self { input, output, phases: 1, padding: before, out_step: stride, step: 1, classes, len }
    }

    /// Places of the phases that the outputs `from..to` read.
    pub(super) fn places(&self, from: usize, to: usize) -> std::ops::Range<usize> {
        let mut places = self.len..0;
        for class in &self.classes {
            let members = class.members(self.out_step, from, to);
            if !members.is_empty() {
                places.start = places.start.min(class.first + self.step * members.start);
                places.end = places.end.max(class.end(self.step, members.end));
            }
        }
        places.start.min(places.end)..places.end
    }
}
