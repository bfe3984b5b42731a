//! What is trained when.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::post_processor::PostProcessorTraining;
use crate::engine::field::{error, within};

/// The order of training steps. The default is the published schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Steps of the critics for each of encoder and decoder.
    pub n_critic: u32,
    /// First steps, in which the critics alone are trained: encoder and decoder then begin with scores that mean
    /// something. Scores of fresh critics can drive all cells of the decoder below its ReLU, from where it never returns.
    pub critic_warmup_steps: u64,
    /// Steps after those in which the learning rate of encoder and decoder rises evenly to its value.
    pub lr_warmup_steps: u64,
    /// Whether each step of the critics takes showers of its own; else a batch serves all steps.
    pub fresh_critic_batches: bool,
    /// Training of the post-processor, where there is one.
    pub post_processor: PostProcessorTraining,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            n_critic: 5,
            critic_warmup_steps: 0,
            lr_warmup_steps: 0,
            fresh_critic_batches: false,
            post_processor: PostProcessorTraining::default(),
        }
    }
}

impl Schedule {
    /// What the learning rate of encoder and decoder is multiplied with in step number `step`, which is one of theirs.
    pub(super) fn lr_factor(&self, step: u64) -> f64 {
        let nth = step.saturating_sub(self.critic_warmup_steps) + 1;
        let all = self.lr_warmup_steps.max(1);
        nth.min(all) as f64 / all as f64
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        if self.n_critic == 0 {
            return Err(error("n_critic", 0, "at least 1"));
        }
        within("post_processor", self.post_processor.validate())
    }
}
