//! Which word was meant.

/// The candidate within an edit distance of a third of its length, if any is.
pub(crate) fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (distance(word, c), c))
        .filter(|(d, c)| *d <= 1 + c.len() / 3)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// Edit distance (Levenshtein, 1966), over bytes, where two neighbours exchanged count as one (Damerau, 1964).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut before, mut above): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut next = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == &b[j - 1] && y == &a[i - 1] {
                next = next.min(before[j - 1] + 1);
            }
            row.push(next);
        }
        (before, above) = (above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_that_were_exchanged_are_one_slip() {
        for (word, of, slips) in [
            ("axes", "axes", 0),
            ("aexs", "axes", 1),
            ("aexs", "keys", 2),
            ("seped", "speed", 1),
            ("stopx", "stop", 1),
            ("", "stop", 4),
            ("stop", "", 4),
        ] {
            assert_eq!(distance(word, of), slips, "{word} for {of}");
        }
        assert_eq!(closest("from", ["frame", "form"].into_iter()), Some("form"));
        assert_eq!(closest("quite_another", ["frame", "form"].into_iter()), None);
    }
}
