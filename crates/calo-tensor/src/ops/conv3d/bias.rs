//! The bias of a convolution: its gradient is the sum over positions, and over samples unless each has its own; the
//! gradient of that is a broadcast.

use candle_core::{CpuStorage, Shape, Tensor};

use crate::autograd::Backward;
use crate::cpu::{Operand, by_dtype, channel_sum as sum, elements};
use crate::cuda;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

/// Sums over positions, per channel, or per sample and channel.
///
/// # Shapes
/// `x` `[n, channels, ..]`; the result is `[channels]`, or `[n, channels]`.
pub(super) fn channel_sum(x: &Tensor, per_sample: bool) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(Node(ChannelSum { per_sample }))?)
}

/// Refuses a bias that is neither `[channels]` nor `[samples, channels]` of a result.
pub(super) fn bias_dims(op: &'static str, bias: &Tensor, result: [usize; 5]) -> Result<()> {
    let [samples, channels, ..] = result;
    if *bias.dims() == [channels] || *bias.dims() == [samples, channels] {
        return Ok(());
    }
    let expected = format!("[{channels}], or [{samples}, {channels}] for a bias per sample");
    Err(Error::operand(op, "the bias's shape", bias.dims(), expected))
}

/// [`channel_sum`] as an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelSum {
    pub(crate) per_sample: bool,
}

impl Operation<1> for ChannelSum {
    fn name(&self) -> &'static str {
        "channel_sum"
    }

    fn cpu(&self, [(x, layout)]: [Operand<'_>; 1]) -> candle_core::Result<(CpuStorage, Shape)> {
        let op = self.name();
        let (samples, channels) = match layout.dims() {
            [samples, channels, ..] => (*samples, *channels),
            other => candle_core::bail!("{op}: shape {other:?}; expected samples and channels"),
        };
        by_dtype!(op, x, T => {
            let x = elements::<T>(op, x, layout)?;
            let (sums, shape) = if self.per_sample {
                (sum(x, 1, samples * channels), Shape::from((samples, channels)))
            } else {
                (sum(x, samples, channels), Shape::from(channels))
            };
            Ok((candle_core::WithDType::to_cpu_storage_owned(sums), shape))
        })
    }

    fn cuda(&self, [a]: [cuda::Operand<'_>; 1]) -> candle_core::Result<cuda::Output> {
        cuda::channel_sum(a, self.per_sample)
    }

    fn gradients(
        &self,
        [x]: [&Tensor; 1],
        _sums: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 1]> {
        let pass = Backward::now();
        if !pass.wants(x) {
            return Ok([None]);
        }
        let mut shape = vec![1; x.rank()];
        shape[1] = x.dim(1)?;
        if self.per_sample {
            shape[0] = x.dim(0)?;
        }
        pass.keep(gradient).reshape(shape)?.broadcast_as(x.shape())?.contiguous().map(|dx| [Some(dx)])
    }
}
