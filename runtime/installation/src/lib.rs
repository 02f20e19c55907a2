//! Where installed apps and runtimes lie on disk, and what is recorded of them. Reads only: `aril-transaction` is the one that writes.
//!
//! ```text
//! INSTALLATION/
//!   repo/                                   the ostree repository
//!   app/ID/current -> ARCH/BRANCH           which one `aril run ID` means
//!   {app,runtime}/ID/ARCH/BRANCH/active -> COMMIT
//!   {app,runtime}/ID/ARCH/BRANCH/COMMIT/{files,metadata,export,deploy}
//!   exports/{bin,share}                     what the host's menus see
//!   overrides/{ID,global}                   permissions that the user changed
//!   grants/ID                               permissions that the user accepted                (ours)
//!   derived/KEY/{usr,etc}                   caches of one set of commits                      (ours)
//!   rpm-remotes.d/NAME.conf                 remotes that are repositories of RPMs             (ours)
//! ```
mod commit; // what a commit says of itself
mod deploy; // one checked-out commit of a ref
mod derived; // the caches that belong to a set of commits
mod error; // what is wrong with an installation
mod installation; // the refs of one installation
mod instances; // the sandboxes that run now
mod overrides; // the permissions that hold for an app
mod place; // the system's, the user's and extra installations
mod record; // the file `deploy`, which says where a deploy came from
mod remote; // where apps and runtimes come from
mod variant; // just enough of the GVariant format to read it
mod write_variant; // and to write it

pub use commit::{CommitFacts, PackageRecord};
pub use deploy::{Deploy, DeployName};
pub use derived::derived_key;
pub use error::{InstallationError, Result};
pub use installation::{Installation, Scope};
pub use instances::{RunningInstance, instances};
pub use overrides::{Overrides, effective_context};
pub use place::{CalledAs, Installations, Places};
pub use record::DeployRecord;
pub use remote::{Remote, RemoteKind};
