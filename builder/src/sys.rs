//! The door to libsolv, by the shim in `solve/shim.c`: one safe function a call, all unsafe code of the crate.
//!
//! It decides nothing; what the answers mean is in `solve`. A panic of a reader or writer that libsolv calls back does not cross C: it
//! counts as a failed read.
#![allow(unsafe_code, reason = "libsolv is C")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// A package, a repository or a rule, by libsolv's number.
pub(crate) type Id = c_int;

#[repr(C)]
struct RawDependency {
    kind: c_int,
    relation: c_int,
    name: *const c_char,
    version: *const c_char,
}

#[repr(C)]
struct RawPath {
    dir: *const c_char,
    name: *const c_char,
}

#[repr(C)]
struct RawPackage {
    name: *const c_char,
    evr: *const c_char,
    arch: *const c_char,
    vendor: *const c_char,
    dependencies: *const RawDependency,
    dependency_count: usize,
    paths: *const RawPath,
    path_count: usize,
}

#[repr(C)]
struct RawRule {
    rule_type: c_int,
    source: Id,
    target: Id,
    dependency: *const c_char,
}

type ReadFunction = unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> isize;
type WriteFunction = unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> isize;
type PathFunction = unsafe extern "C" fn(*mut c_void, *const c_char);

unsafe extern "C" {
    fn aril_pool_create(arch: *const c_char) -> *mut c_void;
    fn aril_pool_free(pool: *mut c_void);
    fn aril_evr_compare(pool: *mut c_void, a: *const c_char, b: *const c_char) -> c_int;
    fn aril_repo_create(pool: *mut c_void, name: *const c_char, priority: c_int) -> Id;
    fn aril_repo_add_xml(
        pool: *mut c_void,
        repo: Id,
        context: *mut c_void,
        read: ReadFunction,
        filelists: c_int,
    ) -> c_int;
    fn aril_repo_add_solv(pool: *mut c_void, repo: Id, context: *mut c_void, read: ReadFunction) -> c_int;
    fn aril_repo_write(pool: *mut c_void, repo: Id, context: *mut c_void, write: WriteFunction) -> c_int;
    fn aril_error(pool: *mut c_void) -> *const c_char;
    fn aril_add_package(pool: *mut c_void, repo: Id, package: *const RawPackage) -> Id;
    fn aril_set_installed(pool: *mut c_void, repo: Id);
    fn aril_prepare(pool: *mut c_void);
    fn aril_exclude(pool: *mut c_void, id: Id);
    fn aril_queue_create() -> *mut c_void;
    fn aril_queue_free(queue: *mut c_void);
    fn aril_queue_count(queue: *const c_void) -> c_int;
    fn aril_queue_at(queue: *const c_void, index: c_int) -> Id;
    fn aril_job_install(pool: *mut c_void, job: *mut c_void, text: *const c_char, weak: c_int) -> c_int;
    fn aril_matching(pool: *mut c_void, text: *const c_char, packages: *mut c_void) -> c_int;
    fn aril_job_install_package(job: *mut c_void, id: Id);
    fn aril_job_lock_installed(pool: *mut c_void, job: *mut c_void);
    fn aril_job_verify(job: *mut c_void);
    fn aril_solver_create(pool: *mut c_void, weak: c_int) -> *mut c_void;
    fn aril_solver_free(solver: *mut c_void);
    fn aril_solver_solve(solver: *mut c_void, job: *mut c_void) -> c_int;
    fn aril_solver_packages(solver: *mut c_void, packages: *mut c_void);
    fn aril_solver_removed(solver: *mut c_void, packages: *mut c_void);
    fn aril_solver_reason(solver: *mut c_void, id: Id, out: *mut RawRule) -> c_int;
    fn aril_solver_problem_rules(solver: *mut c_void, problem: c_int, rules: *mut c_void);
    fn aril_solver_rule(solver: *mut c_void, rule: Id, out: *mut RawRule);
    fn aril_package_repo(pool: *mut c_void, id: Id) -> Id;
    fn aril_package_text(pool: *mut c_void, id: Id, key: *const c_char) -> *const c_char;
    fn aril_package_number(pool: *mut c_void, id: Id, key: *const c_char) -> u64;
    fn aril_package_location(pool: *mut c_void, id: Id) -> *const c_char;
    fn aril_package_source(pool: *mut c_void, id: Id) -> *const c_char;
    fn aril_package_checksum(pool: *mut c_void, id: Id, function: *mut *const c_char) -> *const c_char;
    fn aril_package_paths(
        pool: *mut c_void,
        id: Id,
        start: *const c_char,
        take: PathFunction,
        context: *mut c_void,
    );
    fn aril_repo_packages(pool: *mut c_void, repo: Id, packages: *mut c_void);
}

