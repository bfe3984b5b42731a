//! Order and number of training steps.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::post_processor::PostProcessorTraining;
use crate::field::{error, within};

/// The order of training steps. The default is the published schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Steps of the critics for each step of encoder and decoder.
    pub n_critic: u32,
    /// Number of first steps in which only the critics are trained, so that encoder and decoder start with meaningful
    /// scores. Scores of fresh critics can push all cells of the decoder below its ReLU, from where it never recovers.
    pub critic_warmup_steps: u64,
    /// Number of steps after those over which the learning rate of encoder and decoder rises linearly to its value.
    pub lr_warmup_steps: u64,
    /// Whether each step of the critics uses a new batch; otherwise all steps share one.
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
    /// Factor on the learning rate of encoder and decoder in step number `step`, one of theirs.
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
