//! Turns Fedora RPMs into commits.
pub mod repository; // repodata and packages: fetched, verified, cached
pub mod rpm; // readers of packages: untrusted bytes in, checked facts out
pub mod solve; // which packages are needed

mod sys; // libsolv; the only unsafe code here
