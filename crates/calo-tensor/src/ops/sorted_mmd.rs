//! Sorted-kernel MMD: the spectrum of cell energies, compared window by window.
//!
//! Windows overlap, so most pairs of cells stand in several. The sum here runs once over the band of pairs less than
//! a window apart, each pair weighted by the number of windows that hold it: a third of the kernel evaluations, and
//! no matrix of pairs is ever formed.
//!
//! * forward: the loss of each shower, and beside it in the same tensor the gradients, for which every kernel is at
//!   hand only then;
//! * gradient: those, times what comes in;
//! * gradient of that: refused, as no network is trained with it.

use candle_core::{CpuStorage, DType, Shape, Tensor, WithDType};

use crate::arguments::SortedMmd;
use crate::autograd::Backward;
use crate::cpu::sorted_mmd::losses_and_gradients;
use crate::cpu::{Operand, by_dtype, elements};
use crate::cuda;
use crate::ops::check::same_dims;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

const OP: &str = "sorted_mmd";

/// Squared maximum mean discrepancy (biased estimator, kernel exp(-a d^2)) of real and processed cell energies in
/// windows of the sorted cells: the mean over windows and showers.
///
/// The first derivative is all there is.
///
/// # Shapes
/// Both `[n, cells]`, each row in falling order, as [`sort_descending`](crate::ops::sort_descending) gives it; at
/// least [`SortedMmd::cells`] of them, of which those are used; a scalar.
///
/// # Errors
/// [`Error::Operand`] for other shapes, too few cells (choose fewer windows for a smaller grid), other element types
/// than f32 and f64, and on the CPU for a row that is not in falling order; [`Error::Field`] for impossible settings.
///
/// # Reference
/// Buhmann et al., Getting high, arXiv 2005.05334 (post-processor).
///
/// # Example
/// ```
/// # use calo_tensor::{candle::{Device, Tensor}, ops::{SortedMmd, sort_descending, sorted_mmd}};
/// let settings = SortedMmd { window: 4, stride: 2, windows: 3, ..SortedMmd::default() };
/// let real = Tensor::new(&[[0_f32, 3.0, 0.1, 0.2, 1.5, 0.0, 0.3, 0.0]], &Device::Cpu)?;
/// let real = sort_descending(&real, settings.cells())?;
/// assert_eq!(sorted_mmd(&real, &real, &settings)?.to_scalar::<f32>()?, 0.0);
/// # Ok::<(), calo_tensor::Error>(())
/// ```
pub fn sorted_mmd(real: &Tensor, processed: &Tensor, settings: &SortedMmd) -> Result<Tensor> {
    settings.validate()?;
    let cells = settings.cells();
    let &[n, available] = real.dims() else {
        return Err(Error::operand(OP, "real", real.shape(), "[n, cells]"));
    };
    if n == 0 {
        return Err(Error::operand(OP, "shape", real.shape(), "at least one element"));
    }
    same_dims(OP, "shape of processed", processed, real.dims())?;
    if available < cells {
        return Err(Error::operand(
            OP,
            "number of sorted cells",
            available,
            format!(
                "at least {cells} for {} windows of {} every {}: choose fewer windows for a smaller grid",
                settings.windows, settings.window, settings.stride
            ),
        ));
    }
    if !matches!(real.dtype(), DType::F32 | DType::F64) || real.dtype() != processed.dtype() {
        return Err(Error::operand(
            OP,
            "element types",
            (real.dtype(), processed.dtype()),
            "F32 or F64, twice the same",
        ));
    }
    let real = real.narrow(1, 0, cells)?.contiguous()?;
    let processed = processed.narrow(1, 0, cells)?.contiguous()?;
    let losses = real.apply_op2(&processed, Node(Band { settings: *settings }))?.narrow(1, 0, 1)?;
    debug_assert_eq!(losses.dims(), [n, 1]);
    Ok(losses.mean_all()?)
}

/// `[n, cells]` twice to `[n, 1 + 2 cells]`: of each shower the loss, its gradient for the first and for the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    pub(crate) settings: SortedMmd,
}

impl Operation<2> for Band {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu(
        &self,
        [(real, real_layout), (processed, processed_layout)]: [Operand<'_>; 2],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, cells) = real_layout.shape().dims2()?;
        let storage = by_dtype!(OP, real, T => {
            let real = elements::<T>(OP, real, real_layout)?;
            let processed = elements::<T>(OP, processed, processed_layout)?;
            let falling = |x: &[T]| x.chunks(cells).all(|row| row.is_sorted_by(|a, b| a >= b));
            if !falling(real) || !falling(processed) {
                Err(Error::operand(OP, "a row of cells", "not in falling order", "sorted cells").into())
            } else {
                Ok(T::to_cpu_storage_owned(losses_and_gradients(&self.settings, real, processed)))
            }
        })?;
        Ok((storage, Shape::from((n, 1 + 2 * cells))))
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::sorted_mmd(a, b, self.settings)
    }

    fn gradients(
        &self,
        [real, processed]: [&Tensor; 2],
        result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let result = pass.keep(result);
        if result.track_op() {
            return Err(Error::operand(OP, "derivative", "second", "the first, the only one there is").into());
        }
        let cells = real.dim(1)?;
        // Other operations take the losses alone; the gradients in the result are used only here.
        let of_loss = pass.keep(gradient).narrow(1, 0, 1)?;
        let part = |x: &Tensor, start: usize| {
            let wanted = pass.wants(x).then(|| result.narrow(1, start, cells)?.broadcast_mul(&of_loss));
            wanted.transpose()
        };
        Ok([part(real, 1)?, part(processed, 1 + cells)?])
    }
}
