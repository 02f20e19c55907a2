//! Turns Fedora RPMs into commits.
pub mod rpm; // readers of packages: untrusted bytes in, checked facts out
