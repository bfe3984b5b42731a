//! Adam's update as one operation of Candle's, on CPU or GPU.

use std::cell::Cell;

use candle_core::{CpuStorage, CudaStorage, InplaceOp1, InplaceOp2, Layout, Result, Tensor};

use crate::arguments::AdamUpdate;
use crate::cpu::adam::{NAME, elements_mut, update_all};
use crate::cpu::{Real, by_dtype, elements};
use crate::cuda;

/// Changes the moments `[2, ...]` in place with the gradient, and the parameter with them.
///
/// Candle's in-place operations change one tensor; so the parameter's own operation runs inside that of the moments.
pub(super) struct FusedAdam<'a> {
    pub(super) parameter: &'a Tensor,
    pub(super) update: AdamUpdate,
}

impl InplaceOp2 for FusedAdam<'_> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        moments: &mut CpuStorage,
        moments_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        by_dtype!(NAME, gradient, T => {
            let gradient = elements::<T>(NAME, gradient, gradient_layout)?;
            let moments = elements_mut::<T>(moments, moments_layout)?;
            let inner = OnParameter { moments: Cell::new(moments), gradient, update: self.update };
            self.parameter.inplace_op1(&inner)
        })
    }

    fn cuda_fwd(
        &self,
        moments: &mut CudaStorage,
        moments_layout: &Layout,
        gradient: &CudaStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let inner = OnDevice {
            moments: Cell::new(Some(cuda::OperandMut { storage: moments, layout: moments_layout })),
            gradient: (gradient, gradient_layout),
            update: self.update,
        };
        self.parameter.inplace_op1(&inner)
    }
}

/// The same on a GPU.
struct OnDevice<'a> {
    moments: Cell<Option<cuda::OperandMut<'a>>>,
    gradient: cuda::Operand<'a>,
    update: AdamUpdate,
}

impl InplaceOp1 for OnDevice<'_> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        candle_core::bail!("{NAME}: a parameter on the CPU whose moments are not")
    }

    fn cuda_fwd(&self, parameter: &mut CudaStorage, layout: &Layout) -> Result<()> {
        let Some(moments) = self.moments.take() else { return Ok(()) };
        cuda::adam(cuda::OperandMut { storage: parameter, layout }, moments, self.gradient, self.update)
    }
}

struct OnParameter<'a, T> {
    /// Taken by the only call: Candle passes operations as shared references.
    moments: Cell<&'a mut [T]>,
    gradient: &'a [T],
    update: AdamUpdate,
}

impl<T: Real> InplaceOp1 for OnParameter<'_, T> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, parameter: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let parameter = elements_mut::<T>(parameter, layout)?;
        let moments = self.moments.take();
        if moments.len() != 2 * parameter.len() || self.gradient.len() != parameter.len() {
            candle_core::bail!("{NAME}: moments and gradient do not have the parameter's size");
        }
        let (first, second) = moments.split_at_mut(parameter.len());
        update_all(parameter, first, second, self.gradient, &self.update);
        Ok(())
    }
}