/// A dependency on its way to libsolv.
pub(crate) struct NewDependency {
    /// Which list it belongs to, by its place in the shim's table.
    pub(crate) kind: i32,
    /// 1 greater, 2 equal, 4 less, and their sums; 0 for none.
    pub(crate) relation: i32,
    pub(crate) name: CString,
    pub(crate) version: CString,
}

/// A package on its way to libsolv.
pub(crate) struct NewPackage {
    pub(crate) name: CString,
    pub(crate) evr: CString,
    pub(crate) arch: CString,
    pub(crate) vendor: CString,
    pub(crate) dependencies: Vec<NewDependency>,
    /// Directory and name of each file.
    pub(crate) paths: Vec<(CString, CString)>,
}

/// A rule of the solver, as its numbers.
pub(crate) struct Rule {
    pub(crate) rule_type: i32,
    pub(crate) source: Id,
    pub(crate) target: Id,
    pub(crate) dependency: String,
}

/// All packages that are known to one run.
pub(crate) struct Pool(NonNull<c_void>);

impl Pool {
    pub(crate) fn new(arch: &CStr) -> Self {
        // SAFETY: `arch` ends in NUL and is only read. libsolv ends the program when there is no memory, so the answer is never NULL.
        let pool = unsafe { aril_pool_create(arch.as_ptr()) };
        Self(NonNull::new(pool).expect("libsolv gives a pool or ends the program"))
    }

    fn raw(&self) -> *mut c_void {
        self.0.as_ptr()
    }

    pub(crate) fn compare_evr(&self, a: &CStr, b: &CStr) -> std::cmp::Ordering {
        // SAFETY: the pool lives as long as `self`; both texts end in NUL and are only read.
        unsafe { aril_evr_compare(self.raw(), a.as_ptr(), b.as_ptr()) }.cmp(&0)
    }

    pub(crate) fn create_repo(&mut self, name: &CStr, priority: i32) -> Id {
        // SAFETY: libsolv copies the name.
        unsafe { aril_repo_create(self.raw(), name.as_ptr(), priority) }
    }

