//! Debian's control paragraphs and dependency fields, parsed from text. No files, no processes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One paragraph of a control file: field names as Debian writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paragraph(BTreeMap<String, String>);

impl Paragraph {
    /// Every paragraph of `text`; empty ones are left out.
    pub fn parse_all(text: &str) -> Vec<Self> {
        text.split("\n\n").map(Self::parse).filter(|paragraph| !paragraph.0.is_empty()).collect()
    }

    fn parse(text: &str) -> Self {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut last = String::new();
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                if let Some(value) = fields.get_mut(&last) {
                    value.push('\n');
                    value.push_str(line);
                }
            } else if let Some((name, value)) = line.split_once(':') {
                last = name.to_owned();
                fields.insert(last.clone(), value.trim().to_owned());
            }
        }
        Self(fields)
    }

    /// The value of a field, or nothing where it is missing.
    pub fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    /// The same with other values; an empty one takes a field away.
    pub fn with(mut self, changes: &[(&str, &str)]) -> Self {
        for (field, value) in changes {
            self.0.remove(*field);
            if !value.is_empty() {
                self.0.insert((*field).to_owned(), (*value).to_owned());
            }
        }
        self
    }

    /// The clauses of a dependency field.
    pub fn clauses(&self, field: &str) -> Vec<Clause> {
        parse_clauses(self.get(field))
    }
}

/// One clause of a dependency field: any of these will do.
pub type Clause = Vec<Alternative>;

/// A package name with the versions that are good enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The Debian name, without an architecture.
    pub name: String,
    /// A comparison and a version.
    pub version: Option<(Comparison, String)>,
}

/// How Debian compares versions in a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Comparison {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "<<" => Self::Earlier,
            "<=" => Self::EarlierOrEqual,
            "=" => Self::Equal,
            ">=" => Self::LaterOrEqual,
            ">>" => Self::Later,
            _ => return None,
        })
    }

    /// As RPM writes it.
    pub fn rpm(self) -> &'static str {
        match self {
            Self::Earlier => "<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">",
        }
    }
}

/// Parses `a, b (>= 1) | c:any`; what is not a dependency is left out.
pub fn parse_clauses(text: &str) -> Vec<Clause> {
    text.split(',')
        .map(|clause| clause.split('|').filter_map(parse_alternative).collect::<Clause>())
        .filter(|clause| !clause.is_empty())
        .collect()
}

fn parse_alternative(text: &str) -> Option<Alternative> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"+.-".contains(c)).unwrap_or(text.len());
    if end == 0 {
        return None;
    }
    let version = text[end..].split_once('(').and_then(|(_, rest)| {
        let inside = rest.split_once(')')?.0.trim();
        let version = inside.find(|c: char| !"<>=".contains(c))?;
        Some((Comparison::parse(&inside[..version])?, inside[version..].trim().to_owned()))
    });
    Some(Alternative { name: text[..end].to_owned(), version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_keep_continuation_lines() {
        let all = Paragraph::parse_all("Package: a\nDescription: one\n two\n .\n\n\nPackage: b\n");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].get("Description"), "one\n two\n .");
        assert_eq!(all[1].get("Package"), "b");
        assert_eq!(all[1].get("Depends"), "");
    }

    #[test]
    fn clauses_have_alternatives_and_versions() {
        let clauses = parse_clauses("libc6 (>= 2.38), python3:any, default-x | x (<< 1:2~), , ${bad}");
        let names: Vec<Vec<&str>> =
            clauses.iter().map(|clause| clause.iter().map(|one| one.name.as_str()).collect()).collect();
        assert_eq!(names, [vec!["libc6"], vec!["python3"], vec!["default-x", "x"]]);
        assert_eq!(clauses[0][0].version, Some((Comparison::LaterOrEqual, "2.38".to_owned())));
        assert_eq!(clauses[1][0].version, None);
        assert_eq!(clauses[2][1].version, Some((Comparison::Earlier, "1:2~".to_owned())));
    }
}
