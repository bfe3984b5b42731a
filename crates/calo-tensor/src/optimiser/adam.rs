//! Adam with L2 decay, in groups with rates of their own, whose state can be saved and resumed to the bit.

use std::collections::{BTreeMap, HashSet};

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

use super::fused::FusedAdam;
use crate::arguments::AdamUpdate;
use crate::cpu::adam as kernel;
use crate::parameters::{check_names, check_shape};
use crate::{Error, Result};

const FIRST_MOMENT: &str = "exp_avg";
const SECOND_MOMENT: &str = "exp_avg_sq";
const STEP: &str = "step";

/// Settings of one group of parameters; the defaults are those of `torch.optim.Adam`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the mean gradient.
    pub beta1: f64,
    /// Decay of the mean squared gradient.
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f64,
    /// L2 penalty: this times the parameter is added to its gradient (not the decoupled decay of AdamW).
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

impl AdamConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`] for the first value that cannot be.
    pub fn validate(&self) -> Result<()> {
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        let (zero_up, below_one) = ("a finite number of at least 0", "a number of at least 0 and below 1");
        let fields = [
            ("rate", self.rate, not_negative(self.rate), zero_up),
            ("beta1", self.beta1, fraction(self.beta1), below_one),
            ("beta2", self.beta2, fraction(self.beta2), below_one),
            ("epsilon", self.epsilon, not_negative(self.epsilon), zero_up),
            ("weight_decay", self.weight_decay, not_negative(self.weight_decay), zero_up),
        ];
        match fields.into_iter().find(|(_, _, is_possible, _)| !is_possible) {
            None => Ok(()),
            Some((field, value, _, expected)) => Err(Error::Field {
                field: field.to_owned(),
                value: value.to_string(),
                expected: expected.to_owned(),
            }),
        }
    }
}

#[derive(Debug)]
struct Slot {
    name: String,
    var: Var,
    /// Mean gradient and mean squared gradient, `[2, ...]`.
    moments: Var,
    /// Updates of this parameter so far.
    step: u64,
}

#[derive(Debug)]
struct Group {
    slots: Vec<Slot>,
    config: AdamConfig,
}

/// The optimiser of one or several groups of parameters.
///
/// With the gradient g, plus `weight_decay` times the parameter, of step t:
///
/// ```text
/// m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
/// parameter -= rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
/// ```
///
/// On the CPU this is one pass over parameter, gradient and moments, on all cores.
///
/// # Reference
/// Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1, in the order of operations of `torch.optim.Adam`.
///
/// ```
/// use calo_tensor::candle::{DType, Device};
/// use calo_tensor::optimiser::{Adam, AdamConfig};
/// use calo_tensor::parameters::{Init, Parameters};
///
/// # fn main() -> calo_tensor::Result<()> {
/// let parameters = Parameters::new(1, DType::F32, &Device::Cpu);
/// let x = parameters.path().parameter("x", &[3], Init::Constant(1.0))?;
/// let mut adam = Adam::new(vec![(parameters.trainable(), AdamConfig { rate: 0.1, ..Default::default() })])?;
/// adam.step(&calo_tensor::autograd::backward(&x.sqr()?.sum_all()?)?)?;
/// assert!((x.to_vec1::<f32>()?[0] - 0.9).abs() < 1e-6); // the first step is the rate, whatever the gradient
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Adam {
    groups: Vec<Group>,
    checks_gradients: bool,
}

