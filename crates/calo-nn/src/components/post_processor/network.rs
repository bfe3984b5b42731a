//! Per-cell network that corrects the spectrum of cell energies.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::components::{check_condition, images, positive};
use crate::engine::Grid;
use crate::layers::Linear;
use crate::ops::conv3d::Conv3d;
use crate::ops::{FusedOps, PerCellLayer, PerCellNetwork, leaky_relu, linear};
use crate::parameters::{Init, Path};
use crate::{Error, Result};

const SLOPE: f64 = 0.01;

/// Sizes of the post-processor. The default is the published network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostProcessorConfig {
    /// Cells along layer, x, y.
    #[serde(skip)]
    pub grid: Grid,
    /// Channels of the per-cell layers.
    pub width: usize,
    /// Units of the layers that see the energies.
    pub condition: usize,
    /// Whether layers are normalised over the cells. Without normalisation, the result for a cell depends only on its own
    /// energy and on the visible and incident energy.
    pub layer_norm: bool,
    /// What the last layer outputs.
    pub output: PostProcessorOutput,
    /// k of log(1 + k x), the first layer's input for a cell of x >= 0 MeV; 0 for x itself. In 1/MeV, or 1 over the unit
    /// of the cells it is applied to.
    pub log_per_mev: f64,
    /// Factor on the sum of all cells before it enters the network; in 1/MeV, or as above.
    pub condition_per_mev: f64,
}

/// What the last layer of a post-processor outputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostProcessorOutput {
    /// The cell's energy.
    #[default]
    Cell,
    /// A correction, added to the cell's energy.
    Change,
    /// A correction divided by the first layer's input for the cell, so that empty cells stay empty.
    GatedChange,
}

impl Default for PostProcessorConfig {
    fn default() -> Self {
        Self {
            grid: [30; 3],
            width: 128,
            condition: 64,
            layer_norm: true,
            output: PostProcessorOutput::Cell,
            log_per_mev: 0.0,
            condition_per_mev: 1.0,
        }
    }
}

impl PostProcessorConfig {
    /// Checks that a network can be built.
    ///
    /// # Errors
    /// [`Error::Field`] naming the field, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        positive(&[
            ("post_processor.grid", self.grid.iter().product()),
            ("post_processor.width", self.width),
            ("post_processor.condition", self.condition),
        ])?;
        let factors = [("log_per_mev", self.log_per_mev), ("condition_per_mev", self.condition_per_mev)];
        match factors.into_iter().find(|(_, factor)| !(factor.is_finite() && *factor >= 0.0)) {
            None => Ok(()),
            Some((name, value)) => Err(Error::Field {
                field: format!("post_processor.{name}"),
                value: value.to_string(),
                expected: "a finite number of at least 0".to_owned(),
            }),
        }
    }
}

/// 1x1x1 convolutions with layer normalisation, conditioned on the visible and the incident energy.
///
/// As published, the condition enters as one constant per channel right before a normalisation over all cells, which
/// removes every constant: neither it nor the biases of normalised layers can change the result. They only cost
/// precision (in 32 bits the published network is off by 1e-4 of its largest value). So they are not computed, but they
/// remain parameters: published state dictionaries fit.
///
/// # Reference
/// decoding-photons, section 1.2; fast-and-accurate-showers, section 3.3; sizes from the published model.
#[derive(Debug, Clone)]
pub struct PostProcessor {
    grid: Grid,
    output: PostProcessorOutput,
    log_per_mev: f64,
    layers: Vec<PerCellLayer>,
    /// Present where the condition has an effect.
    condition: Option<Condition>,
}

/// Layers that see the visible and the incident energy.
#[derive(Debug, Clone)]
struct Condition {
    per_mev: f64,
    connected: [Linear; 3],
    /// The part of the second layer's weight that these features meet, `[out, condition, 1, 1, 1]`: a view, as a copy
    /// would not follow the layer's training.
    weight: Tensor,
}

impl Condition {
    /// One constant per shower and channel of the second layer.
    ///
    /// # Shapes
    /// `[n, 1, layer, x, y]`, `[n, 1]` -> `[n, out]`
    fn forward(&self, showers: &Tensor, incident: &Tensor) -> Result<Tensor> {
        let dtype = showers.dtype();
        // 8 bits of precision are too few for a sum of thousands of cells.
        let wide = if dtype == DType::BF16 { DType::F32 } else { dtype };
        let visible = showers.flatten_from(1)?.to_dtype(wide)?.sum_keepdim(1)?;
        let visible = (visible * self.per_mev)?.to_dtype(dtype)?;
        let mut x = Tensor::cat(&[&visible, incident], 1)?;
        for layer in &self.connected {
            x = leaky_relu(&layer.forward(&x)?, SLOPE)?;
        }
        linear(&x, &self.weight.flatten_from(1)?, None)
    }
}

