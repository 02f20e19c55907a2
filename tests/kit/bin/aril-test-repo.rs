//! `aril-test-repo`: makes the repository of real RPMs that the tests use.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use aril_tests::repo::cache::Cache;
use aril_tests::repo::maker::Request;
use aril_tests::repo::report::report;

const USAGE: &str = "\
usage: aril-test-repo make [--set NAME[,NAME...]] [--cache DIR] [--out DIR]
       aril-test-repo report [--cache DIR] [--out DIR]

Makes RPM repositories out of Debian's packages and of spec files: DIR/state1, DIR/state2 (newer) and others, each with its .repo file,
signed with DIR/RPM-GPG-KEY-aril-tests. Needs no privileges. Without --set it
makes what the tests use, and without --out where they find it. ARIL_TEST_CACHE names the cache, ARIL_TEST_MIRROR Debian's mirror.";

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).without_time().with_target(false).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((verb, rest)) = arguments.split_first() else { bail!("{USAGE}") };
    let request = parse(rest)?;
    match verb.as_str() {
        "make" => {
            let contents = request.make()?;
            println!("{}: {} packages", request.out.display(), contents.names.len());
        }
        "report" => print!("{}", report(&request.out, &Cache::open(&request.cache)?)?),
        _ => bail!("{USAGE}"),
    }
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Request> {
    let (mut sets, mut cache, mut out) = (BTreeSet::new(), None, None);
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let value = rest.next().with_context(|| format!("'{option}' needs a value\n{USAGE}"))?;
        match option.as_str() {
            "--set" => sets.extend(value.split(',').map(str::to_owned)),
            "--cache" => cache = Some(std::path::absolute(value)?),
            "--out" => out = Some(std::path::absolute(value)?),
            _ => bail!("no option '{option}'\n{USAGE}"),
        }
    }
    let cache = match cache {
        Some(cache) => cache,
        None => Cache::usual()?,
    };
    let usual = Request::usual(cache);
    Ok(Request { sets, out: out.unwrap_or(usual.out), cache: usual.cache })
}
