//! The tree of names, from which networks take their parameters.

use std::fmt::{self, Display};

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;

use super::builder;
use super::init::Init;
use super::start::Start;
use super::store::{Kind, Parameters, View};
use crate::Result;

impl Parameters {
    /// The root of the names, for building a network to train: missing parameters are created.
    pub fn path(&self) -> Path<'_> {
        self.root(false)
    }

    /// The root of the names, for building a network for inference: the same values, which follow training, cut from the
    /// graph; a missing parameter is an error.
    pub fn frozen(&self) -> Path<'_> {
        self.root(true)
    }

    fn root(&self, frozen: bool) -> Path<'_> {
        Path { source: Source::Store(View { parameters: self, frozen }), prefix: String::new() }
    }
}

/// A place in the tree of names, from which a network takes its parameters.
#[derive(Debug, Clone)]
pub struct Path<'a> {
    pub(super) source: Source<'a>,
    pub(super) prefix: String,
}

impl<'a> Path<'a> {
    /// The place `name` below this one.
    #[must_use]
    pub fn join(&self, name: impl Display) -> Path<'a> {
        Path { prefix: self.full_name(&name.to_string()), ..self.clone() }
    }

    /// The weight `name`, created from `init` if it is missing and the path is for training.
    ///
    /// # Shapes
    /// `shape`, as PyTorch orders it: `[out, in, ...]` of convolutions and linear layers, `[in, out, ...]` of
    /// transposed convolutions.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) when the weight exists with another shape or as a buffer, is
    /// missing from a frozen view, or `init` does not fit the shape.
    pub fn parameter(&self, name: &str, shape: &[usize], init: Init) -> Result<Tensor> {
        match &self.source {
            Source::Store(view) => view.tensor(self.full_name(name), shape, Start::Ours(init), Kind::Weight),
            Source::Builder(source) => builder::parameter(source, &self.full_name(name), shape, init),
        }
    }

    /// The buffer `name`, filled with `value` if it is missing: saved with the weights, not trained.
    ///
    /// # Errors
    /// As [`Path::parameter`].
    pub fn buffer(&self, name: &str, shape: &[usize], value: f64) -> Result<Var> {
        match &self.source {
            Source::Store(view) => {
                let start = Start::Ours(Init::Constant(value));
                view.variable(self.full_name(name), shape, start, Kind::Buffer)
            }
            Source::Builder(source) => builder::buffer(source, &self.full_name(name), shape, value),
        }
    }

    /// Element type of the parameters.
    pub fn dtype(&self) -> DType {
        match &self.source {
            Source::Store(view) => view.parameters.dtype(),
            Source::Builder(builder) => builder.dtype(),
        }
    }

    /// Where the parameters are.
    pub fn device(&self) -> &Device {
        match &self.source {
            Source::Store(view) => view.parameters.device(),
            Source::Builder(builder) => builder.device(),
        }
    }

    fn full_name(&self, name: &str) -> String {
        joined(&self.prefix, name)
    }
}

/// Where the parameters of a [`Path`] are.
#[derive(Clone)]
pub(super) enum Source<'a> {
    /// In a store of ours.
    Store(View<'a>),
    /// Where a builder of Candle's finds them.
    ///
    /// It borrows nothing, as otherwise a store would count as borrowed until its paths are dropped.
    Builder(VarBuilder<'static>),
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(view) => f.debug_tuple("Store").field(view).finish(),
            Self::Builder(builder) => f.debug_tuple("Builder").field(&builder.prefix()).finish(),
        }
    }
}

/// `name` below `prefix`.
pub(super) fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
