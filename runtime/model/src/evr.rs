//! Epoch, version and release of packages: which of two is newer.
//!
//! Source: `rpm-version(7)` and the cases in rpm's own test suite.

use std::cmp::Ordering;

/// Compares two `[EPOCH:]VERSION[-RELEASE]`; a missing epoch is 0.
pub fn compare_evr(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    let epoch = |text: &str| text.trim_start_matches('0').to_owned();
    let by_epoch = {
        let (a, b) = (epoch(a.0), epoch(b.0));
        a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
    };
    by_epoch.then_with(|| compare_part(a.1, b.1)).then_with(|| compare_part(a.2, b.2))
}

fn split(evr: &str) -> (&str, &str, &str) {
    let (epoch, rest) = match evr.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", evr),
    };
    let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, version, release)
}

/// Compares versions or releases: runs of digits as numbers, runs of letters as text, `~` before everything, `^` after the end.
fn compare_part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        a = skip_separators(a);
        b = skip_separators(b);
        match (a.first(), b.first()) {
            (Some(b'~'), Some(b'~')) => (a, b) = (&a[1..], &b[1..]),
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (Some(b'^'), Some(b'^')) => (a, b) = (&a[1..], &b[1..]),
            // The end comes before `^`, and everything else after it.
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), Some(_)) => return Ordering::Less,
            (Some(_), Some(b'^')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(first), Some(_)) => {
                let is_number = first.is_ascii_digit();
                let (run_a, rest_a) = take_run(a, is_number);
                let (run_b, rest_b) = take_run(b, is_number);
                if run_b.is_empty() {
                    // A number is newer than letters.
                    return if is_number { Ordering::Greater } else { Ordering::Less };
                }
                let order = if is_number { compare_numbers(run_a, run_b) } else { run_a.cmp(run_b) };
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
        }
    }
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let is_separator = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'~' | b'^');
    let length = text.iter().take_while(|byte| is_separator(byte)).count();
    &text[length..]
}

fn take_run(text: &[u8], is_number: bool) -> (&[u8], &[u8]) {
    let belongs = |byte: &u8| if is_number { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
    text.split_at(text.iter().take_while(|byte| belongs(byte)).count())
}

fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let strip = |text: &[u8]| {
        let zeros = text.iter().take_while(|byte| **byte == b'0').count();
        text[zeros..].to_vec()
    };
    let (a, b) = (strip(a), strip(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        use Ordering::{Equal, Greater, Less};
        let table = [
            ("1.0", "1.0", Equal),
            ("1.0", "2.0", Less),
            ("2.0.1", "2.0.1a", Less),
            ("5.5p1", "5.5p10", Less),
            ("10xyz", "10.1xyz", Less),
            ("xyz10", "xyz10.1", Less),
            ("xyz.4", "8", Less),
            ("5.5p2", "5.6p1", Less),
            ("6.0", "6.0.rc1", Less),
            ("10b2", "10a1", Greater),
            ("1.0aa", "1.0aa", Equal),
            ("10.0001", "10.1", Equal),
            ("10.0001", "10.0039", Less),
            ("4.999.9", "5.0", Less),
            ("20101121", "20101122", Less),
            ("2_0", "2.0", Equal),
            ("a+", "a_", Equal),
            ("1.0~rc1", "1.0", Less),
            ("1.0~rc1~git123", "1.0~rc1", Less),
            ("1.0^", "1.0", Greater),
            ("1.0^git1", "1.0^git2", Less),
            ("1.0^git1", "1.01", Less),
            ("1.0^20160101", "1.0.1", Less),
            ("1.0~rc1^git1", "1.0~rc1", Greater),
            ("1.0^git1~pre", "1.0^git1", Less),
            ("1:1.0-1", "2.0-1", Greater),
            ("0:1.0-1", "1.0-1", Equal),
            ("1.0-1.fc41", "1.0-1.fc42", Less),
            ("1.0-9.fc42", "1.0-10.fc42", Less),
            ("10:1-1", "9:1-1", Greater),
            ("", "", Equal),
            ("", "1", Less),
        ];
        for (a, b, order) in table {
            assert_eq!(compare_evr(a, b), order, "{a} {b}");
            assert_eq!(compare_evr(b, a), order.reverse(), "{b} {a}");
        }
    }
}
