//! Which texts are names on a bus, as the buses themselves decide it.
//!
//! Source: D-Bus specification, "Valid Names", "Valid Object Paths", "Valid Signatures".

const MAX_NAME: usize = 255;

/// A connection's own name, like `:1.42`.
pub(crate) fn is_unique(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text
            .strip_prefix(':')
            .is_some_and(|rest| rest.split('.').all(|part| is_part(part, Digit::Anywhere, b"-_")))
}

/// A name that a connection can ask for, like `org.gnome.Maps`.
pub(crate) fn is_well_known(text: &str) -> bool {
    is_dotted(text, b"-_")
}

/// Either kind of name.
pub(crate) fn is_bus_name(text: &str) -> bool {
    if text.starts_with(':') { is_unique(text) } else { is_well_known(text) }
}

/// The name of an interface or an error.
pub(crate) fn is_interface(text: &str) -> bool {
    is_dotted(text, b"_")
}

/// The name of a method or a signal.
pub(crate) fn is_member(text: &str) -> bool {
    text.len() <= MAX_NAME && is_part(text, Digit::NotFirst, b"_")
}

/// An object path.
pub(crate) fn is_path(text: &str) -> bool {
    text == "/"
        || text
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(|part| is_part(part, Digit::Anywhere, b"_")))
}

/// Any number of complete types, nested at most 32 arrays and 32 structures deep.
pub(crate) fn is_signature(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match complete_type(rest, 0, 0) {
            Some(length) => rest = &rest[length..],
            None => return false,
        }
    }
    text.len() <= MAX_NAME
}

/// How long the one complete type at the beginning of a signature is; nothing if there is none.
pub(crate) fn complete_type(signature: &[u8], arrays: usize, structs: usize) -> Option<usize> {
    if arrays > 32 || structs > 32 {
        return None;
    }
    match *signature.first()? {
        code if is_basic(code) || code == b'v' => Some(1),
        b'a' if signature.get(1) == Some(&b'{') => {
            let key = *signature.get(2)?;
            let value = complete_type(signature.get(3..)?, arrays + 1, structs + 1)?;
            (is_basic(key) && signature.get(3 + value) == Some(&b'}')).then_some(value + 4)
        }
        b'a' => Some(1 + complete_type(&signature[1..], arrays + 1, structs)?),
        b'(' => {
            let mut length = 1;
            while *signature.get(length)? != b')' {
                length += complete_type(&signature[length..], arrays, structs + 1)?;
            }
            (length > 1).then_some(length + 1)
        }
        _ => None,
    }
}

fn is_basic(code: u8) -> bool {
    b"ybnqiuxtdsogh".contains(&code)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Digit {
    Anywhere,
    NotFirst,
}

fn is_dotted(text: &str, marks: &[u8]) -> bool {
    text.len() <= MAX_NAME
        && text.contains('.')
        && text.split('.').all(|part| is_part(part, Digit::NotFirst, marks))
}

fn is_part(part: &str, digit: Digit, marks: &[u8]) -> bool {
    let Some(first) = part.bytes().next() else { return false };
    (digit == Digit::Anywhere || !first.is_ascii_digit())
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        type Case = (fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);
        let table: [Case; 5] = [
            (is_unique, &[":1.42", ":1", ":a-b.c_9"], &["", ":", ":1.", ":.1", "1.42", ":1 2", ":1/2"]),
            (
                is_well_known,
                &["org.gnome.Maps", "a.b-c", "_a._9"],
                &["org", "org.", ".org", "org.7z", "a..b", "a.b ", ":1.2"],
            ),
            (is_interface, &["a.b", "org.x.Y_1"], &["a", "a.b-c", "a.1b", "a..b", ""]),
            (is_member, &["Hello", "_x9"], &["", "9x", "a.b", "a-b", "Ünicode"]),
            (is_path, &["/", "/a", "/a/9/_"], &["", "a", "//", "/a/", "/a//b", "/a-b", "/a b"]),
        ];
        for (is_right, good, bad) in table {
            good.iter().for_each(|text| assert!(is_right(text), "{text:?}"));
            bad.iter().for_each(|text| assert!(!is_right(text), "{text:?}"));
        }
        assert!(!is_member(&"x".repeat(256)) && is_member(&"x".repeat(255)));
    }

    #[test]
    fn signatures() {
        for good in ["", "s", "su", "a{sv}", "ssa(sv)a(sa(sv))", "aaaas", "(((y)))v", "a{s(uu)}"] {
            assert!(is_signature(good), "{good:?}");
        }
        for bad in ["a", "(", ")", "()", "{sv}", "a{vs}", "a{s}", "a{svs}", "z", "(s", "a{sv", "ä"] {
            assert!(!is_signature(bad), "{bad:?}");
        }
        assert!(
            is_signature(&format!("{}y", "a".repeat(32))) && !is_signature(&format!("{}y", "a".repeat(33)))
        );
        assert!(!is_signature(&"(".repeat(200)) && !is_signature(&"y".repeat(256)));
    }
}