    /// Reads `primary.xml` into a repository or, as `extend`, `filelists.xml` into the packages that are there.
    pub(crate) fn add_xml(&mut self, repo: Id, reader: &mut dyn Read, extend: bool) -> bool {
        let mut reader = Reader(reader);
        // SAFETY: the callback gets back the reader, which outlives the call; `repo` is one of this pool's.
        unsafe {
            aril_repo_add_xml(self.raw(), repo, (&raw mut reader).cast(), read_piece, c_int::from(extend))
                == 0
        }
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn add_solv(&mut self, repo: Id, reader: &mut dyn Read) -> bool {
        let mut reader = Reader(reader);
        // SAFETY: as in `add_xml`.
        unsafe { aril_repo_add_solv(self.raw(), repo, (&raw mut reader).cast(), read_piece) == 0 }
    }

    pub(crate) fn write(&mut self, repo: Id, writer: &mut dyn Write) -> bool {
        let mut writer = Writer(writer);
        // SAFETY: the callback gets back the writer, which outlives the call; `repo` is one of this pool's.
        unsafe { aril_repo_write(self.raw(), repo, (&raw mut writer).cast(), write_piece) == 0 }
    }

    /// What libsolv says of the last failure.
    pub(crate) fn error(&self) -> String {
        // SAFETY: the pool's message ends in NUL and lives until the next call; it is copied here.
        unsafe { text(aril_error(self.raw())) }.unwrap_or_default()
    }

    /// Adds a package; `None` when one of its rich dependencies cannot be read.
    pub(crate) fn add_package(&mut self, repo: Id, package: &NewPackage) -> Option<Id> {
        let raw_dependency = |dependency: &NewDependency| RawDependency {
            kind: dependency.kind,
            relation: dependency.relation,
            name: dependency.name.as_ptr(),
            version: dependency.version.as_ptr(),
        };
        let dependencies: Vec<RawDependency> = package.dependencies.iter().map(raw_dependency).collect();
        let paths =
            package.paths.iter().map(|(dir, name)| RawPath { dir: dir.as_ptr(), name: name.as_ptr() });
        let paths: Vec<RawPath> = paths.collect();
        let raw = RawPackage {
            name: package.name.as_ptr(),
            evr: package.evr.as_ptr(),
            arch: package.arch.as_ptr(),
            vendor: package.vendor.as_ptr(),
            dependencies: dependencies.as_ptr(),
            dependency_count: dependencies.len(),
            paths: paths.as_ptr(),
            path_count: paths.len(),
        };
        // SAFETY: all that `raw` points to lives through the call, which copies it; the counts are those of the lists.
        let id = unsafe { aril_add_package(self.raw(), repo, &raw const raw) };
        (id > 0).then_some(id)
    }

    pub(crate) fn set_installed(&mut self, repo: Id) {
        // SAFETY: `repo` is one of this pool's.
        unsafe { aril_set_installed(self.raw(), repo) };
    }

    /// Makes all that was added ready to be asked for.
    pub(crate) fn prepare(&mut self) {
        // SAFETY: the pool lives as long as `self`.
        unsafe { aril_prepare(self.raw()) };
    }

    pub(crate) fn exclude(&mut self, package: Id) {
        // SAFETY: the shim checks the number.
        unsafe { aril_exclude(self.raw(), package) };
    }

    pub(crate) fn matching(&self, wanted: &CStr) -> Vec<Id> {
        let mut packages = Queue::new();
        // SAFETY: pool and queue live through the call; the text is only read.
        unsafe { aril_matching(self.raw(), wanted.as_ptr(), packages.raw()) };
        packages.to_vec()
    }

    pub(crate) fn repo_of(&self, package: Id) -> Id {
        // SAFETY: the shim checks the number.
        unsafe { aril_package_repo(self.raw(), package) }
    }

    pub(crate) fn text_of(&self, package: Id, key: &CStr) -> Option<String> {
        // SAFETY: the shim checks the number; the answer is NULL or ends in NUL, and is copied at once.
        unsafe { text(aril_package_text(self.raw(), package, key.as_ptr())) }
    }

    pub(crate) fn number_of(&self, package: Id, key: &CStr) -> u64 {
        // SAFETY: the shim checks the number.
        unsafe { aril_package_number(self.raw(), package, key.as_ptr()) }
    }

    pub(crate) fn location_of(&self, package: Id) -> Option<String> {
        // SAFETY: as in `text_of`.
        unsafe { text(aril_package_location(self.raw(), package)) }
    }

    pub(crate) fn source_of(&self, package: Id) -> Option<String> {
        // SAFETY: as in `text_of`.
        unsafe { text(aril_package_source(self.raw(), package)) }
    }

    /// The name of the digest's function, and the digest of the package's file in hex.
    pub(crate) fn checksum_of(&self, package: Id) -> Option<(String, String)> {
        let mut function = std::ptr::null();
        // SAFETY: as in `text_of`; `function` is written before it is read.
        unsafe {
            let value = text(aril_package_checksum(self.raw(), package, &raw mut function))?;
            Some((text(function)?, value))
        }
    }

    pub(crate) fn paths_of(&self, package: Id, start: &CStr) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        // SAFETY: the shim checks the number; the callback gets back the list, which outlives the call.
        unsafe {
            aril_package_paths(self.raw(), package, start.as_ptr(), take_path, (&raw mut paths).cast());
        }
        paths
    }

