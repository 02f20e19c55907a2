//! Users and groups that packages want: from `sysusers.d`, and from scripts that would make them.
//!
//! An app runs as the person who starts it, and nobody else is in its sandbox. So users are only names: they are written into `etc/passwd` and
//! `etc/group` of the tree, from which the launcher takes names for numbers, and programs that look their user up find it.
//! Source: `sysusers.d(5)`, `useradd(8)`.

use std::collections::BTreeMap;

/// A user or a group by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Account {
    /// A user with a group of the same name, unless another is given.
    User {
        name: String,
        number: Option<u32>,
        group: Option<String>,
        about: String,
        home: String,
        shell: String,
    },
    /// A group.
    Group { name: String, number: Option<u32> },
}

/// Numbers for those that ask for none are given from here downwards, as on a host.
const HIGHEST: u32 = 999;
const LOWEST: u32 = 201;

/// Reads a file of `sysusers.d`. Lines that cannot be understood are passed over.
pub(super) fn sysusers(text: &str) -> Vec<Account> {
    let mut accounts = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let words = words(line);
        let word = |index: usize| words.get(index).filter(|word| *word != "-").cloned();
        let Some(name) = word(1).filter(|name| is_name(name)) else { continue };
        let number = || word(2).and_then(|text| text.split(':').next().and_then(|id| id.parse().ok()));
        match words[0].trim_end_matches('!') {
            "u" => accounts.push(Account::User {
                name,
                number: number(),
                group: word(2).and_then(|text| text.split_once(':').map(|(_, group)| group.to_owned())),
                about: word(3).unwrap_or_default(),
                home: word(4).unwrap_or_else(|| "/".into()),
                shell: word(5).unwrap_or_else(|| "/usr/sbin/nologin".into()),
            }),
            "g" => accounts.push(Account::Group { name, number: number() }),
            _ => {}
        }
    }
    accounts
}

/// Reads `useradd` and `groupadd` with the options that packages use; `None` when there is more to it.
pub(super) fn command(words: &[String]) -> Option<Account> {
    let program = words.first()?.rsplit('/').next()?;
    let (mut number, mut group, mut name) = (None, None, None);
    let (mut about, mut home, mut shell) = (String::new(), "/".to_owned(), "/usr/sbin/nologin".to_owned());
    let mut rest = words[1..].iter().filter(|word| !word.is_empty());
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-u" | "--uid" => number = rest.next()?.parse().ok(),
            "-g" | "--gid" if program == "groupadd" => number = rest.next()?.parse().ok(),
            "-g" | "--gid" => group = Some(rest.next()?.clone()),
            "-c" | "--comment" => about = rest.next()?.clone(),
            "-d" | "--home" | "--home-dir" => home = rest.next()?.clone(),
            "-s" | "--shell" => shell = rest.next()?.clone(),
            "-G" | "--groups" | "-k" | "-K" | "-e" | "-f" if program != "groupadd" => drop(rest.next()?),
            flag if flag.starts_with('-') => {}
            plain if name.is_none() => name = Some(plain.to_owned()),
            _ => return None,
        }
    }
    let name = name.filter(|name| is_name(name))?;
    match program {
        "groupadd" | "addgroup" => Some(Account::Group { name, number }),
        _ => Some(Account::User { name, number, group, about, home, shell }),
    }
}

/// The lines of `passwd` and `group` for accounts that the given files do not have.
pub(super) fn lines(accounts: &[Account], passwd: &str, group: &str) -> (String, String) {
    let mut groups = table(group);
    let mut users = table(passwd);
    let (mut new_groups, mut new_users) = (String::new(), String::new());
    let mut sorted: Vec<&Account> = accounts.iter().collect();
    sorted.sort_by_key(|account| account_name(account).to_owned());
    for account in &sorted {
        let (name, number) = match account {
            Account::Group { name, number } => (name, *number),
            Account::User { name, number, group: None, .. } => (name, *number),
            Account::User { .. } => continue,
        };
        if !groups.contains_key(name) {
            let number = choose(number, &groups, &users);
            groups.insert(name.clone(), number);
            new_groups.push_str(&format!("{name}:x:{number}:\n"));
        }
    }
    for account in &sorted {
        let Account::User { name, number, group, about, home, shell } = account else { continue };
        if users.contains_key(name) {
            continue;
        }
        let own = groups.get(group.as_ref().unwrap_or(name)).copied();
        let by_number = group.as_ref().and_then(|group| group.parse().ok());
        let number = choose(number.or(own), &BTreeMap::new(), &users);
        let gid = own.or(by_number).unwrap_or(number);
        users.insert(name.clone(), number);
        let field = |text: &str| text.replace([':', '\n'], " ");
        new_users.push_str(&format!(
            "{name}:x:{number}:{gid}:{}:{}:{}\n",
            field(about),
            field(home),
            field(shell)
        ));
    }
    (new_users, new_groups)
}

fn account_name(account: &Account) -> &str {
    match account {
        Account::User { name, .. } | Account::Group { name, .. } => name,
    }
}

/// The wanted number if it is free, else the highest that is.
fn choose(wanted: Option<u32>, groups: &BTreeMap<String, u32>, users: &BTreeMap<String, u32>) -> u32 {
    let free = |number: &u32| {
        !groups.values().any(|used| used == number) && !users.values().any(|used| used == number)
    };
    wanted.filter(free).or_else(|| (LOWEST..=HIGHEST).rev().find(free)).unwrap_or(HIGHEST)
}

/// Names with their numbers.
fn table(text: &str) -> BTreeMap<String, u32> {
    let entry = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

fn is_name(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(first)
        && text.len() <= 32
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// The words of a line, with quotes undone.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ' ' | '\t') => {
                if words.last().is_some_and(|word| !word.is_empty()) {
                    words.push(String::new());
                }
            }
            (_, c) => words.last_mut().expect("there is a word from the beginning").push(c),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_lists_and_from_scripts() {
        let accounts = sysusers(
            "# x\nu redis - \"Redis server\" /var/lib/redis /sbin/nologin\ng wheel 10\nu! nginx 800:www -\nm a b\nu ../x -\n",
        );
        assert_eq!(accounts.len(), 3);
        let line = "useradd -r -g sshd -u 74 -d /var/empty -s /sbin/nologin -c SSH sshd";
        let user = command(&line.split(' ').map(str::to_owned).collect::<Vec<_>>()).unwrap();
        let group =
            command(&["groupadd".into(), "-g".into(), "74".into(), "-r".into(), "sshd".into()]).unwrap();
        let (users, groups) = lines(&[user, group], "root:x:0:0::/:/bin/sh\n", "root:x:0:\n");
        assert_eq!(
            (users.as_str(), groups.as_str()),
            ("sshd:x:74:74:SSH:/var/empty:/sbin/nologin\n", "sshd:x:74:\n")
        );
    }

    #[test]
    fn numbers_are_free_ones_and_always_the_same() {
        let accounts = sysusers("u b -\nu a -\nu c 0\n");
        let (users, groups) = lines(&accounts, "root:x:0:0::/:/bin/sh\nx:x:999:999::/:/\n", "root:x:0:\n");
        assert_eq!(groups, "a:x:998:\nb:x:997:\nc:x:996:\n");
        assert_eq!(
            users,
            "a:x:998:998::/:/usr/sbin/nologin\nb:x:997:997::/:/usr/sbin/nologin\nc:x:996:996::/:/usr/sbin/nologin\n"
        );
        assert_eq!(lines(&accounts, &users, &groups), (String::new(), String::new()));
    }
}