impl Adam {
    /// An optimiser at step 0 for groups of named parameters.
    ///
    /// # Errors
    /// [`Error::Field`] for an impossible setting, [`Error::Parameter`] for a parameter that is named twice or is not
    /// f32 or f64.
    pub fn new(groups: Vec<(Vec<(String, Var)>, AdamConfig)>) -> Result<Self> {
        let mut names = HashSet::new();
        let mut made = Vec::with_capacity(groups.len());
        for (parameters, config) in groups {
            config.validate()?;
            let mut slots = Vec::with_capacity(parameters.len());
            for (name, var) in parameters {
                if !names.insert(name.clone()) {
                    return Err(Error::parameter(&name, "two parameters to optimise have this name", "one"));
                }
                if !matches!(var.dtype(), DType::F32 | DType::F64) {
                    let problem = format!("its element type is {:?}", var.dtype());
                    return Err(Error::parameter(&name, problem, "f32 or f64"));
                }
                let moments = Var::zeros([&[2], var.dims()].concat(), var.dtype(), var.device())?;
                slots.push(Slot { name, var, moments, step: 0 });
            }
            made.push(Group { slots, config });
        }
        Ok(Self { groups: made, checks_gradients: true })
    }

    /// Whether [`Adam::step`] first looks for NaN and infinity in the gradients; on by default.
    pub fn check_gradients(&mut self, check: bool) {
        self.checks_gradients = check;
    }

    /// Changes every parameter that has a gradient, and counts the step for it; others are left alone.
    ///
    /// # Errors
    /// [`Error::Field`] for an impossible learning rate; [`Error::Parameter`], before anything is changed, when a gradient
    /// has another shape than its parameter or holds a number that is not finite.
    pub fn step(&mut self, gradients: &GradStore) -> Result<()> {
        self.step_at(gradients, 1.0)
    }

    /// The same with `factor` times the rates, as a warm-up does.
    ///
    /// # Errors
    /// As [`Adam::step`].
    pub fn step_at(&mut self, gradients: &GradStore, factor: f64) -> Result<()> {
        // Candle's way to set a rate cannot refuse one.
        self.groups.iter().try_for_each(|group| group.config.validate())?;
        for slot in self.groups.iter().flat_map(|group| &group.slots) {
            let Some(gradient) = gradients.get(slot.var.as_tensor()) else { continue };
            check_shape(&format!("gradient of {}", slot.name), gradient.dims(), slot.var.dims())?;
            if gradient.dtype() != slot.var.dtype() {
                let problem = format!("its gradient's element type is {:?}", gradient.dtype());
                return Err(Error::parameter(&slot.name, problem, "that of the parameter"));
            }
            if self.checks_gradients && !is_finite(gradient)? {
                return Err(Error::Gradient { name: slot.name.clone() });
            }
        }
        for group in &mut self.groups {
            for slot in &mut group.slots {
                let Some(gradient) = gradients.get(slot.var.as_tensor()) else { continue };
                let update = update(&group.config, slot.step + 1, factor);
                slot.apply(&gradient.detach().contiguous()?, &update)?;
                slot.step += 1;
            }
        }
        Ok(())
    }

    /// Learning rate of a group; `None` if there is no such group.
    pub fn rate(&self, group: usize) -> Option<f64> {
        self.groups.get(group).map(|group| group.config.rate)
    }

    /// Sets the learning rate of a group.
    ///
    /// # Errors
    /// [`Error::Field`] for a rate that is negative or not finite, or a group that does not exist.
    pub fn set_rate(&mut self, group: usize, rate: f64) -> Result<()> {
        let n_groups = self.groups.len();
        let Some(Group { config, .. }) = self.groups.get_mut(group) else {
            return Err(Error::Field {
                field: "group".to_owned(),
                value: group.to_string(),
                expected: format!("the number of a group, below {n_groups}"),
            });
        };
        let changed = AdamConfig { rate, ..*config };
        changed.validate()?;
        *config = changed;
        Ok(())
    }

    /// Sets the learning rates of all groups; [`Adam::step`] refuses one that cannot be.
    pub(super) fn set_all_rates(&mut self, rate: f64) {
        self.groups.iter_mut().for_each(|group| group.config.rate = rate);
    }

