//! The weight of a layer, as it is or divided by its spectral norm.

use candle_core::{Tensor, Var};

use crate::Result;
use crate::ops::spectral_norm_of_each;
use crate::parameters::{Init, Path};

/// A weight.
#[derive(Debug, Clone)]
pub(super) enum Weight {
    /// As it is: parameter `weight`.
    Plain(Tensor),
    /// Divided by its spectral norm.
    Spectral(SpectralWeight),
}

/// A weight that is divided by its spectral norm: parameter `weight_orig`, buffers `weight_u` and `weight_v`, as
/// PyTorch's `spectral_norm` names them.
#[derive(Debug, Clone)]
pub(super) struct SpectralWeight {
    weight: Tensor,
    /// Estimate of the left singular vector of each matrix.
    u: Var,
    /// Estimate of the right singular vector of each matrix.
    v: Var,
}

impl Weight {
    /// Drawn from `init`.
    pub(super) fn plain(path: &Path<'_>, shape: &[usize], init: Init) -> Result<Self> {
        Ok(Self::Plain(path.parameter("weight", shape, init)?))
    }

    /// Drawn from `init`, and divided by the spectral norm of its matrices: `n_places` of them stand one after another,
    /// each with `n_rows` rows.
    pub(super) fn spectral(
        path: &Path<'_>,
        shape: &[usize],
        init: Init,
        [n_places, n_rows]: [usize; 2],
    ) -> Result<Self> {
        let n_columns = shape.iter().product::<usize>() / (n_places * n_rows).max(1);
        let unit = |n: usize| (n.max(1) as f64).powf(-0.5);
        Ok(Self::Spectral(SpectralWeight {
            weight: path.parameter("weight_orig", shape, init)?,
            u: path.buffer("weight_u", &[n_places, n_rows], unit(n_rows))?,
            v: path.buffer("weight_v", &[n_places, n_columns], unit(n_columns))?,
        }))
    }

    /// What the layer multiplies with.
    pub(super) fn tensor(&self) -> Result<Tensor> {
        match self {
            Self::Plain(weight) => Ok(weight.clone()),
            Self::Spectral(SpectralWeight { weight, u, v }) => {
                let [matrices, u, v] = [matrices(weight, u)?, u.as_detached_tensor(), v.as_detached_tensor()];
                let normalised = spectral_norm_of_each(&matrices, &u, &v, false)?;
                Ok(normalised.weight.reshape(weight.shape())?)
            }
        }
    }

    /// One step of power iteration, if there is a spectral norm to estimate.
    pub(super) fn power_iteration(&self) -> Result<()> {
        let Self::Spectral(SpectralWeight { weight, u, v }) = self else { return Ok(()) };
        let matrices = matrices(&weight.detach(), u)?;
        let next = spectral_norm_of_each(&matrices, &u.as_detached_tensor(), &v.as_detached_tensor(), true)?;
        u.set(&next.u)?;
        Ok(v.set(&next.v)?)
    }
}

/// The matrices of a weight, as many as `u` has vectors.
fn matrices(weight: &Tensor, u: &Var) -> Result<Tensor> {
    let (n_places, n_rows) = u.dims2()?;
    Ok(weight.reshape((n_places, n_rows, ()))?)
}
