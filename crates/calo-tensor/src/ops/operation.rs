//! Our operations as Candle's: one trait for any number of operands, where Candle has one for each number.

use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor,
};

use crate::cpu::Operand;
use crate::cuda;

/// An operation on `N` contiguous tensors.
pub(crate) trait Operation<const N: usize> {
    /// Its name in errors.
    fn name(&self) -> &'static str;

    /// The result on the CPU.
    fn cpu(&self, operands: [Operand<'_>; N]) -> Result<(CpuStorage, Shape)>;

    /// The result on a GPU; an operation that has none there leaves it out.
    fn cuda(&self, operands: [cuda::Operand<'_>; N]) -> Result<cuda::Output> {
        let _ = operands;
        Err(Error::Cuda(format!("{} has no kernel for a GPU", self.name()).into()))
    }

    /// The gradient for each operand that wants one, given `g` for the result; an operation that is not differentiated
    /// leaves it out.
    fn gradients(&self, operands: [&Tensor; N], result: &Tensor, g: &Tensor) -> Result<[Option<Tensor>; N]> {
        let _ = (operands, result, g);
        Err(Error::BackwardNotSupported { op: self.name() })
    }
}

/// An operation in the form that Candle takes.
#[derive(Debug)]
pub(crate) struct Node<O>(pub(crate) O);

impl<O: Operation<1>> CustomOp1 for Node<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(&self, a: &CpuStorage, a_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.cpu([(a, a_layout)])
    }

    fn cuda_fwd(&self, a: &CudaStorage, a_layout: &Layout) -> Result<(CudaStorage, Shape)> {
        self.0.cuda([(a, a_layout)])
    }

    fn bwd(&self, a: &Tensor, result: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let [a] = self.0.gradients([a], result, g)?;
        Ok(a)
    }
}

impl<O: Operation<2>> CustomOp2 for Node<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.0.cpu([(a, a_layout), (b, b_layout)])
    }

    fn cuda_fwd(
        &self,
        a: &CudaStorage,
        a_layout: &Layout,
        b: &CudaStorage,
        b_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.0.cuda([(a, a_layout), (b, b_layout)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        result: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok(self.0.gradients([a, b], result, g)?.into())
    }
}

impl<O: Operation<3>> CustomOp3 for Node<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
        c: &CpuStorage,
        c_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.0.cpu([(a, a_layout), (b, b_layout), (c, c_layout)])
    }

    fn cuda_fwd(
        &self,
        a: &CudaStorage,
        a_layout: &Layout,
        b: &CudaStorage,
        b_layout: &Layout,
        c: &CudaStorage,
        c_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.0.cuda([(a, a_layout), (b, b_layout), (c, c_layout)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        result: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        Ok(self.0.gradients([a, b, c], result, g)?.into())
    }
}
