//! Minibatch statistics, locally connected layers and spectral norm against PyTorch.
//!
//! Derivatives are held against finite differences in `tests/derivatives`.
//!
//! Numbers stand beside the PyTorch call that made them (torch 2.15, float64). `waves([..], k, phase)` below is
//! `torch.sin(k * torch.arange(n) + phase).reshape(..)` there.
#![expect(clippy::unwrap_used, reason = "a test reports by failing")]

use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{DType, Device, Shape, Tensor, Var};
use calo_tensor::ops::{
    BatchDifference, batch_difference, locally_connected, log_scaled, minibatch_discrimination,
    minibatch_standard_deviation, spectral_norm, spectral_norm_of_each,
};

fn waves(shape: impl Into<Shape>, k: f64, phase: f64) -> Tensor {
    let shape = shape.into();
    let values: Vec<f64> = (0..shape.elem_count()).map(|i| (k * i as f64 + phase).sin()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn flat(x: &Tensor) -> Vec<f64> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert!(found.len() >= expected.len());
    let largest = expected.iter().fold(1e-12_f64, |m, x| m.max(x.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * largest, "element {i}: {f}, expected {e}");
    }
}

#[test]
fn minibatch_standard_deviation_is_pytorchs() {
    // x = waves([3, 2, 2, 2], 0.37, 0) * 2 + 1; s = torch.sqrt(torch.var(x, 0) + 1e-8).mean(); s.backward()
    let x = Var::from_tensor(&waves((3, 2, 2, 2), 0.37, 0.0).affine(2.0, 1.0).unwrap()).unwrap();
    let y = minibatch_standard_deviation(&x).unwrap();
    assert_eq!(y.dims(), [3, 3, 2, 2]);
    let map = y.narrow(1, 2, 1).unwrap();
    assert_close(&flat(&map), &[1.5368993442744063; 12], 1e-12);
    assert_eq!(flat(&y.narrow(1, 0, 2).unwrap()), flat(&x));
    let s = map.mean_all().unwrap();
    let gradient = backward(&s).unwrap();
    let expected = [0.013346749675984258, 0.06763956250888795, 0.050283630774529395, 0.043159909733986104];
    assert_close(&flat(gradient.get(&x).unwrap()), &expected, 1e-12);
}

#[test]
fn minibatch_standard_deviation_survives_equal_showers() {
    let x = Var::from_tensor(&Tensor::ones((3, 1, 4), DType::F64, &Device::Cpu).unwrap()).unwrap();
    let gradient = input_gradient(&minibatch_standard_deviation(&x).unwrap(), &x).unwrap();
    assert_eq!(flat(&gradient), [1.0; 12]);
    let one = minibatch_standard_deviation(&waves((1, 1, 3), 1.0, 1.0)).unwrap();
    assert_eq!(flat(&one)[3..], [0.0; 3]);
    assert!(minibatch_standard_deviation(&waves(3, 1.0, 0.0)).is_err());
    assert!(minibatch_standard_deviation(&waves((2, 0), 1.0, 0.0)).is_err());
}

fn networks() -> [Tensor; 6] {
    [
        waves((3, 1, 1), 0.8, 0.0),
        waves((3, 3, 1), 0.45, 0.3),
        waves((2, 3, 1), 0.9, 1.0),
        waves((3, 1, 1), 1.8, 0.0),
        waves((3, 3, 1), 1.45, 0.3),
        waves((2, 3, 1), 1.9, 1.0),
    ]
}

fn embedding(x: &Tensor, w: &[Tensor; 6]) -> Tensor {
    let weights = BatchDifference { deviation: [&w[0], &w[1], &w[2]], sum: [&w[3], &w[4], &w[5]] };
    batch_difference(x, &weights).unwrap()
}

#[test]
fn batch_difference_is_pytorchs() {
    // x = waves([4, 1, 2, 3], 0.61, 0)**2 * 3; f = x.reshape(4, -1); v = f.std(1), then v = f.sum(1):
    // d = (v.view(1, 4) - v.view(4, 1)).unsqueeze(1); d = F.leaky_relu(F.conv1d(d, w), 0.01) for the three w;
    // torch.cat((torch.std(d, 2), torch.mean(d, 2)), 1)
    let x = (waves((4, 1, 2, 3), 0.61, 0.0).sqr().unwrap() * 3.0).unwrap();
    let found = embedding(&x, &networks());
    assert_eq!(found.dims(), [4, 8]);
    let expected = [
        0.0001852630575163361,
        4.096432692029293e-06,
        0.00015913066795919767,
        -3.5186079689678547e-06,
        0.9588093349791144,
        0.46389134097793655,
        1.0022083010347722,
        0.48488863817368555,
        0.13037990340579633,
        0.0010827820893246712,
        0.11295071477358092,
        -0.0009386037037464644,
        0.8077745931437935,
        0.3590396231454478,
        0.6909194878666568,
        0.3693252282150728,
    ];
    assert_close(&flat(&found), &expected, 1e-12);
    // The same of torch.log(x + torch.exp(torch.tensor(-5.0))) + 5
    let found = embedding(&log_scaled(&x).unwrap(), &networks());
    let expected = [
        0.001942904865446075,
        4.2960421332862156e-05,
        0.0029051296124916266,
        -6.423659459546443e-05,
        2.6764014024670977,
        1.2948971086235166,
        3.920320597090815,
        1.8967303639023259,
    ];
    assert_close(&flat(&found), &expected, 1e-12);
}

#[test]
fn batch_difference_survives_equal_showers() {
    let w = networks();
    let x = Var::from_tensor(&Tensor::ones((3, 4), DType::F64, &Device::Cpu).unwrap()).unwrap();
    let gradient = input_gradient(&embedding(&x, &w), &x).unwrap();
    assert!(flat(&gradient).iter().all(|g| g.is_finite()));
    let weights = BatchDifference { deviation: [&w[0], &w[1], &w[2]], sum: [&w[0], &w[1], &w[2]] };
    assert!(batch_difference(&waves((1, 4), 1.0, 0.0), &weights).is_err());
    assert!(batch_difference(&waves((4, 1), 1.0, 0.0), &weights).is_err());
    let swapped = BatchDifference { deviation: [&w[1], &w[0], &w[2]], ..weights };
    assert!(
        batch_difference(&waves((4, 3), 1.0, 0.0), &swapped).unwrap_err().to_string().contains("[out, 1, 1]")
    );
}

#[test]
fn locally_connected_is_pytorchs() {
    // u = F.unfold(x, (3, 2), padding=(1, 1), stride=(2, 2));
    // y = torch.einsum('nkp,pok->nop', u, w.reshape(4, 2, 12)).reshape(2, 2, 2, 2) + b
    let x = Var::from_tensor(&waves((2, 2, 4, 3), 0.31, 0.0)).unwrap();
    let w = Var::from_tensor(&waves((2, 2, 2, 2, 3, 2), 0.23, 0.5)).unwrap();
    let b = Var::from_tensor(&waves((2, 2, 2), 0.5, 0.0)).unwrap();
    let y = locally_connected(&x, &w, Some(&b), [2, 2], [1, 1]).unwrap();
    assert_eq!(y.dims(), [2, 2, 2, 2]);
    let expected = [
        0.3922176869108667,
        -1.0669655516233325,
        -0.8899074271246608,
        -0.8977042191837271,
        1.0622593182241609,
        3.303881881416157,
        1.9952478445118789,
        1.0017281863761487,
        1.1322689480076156,
        0.2036537362236891,
        1.1961029435925048,
        3.209374798224245,
        0.4382380077604902,
        1.9056436933527023,
        -0.22002718713094185,
        -1.9250750326053259,
    ];
    assert_close(&flat(&y), &expected, 1e-12);
    // (y * waves(y.shape, 1.1, 0)).sum().backward()
    let loss = y.mul(&waves((2, 2, 2, 2), 1.1, 0.0)).unwrap().sum_all().unwrap();
    let gradients = backward(&loss).unwrap();
    let gx = [
        0.6881873186929935,
        0.044644784001504234,
        0.40083120156226576,
        0.6183048546634586,
        1.7052670061083868,
    ];
    assert_close(&flat(gradients.get(&x).unwrap()), &gx, 1e-12);
    let gw = flat(gradients.get(&w).unwrap());
    assert_close(&gw, &[0.0, 0.0, 0.0, 0.5355071557891062, 0.0, 0.5087555290036114, 0.0, 0.0], 1e-12);
    assert!((gw.iter().sum::<f64>() - 1.1058801419776167).abs() < 1e-11);
    let gb = [0.5849171928917617, 0.4336714662861141, -0.19149380273111338, -0.6073931586778485];
    assert_close(&flat(gradients.get(&b).unwrap()), &gb, 1e-12);
}

#[test]
fn locally_connected_names_what_does_not_fit() {
    let (x, w) = (waves((2, 2, 3, 4), 1.0, 0.0), waves((2, 2, 3, 2, 2, 3), 1.0, 0.0));
    let error = |x: &Tensor, w: &Tensor, b: Option<&Tensor>, stride, padding| {
        locally_connected(x, w, b, stride, padding).unwrap_err().to_string()
    };
    assert!(error(&x, &w, None, [1, 1], [1, 0]).contains("grid"));
    assert!(error(&x, &w, None, [0, 1], [0, 0]).contains("grid"));
    assert!(error(&waves((2, 2, 1, 4), 1.0, 0.0), &w, None, [1, 1], [0, 0]).contains("grid"));
    assert!(error(&waves((2, 3, 3, 4), 1.0, 0.0), &w, None, [1, 1], [0, 0]).contains("weight"));
    assert!(error(&w, &w, None, [1, 1], [0, 0]).contains("[n, ci, h, w]"));
    assert!(error(&x, &x, None, [1, 1], [0, 0]).contains("[oh, ow, co, ci, kh, kw]"));
    assert!(error(&x, &w, Some(&waves((3, 2, 1), 1.0, 0.0)), [1, 1], [0, 0]).contains("bias"));
}

#[test]
fn spectral_norm_is_pytorchs() {
    // conv = torch.nn.utils.spectral_norm(nn.Conv2d(3, 4, (2, 2), bias=False)) with weight_orig = waves([4, 3, 2, 2],
    // 0.37, 0), weight_u = F.normalize(arange(1, 5)), weight_v = F.normalize(arange(1, 13)); conv.train(); conv(x)
    let unit = |n: u32| {
        let x = Tensor::arange(1.0, f64::from(n) + 1.0, &Device::Cpu).unwrap();
        let norm = flat(&x).iter().map(|x| x * x).sum::<f64>().sqrt();
        (x / norm).unwrap()
    };
    let w = Var::from_tensor(&waves((4, 3, 2, 2), 0.37, 0.0)).unwrap();
    let trained = spectral_norm(&w, &unit(4), &unit(12), true).unwrap();
    let expected = [0.0, 0.09527623495926646, 0.1776572784778195, 0.2359932427823686, 0.2623886287706728];
    assert_close(&flat(&trained.weight), &expected, 1e-12);
    let u = [0.26349521706754214, -0.7078950584127308, 0.11739919142495746, 0.644726520867671];
    assert_close(&flat(&trained.u), &u, 1e-12);
    let v = [0.35038572521079914, 0.37022247888337373, 0.339951356831246, 0.2636694134159162];
    assert_close(&flat(&trained.v), &v, 1e-12);
    // (conv.weight * waves([4, 3, 2, 2], 0.9, 0)).sum().backward(); conv.weight_orig.grad
    let loss = trained.weight.mul(&waves((4, 3, 2, 2), 0.9, 0.0)).unwrap().sum_all().unwrap();
    let gradient = backward(&loss).unwrap();
    let expected = [
        -0.0018601456653759777,
        0.20442075454478856,
        0.25477870046735474,
        0.11120367019004306,
        -0.11739795365077299,
        -0.25765562431893874,
    ];
    assert_close(&flat(gradient.get(&w).unwrap()), &expected, 1e-12);
    assert!(!trained.u.track_op() && !trained.v.track_op());
    // conv.eval(): the state stays, and so does the weight.
    let evaluated = spectral_norm(&w, &trained.u, &trained.v, false).unwrap();
    assert_eq!(flat(&evaluated.weight), flat(&trained.weight));
    assert_eq!(flat(&evaluated.u), flat(&trained.u));
}

#[test]
fn spectral_norm_converges() {
    let w = waves((3, 4), 0.83, 0.3);
    let (mut u, mut v) = (waves(3, 1.3, 1.0), waves(4, 1.1, 0.5));
    for _ in 0..200 {
        let next = spectral_norm(&w, &u, &v, true).unwrap();
        (u, v) = (next.u, next.v);
    }
    // Of the weight so divided the largest singular value is 1: its image of v is u.
    let divided = spectral_norm(&w, &u, &v, false).unwrap().weight;
    assert_close(&flat(&divided.matmul(&v.unsqueeze(1).unwrap()).unwrap()), &flat(&u), 1e-9);
    assert!(spectral_norm(&w, &v, &u, true).unwrap_err().to_string().contains("u and v"));
    assert!(spectral_norm(&u, &u, &v, true).is_err());
}

#[test]
fn each_matrix_has_a_spectral_norm_of_its_own() {
    let w = waves((5, 3, 4), 0.83, 0.3);
    let (mut u, mut v) = (waves((5, 3), 1.3, 1.0), waves((5, 4), 1.1, 0.5));
    for _ in 0..3 {
        let next = spectral_norm_of_each(&w, &u, &v, true).unwrap();
        for place in 0..5 {
            let [w, u, v] = [&w, &u, &v].map(|x| x.get(place).unwrap());
            let alone = spectral_norm(&w, &u, &v, true).unwrap();
            assert_close(&flat(&next.weight.get(place).unwrap()), &flat(&alone.weight), 1e-12);
            assert_close(&flat(&next.u.get(place).unwrap()), &flat(&alone.u), 1e-12);
        }
        (u, v) = (next.u, next.v);
    }
    let error = spectral_norm_of_each(&w, &v, &v, true).unwrap_err().to_string();
    assert!(error.contains("[5, 3] and [5, 4]"), "{error}");
    assert!(spectral_norm_of_each(&waves((5, 3), 1.0, 0.0), &u, &v, true).is_err());
}

#[test]
fn minibatch_discrimination_is_pytorchs() {
    // x = waves([3, 2, 2], 0.37, 0); d = (x.unsqueeze(1) - x.unsqueeze(0)).abs().sum(3)
    // y = torch.exp(-d).sum(1) - 1; (y * waves([3, 2], 0.9, 0)).sum().backward(); x.grad
    let x = Var::from_tensor(&waves((3, 2, 2), 0.37, 0.0)).unwrap();
    let y = minibatch_discrimination(&x).unwrap();
    let expected = [
        0.6849457993727452,
        0.6652186266691384,
        0.3431153977920365,
        0.6807949755738623,
        0.6224634718779349,
        0.1255689322240554,
    ];
    assert_close(&flat(&y), &expected, 1e-12);
    let loss = (&y * waves((3, 2), 0.9, 0.0)).unwrap().sum_all().unwrap();
    let gradient = backward(&loss).unwrap();
    let expected = [
        -0.015864684244624228,
        0.4108550681048051,
        0.7494807805914728,
        -0.7281198680505141,
        -0.2720491819220423,
        -0.2720491819220423,
        -0.6999747693583431,
        0.7776258792836439,
    ];
    assert_close(&flat(gradient.get(&x).unwrap()), &expected, 1e-12);
}

/// Nothing is as close as a copy, and a shower is not compared with itself.
#[test]
fn copies_are_close_to_each_other() {
    let x = waves((1, 2, 3), 0.4, 0.1);
    let copies = minibatch_discrimination(&Tensor::cat(&[&x, &x, &x], 0).unwrap()).unwrap();
    assert_close(&flat(&copies), &[2.0; 6], 1e-12);
    assert_eq!(flat(&minibatch_discrimination(&x).unwrap()), [0.0; 2]);
    assert!(minibatch_discrimination(&waves((2, 3), 1.0, 0.0)).is_err());
    assert!(minibatch_discrimination(&waves((0, 3, 1), 1.0, 0.0)).is_err());
}
