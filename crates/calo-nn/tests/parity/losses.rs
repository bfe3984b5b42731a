//! Losses that PyTorch has by itself; those of the papers are compared inside the networks.

use calo_nn::losses::binary_cross_entropy;

use crate::compare::compare;
use crate::golden::Golden;

#[test]
fn binary_cross_entropies() {
    let golden = Golden::operations();
    let target = golden.get("binary_cross_entropy.target");
    compare(&golden, "binary_cross_entropy", &["x"], &|of| binary_cross_entropy(&of("x").unwrap(), &target));
}
