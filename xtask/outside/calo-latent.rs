//! Asks for the bandwidth of a density.

use calo_latent::KernelCovariance;

fn main() {
    println!("{:?} {}", KernelCovariance::default(), calo_latent::scott(1000, 25));
}
