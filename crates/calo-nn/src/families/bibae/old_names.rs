//! What fields of a BIB-AE's configuration were called before `model`, `losses`, `schedule` and `optim` were tables of
//! their own.

use crate::engine::OldName;

const fn name(old: &'static str, new: &'static str) -> OldName {
    OldName { old, new }
}

/// In the order in which they are replaced: the rest of a table moves last.
pub(super) const OLD_NAMES: &[OldName] = &[
    name("model.autoencoder.encoded", "model.autoencoder.n_encoded"),
    name("model.autoencoder.latent", "model.autoencoder.latent_dim"),
    name("training.critic_steps", "schedule.n_critic"),
    name("training.critics_first_steps", "schedule.critic_warmup_steps"),
    name("training.warm_up_steps", "schedule.lr_warmup_steps"),
    name("training.fresh_critic_batches", "schedule.fresh_critic_batches"),
    name("training.post_processor.epochs_of_identity", "schedule.post_processor.identity_epochs"),
    name("training.post_processor", "schedule.post_processor"),
    name("training.losses.kld_start_factor", "losses.kl_annealing.start_factor"),
    name("training.losses.kld_start_epochs", "losses.kl_annealing.epochs"),
    name("training.losses.kld_release", "losses.staged_activation"),
    name("training.losses", "losses"),
    name("training", "optim"),
];