    pub(crate) fn packages_of(&self, repo: Id) -> Vec<Id> {
        let mut packages = Queue::new();
        // SAFETY: `repo` is one of this pool's.
        unsafe { aril_repo_packages(self.raw(), repo, packages.raw()) };
        packages.to_vec()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: it was made by `aril_pool_create`, and nothing that borrows it is left.
        unsafe { aril_pool_free(self.raw()) };
    }
}

/// libsolv's list of numbers: jobs, packages, rules.
pub(crate) struct Queue(NonNull<c_void>);

impl Queue {
    pub(crate) fn new() -> Self {
        // SAFETY: libsolv ends the program when there is no memory.
        Self(NonNull::new(unsafe { aril_queue_create() }).expect("libsolv gives a queue or ends the program"))
    }

    fn raw(&mut self) -> *mut c_void {
        self.0.as_ptr()
    }

    pub(crate) fn to_vec(&self) -> Vec<Id> {
        // SAFETY: the queue lives as long as `self`; the shim checks the index.
        unsafe {
            let count = aril_queue_count(self.0.as_ptr());
            (0..count).map(|index| aril_queue_at(self.0.as_ptr(), index)).collect()
        }
    }

    /// Asks for what a person wrote; whether it means anything.
    pub(crate) fn install(&mut self, pool: &Pool, wanted: &CStr) -> bool {
        // SAFETY: pool and queue live through the call; the text is only read.
        unsafe { aril_job_install(pool.raw(), self.raw(), wanted.as_ptr(), 0) != 0 }
    }

    /// The same, if it can be done.
    pub(crate) fn install_if_possible(&mut self, pool: &Pool, wanted: &CStr) -> bool {
        // SAFETY: as in `install`.
        unsafe { aril_job_install(pool.raw(), self.raw(), wanted.as_ptr(), 1) != 0 }
    }

    pub(crate) fn install_package(&mut self, package: Id) {
        // SAFETY: the queue lives through the call.
        unsafe { aril_job_install_package(self.raw(), package) };
    }

    pub(crate) fn lock_installed(&mut self, pool: &Pool) {
        // SAFETY: pool and queue live through the call.
        unsafe { aril_job_lock_installed(pool.raw(), self.raw()) };
    }

    pub(crate) fn verify(&mut self) {
        // SAFETY: the queue lives through the call.
        unsafe { aril_job_verify(self.raw()) };
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: it was made by `aril_queue_create` and is freed once.
        unsafe { aril_queue_free(self.raw()) };
    }
}

/// One run of the solver.
pub(crate) struct Solver<'a> {
    raw: NonNull<c_void>,
    pool: PhantomData<&'a Pool>,
}

impl<'a> Solver<'a> {
    /// Runs it; the number of problems says whether there is a solution.
    pub(crate) fn solve(pool: &'a Pool, job: &mut Queue, weak: bool) -> (Self, i32) {
        // SAFETY: the pool outlives the solver by its lifetime; libsolv copies the job.
        unsafe {
            let raw = NonNull::new(aril_solver_create(pool.raw(), c_int::from(weak)));
            let raw = raw.expect("libsolv gives a solver or ends the program");
            let problems = aril_solver_solve(raw.as_ptr(), job.raw());
            (Self { raw, pool: PhantomData }, problems)
        }
    }

    pub(crate) fn packages(&self) -> Vec<Id> {
        let mut packages = Queue::new();
        // SAFETY: solver and queue live through the call.
        unsafe { aril_solver_packages(self.raw.as_ptr(), packages.raw()) };
        packages.to_vec()
    }

    pub(crate) fn removed(&self) -> Vec<Id> {
        let mut packages = Queue::new();
        // SAFETY: solver and queue live through the call.
        unsafe { aril_solver_removed(self.raw.as_ptr(), packages.raw()) };
        packages.to_vec()
    }

