//! What would help a person after an error, apart from the error's own text.

/// An error that may know what would help.
pub trait Hint {
    /// A command to type, a name that was perhaps meant, a permission that is missing: a line without full stop, or nothing.
    fn hint(&self) -> Option<String>;

    /// Whether another program has told the person already, so that saying it again would only be in the way.
    fn is_told(&self) -> bool {
        false
    }
}

/// The candidate that is most like `wanted`, if any is like it enough to be a typing error.
///
/// Distance is that of Damerau and Levenshtein (insert, delete, replace, swap neighbours), without regard to case; at most a third of the
/// longer text may differ. A candidate of which `wanted` is the beginning, or the part after the last dot, is like it, too.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wanted.to_lowercase();
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        let other = candidate.to_lowercase();
        let tail = other.rsplit('.').next().unwrap_or(&other);
        let extends = lower.len() >= 3 && (other.starts_with(&lower) || tail.starts_with(&lower));
        let cost = if extends { 1 } else { distance(&lower, &other).min(distance(&lower, tail)) };
        let allowed = lower.chars().count().max(2) / 3;
        if (extends || cost <= allowed.max(1)) && best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(128).collect();
    let b: Vec<char> = b.chars().take(128).collect();
    let width = b.len() + 1;
    let mut cost = vec![0; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            cost[i * width + j] = match (i, j) {
                (0, j) => j,
                (i, 0) => i,
                (i, j) => {
                    let replace = usize::from(a[i - 1] != b[j - 1]);
                    let mut least = (cost[(i - 1) * width + j] + 1)
                        .min(cost[i * width + j - 1] + 1)
                        .min(cost[(i - 1) * width + j - 1] + replace);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        least = least.min(cost[(i - 2) * width + j - 2] + 1);
                    }
                    least
                }
            };
        }
    }
    cost[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn cases() {
        let names = ["org.gnome.Maps", "org.gnome.Calculator", "local.rpm.sqlite"];
        let table = [
            ("org.gnome.Map", Some("org.gnome.Maps")),
            ("org.gnome.Clacualtor", Some("org.gnome.Calculator")),
            ("calculator", Some("org.gnome.Calculator")),
            ("sqlit", Some("local.rpm.sqlite")),
            ("firefox", None),
            ("x", None),
        ];
        for (wanted, expected) in table {
            assert_eq!(nearest(wanted, names), expected, "{wanted}");
        }
        assert_eq!(nearest("hom", ["host", "home"]), Some("home"));
    }
}
