//! Compiles the shim over libsolv, much of whose interface is macros and inline functions.

fn main() {
    println!("cargo:rerun-if-changed=src/solve/shim.c");
    let solv = pkg_config::Config::new().atleast_version("0.7.20").probe("libsolv");
    let ext = pkg_config::Config::new().atleast_version("0.7.20").probe("libsolvext");
    let (Ok(solv), Ok(ext)) = (solv, ext) else {
        println!(
            "cargo:error=libsolv 0.7.20 is needed to build: `apt install libsolv-dev libsolvext-dev`, `dnf install libsolv-devel`"
        );
        std::process::exit(1);
    };
    cc::Build::new()
        .file("src/solve/shim.c")
        .includes(solv.include_paths.iter().chain(&ext.include_paths))
        .flag("-std=gnu11")
        .flag("-Werror=implicit-function-declaration")
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(std::env::var_os("CI").is_some())
        .compile("aril_solve_shim");
}
