//! An operation against all that a file holds of it: result, gradients, and gradients of a gradient penalty.

use calo_tensor::Result;
use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{Tensor, Var};

use crate::golden::{GRADIENT, Golden, OUTPUT, check};

/// An operation of named operands: `x` first.
type Operation<'a> = &'a dyn Fn(&dyn Fn(&str) -> Option<Tensor>) -> Result<Tensor>;

/// Compares everything that the file holds of `case`.
pub(crate) fn compare(golden: &Golden, case: &str, operands: &[&str], operation: Operation<'_>) {
    let key = |name: &str| format!("{case}.{name}");
    let variables: Vec<(&str, Var)> = operands
        .iter()
        .filter(|name| golden.has(&key(name)))
        .map(|name| (*name, Var::from_tensor(&golden.get(&key(name))).unwrap()))
        .collect();
    let operand = |name: &str| {
        let variable = variables.iter().find(|(known, _)| *known == name);
        variable.map(|(_, variable)| variable.as_tensor().clone())
    };
    let score = |y: &Tensor| match golden.has(&key("c")) {
        true => (y.sqr().unwrap() * golden.get(&key("c"))).unwrap().sum_all().unwrap(),
        false => y.clone(),
    };
    let y = operation(&operand).unwrap();
    check(case, &y, &golden.get(&key("y")), OUTPUT);
    let gradients = backward(&score(&y)).unwrap();
    for (name, variable) in &variables {
        let got = gradients.get(variable.as_tensor()).unwrap();
        check(&key(&format!("grad.{name}")), got, &golden.get(&key(&format!("grad.{name}"))), GRADIENT);
    }
    if !golden.has(&key("penalty")) {
        return;
    }
    let x = &variables[0].1;
    let slope = input_gradient(&score(&operation(&operand).unwrap()), x).unwrap();
    let norm = slope.flatten_from(1).unwrap().sqr().unwrap().sum(1).unwrap().sqrt().unwrap();
    let penalty = (norm - 1.0).unwrap().sqr().unwrap().mean_all().unwrap();
    check(&key("penalty"), &penalty, &golden.get(&key("penalty")), OUTPUT);
    let gradients = backward(&penalty).unwrap();
    for (name, variable) in &variables {
        let key = key(&format!("penalty_grad.{name}"));
        let want = golden.get(&key);
        match gradients.get(variable.as_tensor()) {
            Some(got) => check(&key, got, &want, GRADIENT),
            // Where the score does not depend on an operand's curvature there is no path to it.
            None => check(&key, &want.zeros_like().unwrap(), &want, GRADIENT),
        }
    }
}
