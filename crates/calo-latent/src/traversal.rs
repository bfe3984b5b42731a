//! Paths through latent space along one variable, to be decoded and plotted.

use ndarray::{Array2, Array3, ArrayView1};

use crate::error::{Error, Result};

/// Latent points in which one variable takes given values and the others stay.
///
/// # Shapes
/// `base` `[k]`; result `[variable, value, k]`, the variables in the order of `variables`. Zeros are the paper's base.
///
/// # Errors
/// No variables or values, numbers that are not finite, or a variable that does not exist.
///
/// # Reference
/// arXiv:2102.12491, figures 4 and 5: the variable of highest divergence from -3 to 3, the others 0.
///
/// ```
/// use ndarray::{Array1, array, s};
/// let z = calo_latent::traversal(Array1::zeros(4).view(), &[2], &[-3.0, 0.0, 3.0])?;
/// assert_eq!(z.slice(s![0, .., ..]), array![[0.0, 0.0, -3.0, 0.0], [0.0; 4], [0.0, 0.0, 3.0, 0.0]]);
/// # Ok::<(), calo_latent::Error>(())
/// ```
pub fn traversal(base: ArrayView1<'_, f64>, variables: &[usize], values: &[f64]) -> Result<Array3<f64>> {
    check(base, variables, values)?;
    let shape = (variables.len(), values.len(), base.len());
    Ok(Array3::from_shape_fn(shape, |(i, j, k)| if k == variables[i] { values[j] } else { base[k] }))
}

/// Latent points in which two variables take all pairs of values and the others stay.
///
/// # Shapes
/// `base` `[k]`; result `[values * values, k]`, the second variable running fastest.
///
/// # Errors
/// As [`traversal`], or twice the same variable.
pub fn traversal_plane(
    base: ArrayView1<'_, f64>,
    variables: [usize; 2],
    values: &[f64],
) -> Result<Array2<f64>> {
    check(base, &variables, values)?;
    let [first, second] = variables;
    if first == second {
        return Err(Error::parameter("variables", first, "two different ones"));
    }
    let n = values.len();
    Ok(Array2::from_shape_fn((n * n, base.len()), |(i, k)| match k {
        k if k == first => values[i / n],
        k if k == second => values[i % n],
        k => base[k],
    }))
}

fn check(base: ArrayView1<'_, f64>, variables: &[usize], values: &[f64]) -> Result<()> {
    for (what, n) in [("base", base.len()), ("variables", variables.len()), ("values", values.len())] {
        if n == 0 {
            return Err(Error::empty(what, "at least one entry"));
        }
    }
    if let Some(variable) = variables.iter().find(|&&variable| variable >= base.len()) {
        return Err(Error::parameter("variables", variable, format!("numbers below {}", base.len())));
    }
    for (what, numbers) in [("base", &base.to_vec()[..]), ("values", values)] {
        if let Some(i) = numbers.iter().position(|x| !x.is_finite()) {
            return Err(Error::non_finite(what, numbers[i], &[i]));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;

    #[test]
    fn a_plane_holds_all_pairs() {
        let z = traversal_plane(array![0.5, 0.0, 0.0].view(), [2, 1], &[-1.0, 1.0]).unwrap();
        assert_eq!(z, array![[0.5, -1.0, -1.0], [0.5, 1.0, -1.0], [0.5, -1.0, 1.0], [0.5, 1.0, 1.0]]);
    }

    #[test]
    fn variables_that_are_not_there_are_named() {
        let base = Array1::zeros(4);
        let error = traversal(base.view(), &[1, 4], &[0.0]).unwrap_err();
        assert_eq!(error.to_string(), "parameter `variables`: 4; expected numbers below 4");
        assert!(traversal(base.view(), &[], &[0.0]).is_err());
        assert!(traversal(base.view(), &[0], &[f64::NAN]).is_err());
        assert!(traversal_plane(base.view(), [1, 1], &[0.0]).is_err());
    }
}
