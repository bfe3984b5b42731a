//! `init` makes gradients differentiable where the variable is not set from outside.

use calo_tensor::autograd::{input_gradient, keeps_graph};
use calo_tensor::candle::{Device, Tensor, Var};

/// Run by the test below in a process of its own, without the variables.
#[test]
#[ignore = "needs an environment of its own"]
#[expect(unsafe_code, reason = "`init` sets variables of the environment")]
fn child_without_the_variables() {
    assert!(std::env::var_os("CANDLE_GRAD_DO_NOT_DETACH").is_none());
    // SAFETY: a single test runs in this process, and its main thread only waits.
    unsafe { calo_tensor::init() };
    assert_eq!(std::env::var("CANDLE_NUM_THREADS").unwrap(), "1");
    assert!(keeps_graph().unwrap());
    let x = Var::from_tensor(&Tensor::new(2.0, &Device::Cpu).unwrap()).unwrap();
    let first = input_gradient(&x.powf(3.0).unwrap(), &x).unwrap();
    let second = first.backward().unwrap().get(&x).unwrap().to_scalar::<f64>().unwrap();
    assert!((second - 12.0).abs() < 1e-12);
}

#[test]
fn a_program_that_calls_it_first_needs_no_variables() {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_without_the_variables", "--ignored"])
        .env_remove("CANDLE_GRAD_DO_NOT_DETACH")
        .env_remove("CANDLE_NUM_THREADS")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && text.contains("1 passed"), "{text}");
}
