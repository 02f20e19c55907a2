"""What dnf would install for each name on standard input: a line `NAME: NEVRA NEVRA...`, epoch 0 left out. dnf_sets.py REPOSITORY SCRATCH"""
import sys

import dnf

repository, scratch = sys.argv[1:]
base = dnf.Base()
base.conf.installroot = scratch + "/root"
base.conf.cachedir = scratch + "/cache"
base.conf.reposdir = []
base.conf.install_weak_deps = False
base.conf.substitutions["releasever"] = "42"
base.conf.substitutions["arch"] = "x86_64"
base.conf.substitutions["basearch"] = "x86_64"
base.repos.add_new_repo("t", base.conf, baseurl=["file://" + repository])
base.fill_sack(load_system_repo=False)
for name in sys.stdin.read().split():
    base.reset(goal=True)
    try:
        base.install(name)
        base.resolve()
        packages = sorted(str(package) for package in base.transaction.install_set)
        print(name + ":", *packages)
    except dnf.exceptions.Error as error:
        print(name + ": ERROR", str(error).replace("\n", " "))
