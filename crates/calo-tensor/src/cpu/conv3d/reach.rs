//! One axis of a convolution, or of its transposed, in groups of outputs that use the same taps.
//!
//! Only taps that meet the input count: on a small grid a third of all products, or more, are with padding.

use std::ops::Range;

/// Outputs that use the same taps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Index of the first of them; the others follow in steps of [`Reach::out_step`].
    pub(super) start: usize,
    /// How many.
    pub(super) count: usize,
    /// Their taps, as places in [`Reach::order`]; none where a stride leaps over the kernel.
    pub(super) taps: Range<usize>,
    /// The element of the input that the first tap meets for the first output; the following taps meet the following.
    pub(super) first: usize,
}

/// One axis.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// Elements of the input.
    pub(super) input: usize,
    /// Elements of the output.
    pub(super) output: usize,
    /// The taps of the kernel in an order in which those of one output are neighbours and meet neighbours.
    pub(super) order: Vec<usize>,
    /// Step from one output of a group to the next.
    pub(super) out_step: usize,
    /// Step from the elements that one output of a group meets to those of the next.
    pub(super) step: usize,
    /// All outputs.
    pub(super) groups: Vec<Group>,
}

impl Reach {
    /// `output[o] = sum over k of weight[k] * input[stride * o + k - padding]`.
    pub(super) fn convolution(
        input: usize,
        output: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Self {
        let outputs = (0..output).map(|index| {
            let place = stride * index;
            let taps = padding.saturating_sub(place)..kernel.min((input + padding).saturating_sub(place));
            let first = (place + taps.start).saturating_sub(padding);
            (index, taps, first)
        });
        let groups = grouped(outputs);
        Self { input, output, order: (0..kernel).collect(), out_step: 1, step: stride, groups }
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
        let (mut order, mut groups) = (Vec::with_capacity(kernel), Vec::new());
        for residue in 0..stride {
            // A later tap meets an earlier element.
            order.extend((residue..kernel).step_by(stride).rev());
            let (end, count) = (order.len(), kernel.saturating_sub(residue).div_ceil(stride));
            let first = (residue + stride - padding % stride) % stride;
            groups.extend(grouped((first..output).step_by(stride).map(|index| {
                let place = (index + padding) / stride;
                let (from, to) = ((place + 1).saturating_sub(input), count.min(place + 1));
                let taps = end - to.max(from)..end - from.min(end);
                (index, taps, (place + 1).saturating_sub(to))
            })));
        }
        Self { input, output, order, out_step: stride, step: 1, groups }
    }
}

/// Neighbours with the same taps together.
fn grouped(outputs: impl Iterator<Item = (usize, Range<usize>, usize)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (start, taps, first) in outputs {
        let (taps, first) = if taps.is_empty() { (0..0, 0) } else { (taps, first) };
        match groups.last_mut() {
            Some(last) if last.taps == taps => last.count += 1,
            _ => groups.push(Group { start, count: 1, taps, first }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every output with its taps and the elements they meet, as (output, tap, element).
    fn products(reach: &Reach) -> Vec<(usize, usize, usize)> {
        let mut products = Vec::new();
        for group in &reach.groups {
            for member in 0..group.count {
                let output = group.start + reach.out_step * member;
                assert!(output < reach.output);
                let taps = reach.order[group.taps.clone()].iter().enumerate();
                products.extend(taps.map(|(i, &tap)| (output, tap, group.first + reach.step * member + i)));
            }
        }
        products.sort_unstable();
        products
    }

    #[test]
    fn groups_hold_exactly_the_products_within_the_input() {
        for (input, kernel, stride, padding) in [
            (9, 4, 2, 2),
            (5, 3, 1, 1),
            (14, 3, 2, 0),
            (4, 2, 3, 1),
            (1, 3, 1, 3),
            (2, 4, 3, 3),
            (7, 1, 2, 3),
        ] {
            let output = (input + 2 * padding - kernel) / stride + 1;
            let mut expected = Vec::new();
            for o in 0..output {
                for k in 0..kernel {
                    let element =
                        usize::checked_sub(stride * o + k, padding).filter(|&element| element < input);
                    expected.extend(element.map(|element| (o, k, element)));
                }
            }
            let reach = Reach::convolution(input, output, kernel, stride, padding);
            assert_eq!(products(&reach), expected, "{input} {kernel} {stride} {padding}");
            assert_eq!(reach.groups.iter().map(|group| group.count).sum::<usize>(), output);

            let mut mirrored: Vec<_> = expected.iter().map(|&(o, k, element)| (element, k, o)).collect();
            mirrored.sort_unstable();
            let reach = Reach::transposed(output, input, kernel, stride, padding);
            assert_eq!(products(&reach), mirrored, "{input} {kernel} {stride} {padding} transposed");
            assert_eq!(reach.groups.iter().map(|group| group.count).sum::<usize>(), input);
        }
    }
}
