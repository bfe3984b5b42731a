//! The networks of the papers, widths and grid free.
//!
//! Names of parameters are those of the published state dictionaries, so `calo import` needs no table. Showers enter
//! as `[n, layer, x, y]` in MeV, incident energies as `[n, 1]` in GeV.
//!
//! | module | network | paper |
//! | --- | --- | --- |
//! | [`bibae`] | encoder and decoder, the critics of the reconstruction, of the latent variables and of profiles | decoding-photons, fast-and-accurate-showers |
//! | [`post_processor`] | per-cell network that puts the cell spectrum right | the same |
//! | [`gan`] | generator, discriminator | fast-and-accurate-showers |
//! | [`wgan`] | generator, critic (photons and pions), constrainer | fast-and-accurate-showers |

pub mod bibae;
pub mod gan;
pub mod post_processor;
mod stack;
pub mod wgan;

use candle_core::Tensor;

use crate::{Error, Result};

/// Cells along [layer, x, y].
pub type Grid = [usize; 3];

/// Showers as images of one channel: `[n, layer, x, y]` or `[n, 1, layer, x, y]` -> `[n, 1, layer, x, y]`.
fn images(op: &'static str, x: &Tensor, grid: Grid) -> Result<Tensor> {
    let [layers, nx, ny] = grid;
    match x.dims() {
        &[n, l, a, b] | &[n, 1, l, a, b] if [l, a, b] == grid => Ok(x.reshape((n, 1, layers, nx, ny))?),
        other => Err(Error::operand(
            op,
            "showers",
            other,
            format!("[n, {layers}, {nx}, {ny}], the grid of the network"),
        )),
    }
}

/// Checks that `condition` is `[n, 1]` for the `n` of `x`.
fn check_condition(op: &'static str, x: &Tensor, condition: &Tensor) -> Result<()> {
    let n = x.dims().first().copied().unwrap_or(0);
    if condition.dims() != [n, 1] {
        return Err(Error::operand(
            op,
            "incident energies",
            condition.dims(),
            format!("[{n}, 1], one a shower"),
        ));
    }
    Ok(())
}

/// An error unless every one of `values` is positive.
fn positive(values: &[(&str, usize)]) -> Result<()> {
    match values.iter().find(|(_, value)| *value == 0) {
        Some((field, _)) => Err(Error::Field {
            field: (*field).to_owned(),
            value: "0".to_owned(),
            expected: "a positive number".to_owned(),
        }),
        None => Ok(()),
    }
}
