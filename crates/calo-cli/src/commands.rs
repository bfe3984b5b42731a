//! One file a subcommand.

pub(crate) mod amplification;
pub(crate) mod compare;
pub(crate) mod compare_latent;
pub(crate) mod convert;
pub(crate) mod density;
pub(crate) mod encode;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod filter;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod latent;
pub(crate) mod observe;
pub(crate) mod pool;
pub(crate) mod project;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod select;
pub(crate) mod simulate;
pub(crate) mod split;
pub(crate) mod train;
