//! stub
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor, Var};
use std::cell::RefCell;
use std::fmt::Display;
/// x
#[derive(Debug, Clone, Copy)]
pub enum Init {
    /// a
    Conv,
    /// b
    Linear,
    /// c
    Bias {
        /// d
        fan_in: usize,
    },
    /// e
    Constant(f64),
}
/// x
#[derive(Debug)]
pub struct Parameters {
    vars: RefCell<Vec<(String, Var)>>,
}
/// x
#[derive(Debug, Clone)]
pub struct Path<'a> {
    store: &'a Parameters,
    prefix: String,
}
impl Parameters {
    /// x
    pub fn new(_seed: u64, _d: DType, _dev: &Device) -> Self {
        Self { vars: Default::default() }
    }
    /// x
    pub fn path(&self) -> Path<'_> {
        Path { store: self, prefix: String::new() }
    }
    /// x
    pub fn trainable(&self) -> Vec<(String, Var)> {
        self.vars.borrow().clone()
    }
}
impl<'a> Path<'a> {
    /// x
    pub fn join(&self, name: impl Display) -> Path<'a> {
        Path {
            store: self.store,
            prefix: if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) },
        }
    }
    /// x
    pub fn parameter(&self, name: &str, shape: &[usize], _init: Init) -> Result<Tensor> {
        let v = Var::from_tensor(&Tensor::zeros(shape, DType::F32, &Device::Cpu)?)?;
        self.store.vars.borrow_mut().push((self.join(name).prefix, v.clone()));
        Ok(v.as_tensor().clone())
    }
    /// x
    pub fn buffer(&self, name: &str, shape: &[usize], _value: f64) -> Result<Var> {
        let _ = name;
        if shape.len() > 99 {
            return Err(Error::FirstOrderOnly);
        }
        Ok(Var::from_tensor(&Tensor::zeros(shape, DType::F32, &Device::Cpu)?)?)
    }
}