    /// Multiplies the learning rates of all groups by `factor`, for example once an epoch.
    ///
    /// # Errors
    /// [`Error::Field`] when a rate would be negative or not finite; none is changed then.
    pub fn decay_rate(&mut self, factor: f64) -> Result<()> {
        let changed: Vec<AdamConfig> = self
            .groups
            .iter()
            .map(|group| AdamConfig { rate: group.config.rate * factor, ..group.config })
            .collect();
        changed.iter().try_for_each(AdamConfig::validate)?;
        self.groups.iter_mut().zip(changed).for_each(|(group, config)| group.config = config);
        Ok(())
    }

    /// Everything needed to continue later with the same bits, by name: each parameter's `exp_avg`, `exp_avg_sq` and
    /// `step` and each group's `rate`. Moments share memory with the optimiser: the next step changes them.
    ///
    /// # Errors
    /// Candle's, when memory runs out.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::new();
        for slot in self.groups.iter().flat_map(|group| &group.slots) {
            let moments = slot.moments.as_detached_tensor();
            let [first, second, step] = slot.state_names();
            state.push((first, moments.get(0)?));
            state.push((second, moments.get(1)?));
            state.push((step, Tensor::new(i64::try_from(slot.step).unwrap_or(i64::MAX), &Device::Cpu)?));
        }
        for (i, group) in self.groups.iter().enumerate() {
            state.push((rate_name(i), Tensor::new(group.config.rate, &Device::Cpu)?));
        }
        Ok(state)
    }

    /// Restores a [`state`](Adam::state) of an optimiser of the same parameters in the same groups.
    ///
    /// # Errors
    /// [`Error::Operand`] when names are missing or unknown, [`Error::Parameter`] when a shape or element type differs,
    /// a step is negative or a rate impossible. Nothing is changed then.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let slots = || self.groups.iter().flat_map(|group| &group.slots);
        let names: Vec<String> =
            slots().flat_map(Slot::state_names).chain((0..self.groups.len()).map(rate_name)).collect();
        let known: HashSet<&String> = names.iter().collect();
        let missing = names.iter().filter(|name| !state.contains_key(*name)).collect();
        check_names("Adam::restore", missing, state.keys().filter(|name| !known.contains(name)).collect())?;

        let mut steps = Vec::new();
        for slot in slots() {
            let [first, second, step] = slot.state_names();
            for name in [&first, &second] {
                fitting(state, name, slot.var.dims(), slot.var.dtype())?;
            }
            let count = fitting(state, &step, &[], DType::I64)?.to_scalar::<i64>()?;
            let count = u64::try_from(count)
                .map_err(|_| Error::parameter(&step, format!("it is {count}"), "a number of at least 0"))?;
            steps.push(count);
        }
        let mut configs = Vec::new();
        for (i, group) in self.groups.iter().enumerate() {
            let rate = fitting(state, &rate_name(i), &[], DType::F64)?.to_scalar::<f64>()?;
            let config = AdamConfig { rate, ..group.config };
            config.validate()?;
            configs.push(config);
        }

        self.groups.iter_mut().zip(configs).for_each(|(group, config)| group.config = config);
        for (slot, step) in self.groups.iter_mut().flat_map(|group| &mut group.slots).zip(steps) {
            let [first, second, _] = slot.state_names();
            let moments =
                [&first, &second].map(|name| fitting(state, name, slot.var.dims(), slot.var.dtype()));
            let [first, second] = moments;
            // A new tensor, because the state may share its memory with the moments.
            slot.moments.set(&Tensor::stack(&[first?, second?], 0)?.to_device(slot.var.device())?)?;
            slot.step = step;
        }
        Ok(())
    }
}

impl Slot {
    fn state_names(&self) -> [String; 3] {
        [FIRST_MOMENT, SECOND_MOMENT, STEP].map(|part| format!("{}.{part}", self.name))
    }

    fn apply(&self, gradient: &Tensor, update: &AdamUpdate) -> Result<()> {
        if self.var.device().is_cpu() || self.var.device().is_cuda() {
            let fused = FusedAdam { parameter: self.var.as_tensor(), update: *update };
            return Ok(self.moments.inplace_op2(gradient, &fused)?);
        }
        self.apply_composed(gradient, update)
    }

