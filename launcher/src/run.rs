//! The way of an app's start: what is installed, what the host has, what is decided, and then done.

use aril_installation::CalledAs;
use aril_model::{Context, Feature};

use crate::app::{App, Asked, decide};
use crate::arguments::{RunRequest, Switch};
use crate::documents::{grant_typed_files, share_marked_files};
use crate::filters::landlock;
use crate::host::{self, Host};
use crate::instance::Instance;
use crate::plan::{AppPlan, Facts, plan};
use crate::timings::Timings;
use crate::{LaunchError, derive, sandbox, spec, supervisor, sys, var};

/// Starts an app and stays until it has ended. Returns its exit code.
///
/// # Errors
/// When nothing was started.
pub(crate) fn run(
    mut request: RunRequest,
    called_as: CalledAs,
    say: &mut dyn FnMut(&str),
) -> Result<u8, LaunchError> {
    let mut timings = Timings::start(request.output.timings);
    let conditions = Asked::new(Box::new(host::conditions));
    let mut app = App::find(&request, called_as, &conditions)?;
    if derive::is_missing(&app) && !request.output.dry_run.is_on() {
        derive::make(&app)?;
        app = App::find(&request, called_as, &conditions)?;
    }
    timings.step("find the app");
    let context = context(&app, &request, &conditions);
    let mut host = Host::ask(&context, app.layout())?;
    timings.step("ask the host");
    if request.output.dry_run.is_on() {
        let planned = plan_for(&app, &host, &request, &context, "0");
        say(&match request.output.json {
            Switch::On => spec::to_json(&planned),
            Switch::Off => spec::describe(&planned),
        });
        return Ok(0);
    }
    var::fill(&app, &host.user.home.join(".var/app").join(app.id().as_str()))?;
    let instance = Instance::allocate(&host.runtime_dir, app.app.as_ref().map(|_| app.id()))?;
    let mut planned = plan_for(&app, &host, &request, &context, instance.id.as_str());
    if request.file_forwarding.is_on() {
        let (arguments, notes) = share_marked_files(&request, &host, &planned.spec, app.id().as_str());
        request.arguments = arguments;
        // The portal may have been started by that, and its files are there now.
        host.sockets.look_for_documents(&host.runtime_dir);
        planned = plan_for(&app, &host, &request, &context, instance.id.as_str());
        planned.notes.extend(notes);
    }
    instance.write_info(&planned.info)?;
    timings.step("decide");
    report(&request, &app, &planned);
    if request.dies_with_parent.is_on() {
        let kill = Some(rustix::process::Signal::TERM);
        rustix::process::set_parent_process_death_signal(kill).map_err(std::io::Error::from)?;
    }
    // From here on a signal is passed on and does not end the launcher before its app.
    let signals = supervisor::await_signals()?;
    let made = sandbox::launch(&planned.spec, host.ids)?;
    instance.write_processes(made.pid.as_raw_nonzero().get())?;
    if let Some(descriptor) = request.instance_id.take() {
        write_number(&descriptor, instance.id.as_str())?;
    }
    timings.step("make the namespaces");
    let running = match made.go() {
        Ok(running) => running,
        Err(error) => {
            instance.remove();
            return Err(error.into());
        }
    };
    timings.step("build the sandbox");
    timings.print();
    let session = planned.spec.session;
    supervisor::Supervisor { running, instance, session, signals, info: planned.info, locks: app.locks }
        .run(planned.buses)
}

/// The permissions with those of the command line; a sub-sandbox starts from nothing.
fn context(app: &App, request: &RunRequest, conditions: &Asked) -> Context {
    let mut context = app.context.clone();
    if request.sandboxed.is_on() {
        let environment = std::mem::take(&mut context.environment);
        let multiarch = context.features.allows(Feature::Multiarch);
        context = Context { environment, ..Context::default() };
        context.features.set(Feature::Multiarch, multiarch);
    }
    context.lay_over(&request.context);
    grant_typed_files(request, &mut context);
    decide(&mut context, conditions);
    context
}

fn plan_for(app: &App, host: &Host, request: &RunRequest, context: &Context, instance: &str) -> AppPlan {
    let mut planned = plan(&Facts { app, host, request, context, instance });
    planned.notes.extend(landlock::missing(sys::landlock_version(), &planned.spec.wall.landlock));
    planned
}

/// With `-v`: what was left out, and what could not be had.
#[allow(clippy::print_stderr)] // this is the launcher's own word to the person who asked for it
fn report(request: &RunRequest, app: &App, planned: &AppPlan) {
    if !request.output.verbose.is_on() {
        return;
    }
    let problems = app.problems.iter().map(|problem| format!("left out of the permissions: {problem}"));
    let wrong =
        app.metadata.context_errors.iter().map(|error| format!("left out of the app's requests: {error}"));
    for line in problems.chain(wrong).chain(planned.notes.iter().cloned()) {
        eprintln!("aril-launch: {}", aril_model::printable(&line));
    }
}

fn write_number(descriptor: &std::os::fd::OwnedFd, number: &str) -> Result<(), LaunchError> {
    let mut rest = number.as_bytes();
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(descriptor, rest))
            .map_err(std::io::Error::from)?;
        rest = &rest[written..];
    }
    Ok(())
}
