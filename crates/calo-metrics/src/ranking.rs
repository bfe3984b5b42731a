//! Which candidate imitates its reference best.

use crate::results::Score;

/// Scores that decide on the order, the sharpest first.
const DECISIVE: [&str; 4] = ["auc_layers", "auc_features", "auc", "fpd"];

/// An order of candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Numbers of the candidates, the best first; those without the score last.
    pub order: Vec<usize>,
    /// Label of the score that decides; none where no candidate has one that can.
    pub by: Option<String>,
}

/// How far a score is from that of a perfect imitation; none for scores that know no perfection.
pub fn shortfall(id: &str, value: f64) -> Option<f64> {
    let perfect = match id {
        "precision" | "recall" | "density" | "coverage" | "pairwise_spread" => 1.0,
        _ if id.starts_with("auc") => 0.5,
        _ if ["s_jsd", "s_area", "fpd", "kpd", "separation_power", "quantile_divergence", "pearson_max"]
            .iter()
            .any(|known| id.starts_with(known)) =>
        {
            0.0
        }
        _ => return None,
    };
    Some((value - perfect).abs())
}

/// Candidates in the order of their sharpest score that one of them has: an area under a ROC curve, else FPD.
pub fn ranking(candidates: &[&[Score]]) -> Ranking {
    let of = |candidate: &[Score], id: &str| {
        let score = candidate.iter().find(|score| score.id == id)?;
        Some((shortfall(id, score.value?)?, score.label.clone()))
    };
    let has = |id: &&&str| candidates.iter().any(|candidate| of(candidate, id).is_some());
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let Some(id) = DECISIVE.iter().find(has) else { return Ranking { order, by: None } };
    let shortfalls: Vec<f64> = candidates
        .iter()
        .map(|candidate| of(candidate, id).map_or(f64::INFINITY, |(shortfall, _)| shortfall))
        .collect();
    order.sort_by(|&a, &b| shortfalls[a].total_cmp(&shortfalls[b]));
    let by = candidates.iter().find_map(|candidate| of(candidate, id)).map(|(_, label)| label);
    Ranking { order, by }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(id: &str, value: Option<f64>) -> Score {
        Score {
            id: id.to_owned(),
            label: id.to_uppercase(),
            value,
            error: None,
            digits: 3,
            detail: Vec::new(),
        }
    }

    #[test]
    fn the_sharpest_score_that_there_is_decides() {
        let a = [score("fpd", Some(0.1)), score("auc", Some(0.9)), score("auc_features", None)];
        let b = [score("fpd", Some(0.2)), score("auc", Some(0.45))];
        let c = [score("fpd", Some(0.0))];
        let found = ranking(&[&a, &b, &c]);
        assert_eq!((found.order, found.by.as_deref()), (vec![1, 0, 2], Some("AUC")));
        assert_eq!(ranking(&[&c, &c]).by.as_deref(), Some("FPD"));
        assert_eq!(ranking(&[&a[2..]]).by, None);
        assert_eq!(ranking(&[]).order, Vec::<usize>::new());
    }

    #[test]
    fn scores_have_their_own_perfection() {
        for (id, value, expected) in [
            ("auc_layers", 0.4, Some(0.1)),
            ("fpd_with_replacement", 0.2, Some(0.2)),
            ("coverage", 0.75, Some(0.25)),
            ("density", 1.5, Some(0.5)),
            ("distinct_neighbours", 0.5, None),
        ] {
            let found = shortfall(id, value);
            assert_eq!(found.is_some(), expected.is_some(), "{id}");
            assert!((found.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-12, "{id}");
        }
    }
}