    /// The same from Candle's operations, on any device.
    fn apply_composed(&self, gradient: &Tensor, update: &AdamUpdate) -> Result<()> {
        let AdamUpdate { beta1, beta2, epsilon, weight_decay, step_size, root_correction } = *update;
        let parameter = self.var.as_detached_tensor();
        let moments = self.moments.as_detached_tensor();
        let gradient = (gradient + (&parameter * weight_decay)?)?;
        let first = ((moments.get(0)? * beta1)? + (&gradient * (1.0 - beta1))?)?;
        let second = ((moments.get(1)? * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
        let root = ((second.sqrt()? / root_correction)? + epsilon)?;
        self.var.set(&(parameter - ((&first * step_size)? / root)?)?)?;
        self.moments.set(&Tensor::stack(&[first, second], 0)?)?;
        Ok(())
    }
}

/// The update number `step`, counted from 1, at `factor` times the learning rate.
fn update(config: &AdamConfig, step: u64, factor: f64) -> AdamUpdate {
    let AdamConfig { rate, beta1, beta2, epsilon, weight_decay } = *config;
    let correction = |beta: f64| 1.0 - beta.powi(i32::try_from(step).unwrap_or(i32::MAX));
    AdamUpdate {
        beta1,
        beta2,
        epsilon,
        weight_decay,
        step_size: factor * rate / correction(beta1),
        root_correction: correction(beta2).sqrt(),
    }
}

fn rate_name(group: usize) -> String {
    format!("group.{group}.rate")
}

/// The tensor `name` of a state, which has to have this shape and element type.
fn fitting<'a>(
    state: &'a BTreeMap<String, Tensor>,
    name: &str,
    shape: &[usize],
    dtype: DType,
) -> Result<&'a Tensor> {
    let tensor = state.get(name).ok_or_else(|| Error::parameter(name, "it is missing", "a state with it"))?;
    check_shape(name, tensor.dims(), shape)?;
    if tensor.dtype() == dtype {
        return Ok(tensor);
    }
    Err(Error::parameter(name, format!("its element type is {:?}", tensor.dtype()), format!("{dtype:?}")))
}

fn is_finite(gradient: &Tensor) -> Result<bool> {
    if gradient.device().is_cpu() {
        return Ok(kernel::is_finite(&gradient.contiguous()?)?);
    }
    // Zero times a number is NaN for NaN and infinity, and zero otherwise.
    let sum = (gradient * 0.0)?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
    Ok(sum.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a fused kernel, the composed update has to do the same.
    #[test]
    fn composed_and_fused_updates_agree() {
        let config = AdamConfig { rate: 0.01, beta1: 0.5, weight_decay: 0.1, ..AdamConfig::default() };
        let start = Tensor::arange(0_f32, 12.0, &Device::Cpu).unwrap().reshape((3, 4)).unwrap();
        let slots = [0, 1].map(|_| {
            let var = Var::from_tensor(&start).unwrap();
            let group = (vec![("x".to_owned(), var)], config);
            Adam::new(vec![group]).unwrap().groups.remove(0).slots.remove(0)
        });
        for step in 1..5 {
            let gradient = (&start * f64::from(step as u32 % 3)).unwrap().sin().unwrap();
            let update = update(&config, step, 1.0);
            slots[0].apply(&gradient, &update).unwrap();
            slots[1].apply_composed(&gradient, &update).unwrap();
        }
        let difference = |a: &Var, b: &Var| {
            let d = (a.as_tensor() - b.as_tensor()).unwrap().abs().unwrap();
            d.max_all().unwrap().to_scalar::<f32>().unwrap()
        };
        assert!(difference(&slots[0].var, &slots[1].var) < 1e-6);
        assert!(difference(&slots[0].moments, &slots[1].moments) < 1e-6);
        assert!(difference(&slots[0].var, &Var::from_tensor(&start).unwrap()) > 0.01);
    }
}