    pub(crate) fn reason(&self, package: Id) -> Option<Rule> {
        let mut raw = RawRule { rule_type: 0, source: 0, target: 0, dependency: std::ptr::null() };
        // SAFETY: `raw` is written before it is read; its text is copied at once.
        unsafe { (aril_solver_reason(self.raw.as_ptr(), package, &raw mut raw) != 0).then(|| rule(&raw)) }
    }

    /// The rules that stand against each other in a problem, numbered from 1.
    pub(crate) fn problem(&self, number: i32) -> Vec<Rule> {
        let mut rules = Queue::new();
        // SAFETY: solver and queue live through the call; numbers are those that `solve` counted.
        unsafe { aril_solver_problem_rules(self.raw.as_ptr(), number, rules.raw()) };
        let describe = |id: Id| {
            let mut raw = RawRule { rule_type: 0, source: 0, target: 0, dependency: std::ptr::null() };
            // SAFETY: the rule is one that the solver has just named; the text is copied at once.
            unsafe {
                aril_solver_rule(self.raw.as_ptr(), id, &raw mut raw);
                rule(&raw)
            }
        };
        rules.to_vec().into_iter().map(describe).collect()
    }
}

impl Drop for Solver<'_> {
    fn drop(&mut self) {
        // SAFETY: it was made by `aril_solver_create`, and its pool still lives.
        unsafe { aril_solver_free(self.raw.as_ptr()) };
    }
}

/// # Safety
/// The rule's text must be NULL or end in NUL.
unsafe fn rule(raw: &RawRule) -> Rule {
    // SAFETY: by this function's own condition.
    let dependency = unsafe { text(raw.dependency) }.unwrap_or_default();
    Rule { rule_type: raw.rule_type, source: raw.source, target: raw.target, dependency }
}

/// # Safety
/// `pointer` must be NULL or point to a text that ends in NUL.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: by this function's own condition.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

struct Reader<'a>(&'a mut dyn Read);
struct Writer<'a>(&'a mut dyn Write);

unsafe extern "C" fn read_piece(context: *mut c_void, bytes: *mut c_char, size: usize) -> isize {
    // Read into memory of our own first: the C library's is not initialised.
    let mut piece = [0; 16 << 10];
    let most = size.min(piece.len());
    // SAFETY: libc hands back the reader of `add_xml` or `add_solv`, which is used by nobody else meanwhile.
    let reader = unsafe { &mut *context.cast::<Reader<'_>>() };
    let Ok(Ok(read)) = catch_unwind(AssertUnwindSafe(|| reader.0.read(&mut piece[..most]))) else {
        return -1;
    };
    let read = read.min(most);
    // SAFETY: the buffer has `size` bytes, of which at most that many are written, and cannot overlap an array on our stack.
    unsafe { std::ptr::copy_nonoverlapping(piece.as_ptr().cast(), bytes, read) };
    isize::try_from(read).unwrap_or(-1)
}

unsafe extern "C" fn write_piece(context: *mut c_void, bytes: *const c_char, size: usize) -> isize {
    // SAFETY: libc hands back the writer of `write`, and a buffer of `size` bytes.
    let (writer, bytes) =
        unsafe { (&mut *context.cast::<Writer<'_>>(), std::slice::from_raw_parts(bytes.cast::<u8>(), size)) };
    match catch_unwind(AssertUnwindSafe(|| writer.0.write_all(bytes))) {
        Ok(Ok(())) => isize::try_from(size).unwrap_or(0),
        // A cookie's writer says 0 for a failure.
        Ok(Err(_)) | Err(_) => 0,
    }
}

unsafe extern "C" fn take_path(context: *mut c_void, path: *const c_char) {
    // SAFETY: libsolv hands back the list of `paths_of`, and a path that ends in NUL.
    let (paths, path) = unsafe { (&mut *context.cast::<Vec<String>>(), text(path)) };
    paths.extend(path);
}