impl PostProcessor {
    /// A post-processor of `config`.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &PostProcessorConfig) -> Result<Self> {
        config.validate()?;
        let PostProcessorConfig { grid, width, condition, layer_norm, output, log_per_mev, .. } = *config;
        let layer = |i: usize, n_in: usize| {
            let (conv, norm) = (path.join(format_args!("conv{i}")), path.join(format_args!("bnco{i}")));
            let (n_out, biased, normalised) =
                if i == 6 { (1, false, false) } else { (width, true, i < 5 && layer_norm) };
            let weight = conv.parameter("weight", &[n_out, n_in, 1, 1, 1], Init::Conv)?;
            let bias = if biased {
                Some(conv.parameter("bias", &[n_out], Init::Bias { fan_in: n_in })?)
            } else {
                None
            };
            let affine = || {
                let weight = norm.parameter("weight", &grid, Init::Constant(1.0))?;
                Ok::<_, Error>((weight, norm.parameter("bias", &grid, Init::Constant(0.0))?))
            };
            let norm = if normalised { Some(affine()?) } else { None };
            Ok(PerCellLayer { weight, bias: bias.filter(|_| !normalised), norm })
        };
        let connected = [
            Linear::new(&path.join("fcec1"), 2, condition)?,
            Linear::new(&path.join("fcec2"), condition, condition)?,
            Linear::new(&path.join("fcec3"), condition, condition)?,
        ];
        let inputs = [1, width + condition, width, width, width, width];
        let mut layers =
            (1..).zip(inputs).map(|(i, n_in)| layer(i, n_in)).collect::<Result<Vec<PerCellLayer>>>()?;
        let second = layers[1].weight.clone();
        layers[1].weight = second.narrow(1, 0, width)?;
        let weight = second.narrow(1, width, condition)?;
        let condition = Condition { per_mev: config.condition_per_mev, connected, weight };
        let condition = Some(condition).filter(|_| !layer_norm);
        Ok(Self { grid, output, log_per_mev, layers, condition })
    }

    /// Processed showers.
    ///
    /// On a CPU, and where no gradient is wanted, the layers of a normalised network run fused, block by block of cells.
    ///
    /// # Shapes
    /// showers `[n, layer, x, y]`, in MeV or what stands for it, incident energies `[n, 1]` -> `[n, 1, layer, x, y]`, in the
    /// same unit, of any sign
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, showers: &Tensor, incident: &Tensor) -> Result<Tensor> {
        check_condition("post_processor", showers, incident)?;
        let showers = images("post_processor", showers, self.grid)?;
        let seen = match self.log_per_mev {
            factor if factor > 0.0 => showers.affine(factor, 1.0)?.log()?,
            _ => showers.clone(),
        };
        let processed = self.layers_of(&seen, &showers, incident)?;
        Ok(match self.output {
            PostProcessorOutput::Cell => processed,
            PostProcessorOutput::Change => (showers + processed)?,
            PostProcessorOutput::GatedChange => (showers + (seen * processed)?)?,
        })
    }

    fn layers_of(&self, seen: &Tensor, showers: &Tensor, incident: &Tensor) -> Result<Tensor> {
        let tracked = seen.track_op() || self.layers.iter().any(|layer| layer.weight.track_op());
        let normalised = self.condition.is_none();
        if normalised && !tracked && seen.device().is_cpu() && seen.dtype() == DType::F32 {
            return PerCellNetwork::new(&self.layers, SLOPE)?.forward(seen);
        }
        let constants =
            self.condition.as_ref().map(|condition| condition.forward(showers, incident)).transpose()?;
        let mut chain = FusedOps::new(seen)?;
        for (i, layer) in self.layers.iter().enumerate() {
            let convolution = Conv3d::convolution(chain.last(), &layer.weight, [1; 3], [0; 3])?;
            let bias = match (&layer.bias, &constants) {
                // The second layer sees the condition too.
                (Some(bias), Some(constants)) if i == 1 => Some(constants.broadcast_add(bias)?),
                (bias, _) => bias.clone(),
            };
            chain.convolve(convolution, &layer.weight, bias.as_ref())?;
            match &layer.norm {
                Some((weight, bias)) => chain.normalise(weight, bias, SLOPE)?,
                None if i + 1 < self.layers.len() => chain.leaky_relu(SLOPE)?,
                None => (),
            }
        }
        chain.finish()
    }
}
