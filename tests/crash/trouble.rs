//! A connection that is cut, and a disk that is full: the old state stays and works, and the same command does it later.

use std::fs;

use anyhow::{Result, ensure};

use crate::life::{Life, UNITS};
use crate::server::{Server, Temper};
use aril_tests::test_repo::{State, TestRepo};

#[test]
fn a_connection_that_is_cut_once_for_each_file_is_continued() -> Result<()> {
    let life = Life::bare(&UNITS)?;
    let server = Server::start(&TestRepo::shared()?.path(State::First), Temper::CutOnce)?;
    life.add_remote(&server.url())?;
    life.run(&life.install())?;
    ensure!(life.version()? == Some(1), "it does not run");
    let seen = server.seen();
    // But for the small ones, which are read anew: the state of the repository and its signature.
    ensure!(seen.cut > 5 && seen.continued + 2 == seen.cut, "not each cut was continued: {seen:?}");
    life.assert_sound()
}

#[test]
fn a_connection_that_stays_cut_leaves_the_old_version() -> Result<()> {
    let life = Life::bare(&UNITS)?;
    let server = Server::start(&TestRepo::shared()?.path(State::First), Temper::Good)?;
    life.add_remote(&server.url())?;
    life.run(&life.install())?;
    let before = life.state()?;
    server.serve(&TestRepo::shared()?.path(State::Second), Temper::CutPackages);
    let said = life.fails(&["aril", "update", "-y"])?;
    ensure!(said.contains("error: cannot fetch the package units"), "{said}");
    ensure!(life.version()? == Some(1), "the old version does not run");
    life.assert_sound()?;
    // But for caches, nothing is other than before.
    let apart = |lines: Vec<String>| {
        lines.into_iter().filter(|line| !line.starts_with(".cache/")).collect::<Vec<_>>()
    };
    crate::state::assert_same(&apart(life.state()?), &apart(before))?;
    server.serve(&TestRepo::shared()?.path(State::Second), Temper::Good);
    life.run(&["aril", "update", "-y"])?;
    ensure!(life.version()? == Some(2), "the new version does not run");
    life.assert_sound()
}

/// Updates on a disk with so much room (in KiB) that it fails at different places; then with enough.
const SCRIPT: &str = r#"
    set -e
    # In here the user is called root, whose cache is the system's.
    export XDG_CACHE_HOME="$HOME/.cache"
    cd /
    cp -a "$HOME" "$HOME.copy"
    used=$(du -sk "$HOME.copy" | cut -f1)
    for room in 0 300 900 6000; do
        mount -t tmpfs -o size=$((used + used / 20 + 1000 + room))k tmpfs "$HOME"
        cp -a "$HOME.copy/." "$HOME"
        sed -i 's/500MB/0MB/' "$HOME/.local/share/aril/repo/config"
        left=$(df --output=avail -k "$HOME" | tail -1)
        [ "$left" -le "$room" ] || dd if=/dev/zero of="$HOME/filler" bs=1k count=$((left - room)) status=none
        # Of a repository that cannot be asked, an update says so and passes it over.
        if aril update -y 2>"$HOME.said"; then code=0; else code=$?; fi
        if grep -q 'No space left on device' "$HOME.said"; then
            echo "room for $room: full"
        elif [ $code = 0 ]; then
            echo "room for $room: done"
        else
            cat "$HOME.said" >&2
            exit 1
        fi
        aril run --command=units local.rpm.units --terse mile ft
        rm -f "$HOME/filler"
        mount -o remount,size=$((used * 4))k tmpfs "$HOME"
        aril update -y >/dev/null 2>"$HOME.said" || { cat "$HOME.said" >&2; exit 1; }
        aril run --command=units local.rpm.units --terse mile ft
        ostree fsck --quiet >/dev/null --repo="$HOME/.local/share/aril/repo"
        ls -A "$HOME/.local/share/aril" | grep -E '^.(staging|unfinished)$' && exit 1
        umount "$HOME"
    done
    rm -rf "$HOME.copy" "$HOME.said"
"#;

#[test]
fn a_full_disk_leaves_the_old_version() -> Result<()> {
    let life = Life::new(&UNITS)?;
    life.run(&life.install())?;
    // Its own directories are made at the first start.
    ensure!(life.version()? == Some(1), "it does not run");
    life.become_second()?;
    let outcome = life.outcome(&["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT])?;
    if outcome.stderr.contains("unshare failed") || outcome.stderr.contains("mount: ") {
        println!("skipped: no small disk can be mounted here: {}", outcome.stderr);
        return Ok(());
    }
    let said = outcome.success()?;
    let mut rooms = 0;
    for part in said.split("room for ").filter(|part| !part.is_empty()) {
        let lines: Vec<&str> = part.lines().collect();
        let full = lines[0].ends_with("full");
        rooms += usize::from(full);
        let wanted = [if full { "5280" } else { "5281" }, "5281"];
        ensure!(lines[1..] == wanted, "{said}");
    }
    ensure!((2..4).contains(&rooms), "the disk was not full now and then:\n{said}");
    ensure!(fs::exists(life.home())?, "the home is gone");
    Ok(())
}
