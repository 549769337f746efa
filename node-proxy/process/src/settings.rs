//! A program's settings: flags with a twin in the environment, such as `--drain-deadline` and `KAREZ_DRAIN_DEADLINE`.
//!
//! The flag wins over the twin. Commas separate lists in both. A `KAREZ_` variable without a flag is an error: a
//! misspelt setting must not be ignored.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, Parser};

use crate::build;

const PREFIX: &str = "KAREZ_";

/// Reads the program's settings from its arguments and environment.
///
/// If they are invalid, prints why and exits with 2; after `--help` and `--version` with 0.
#[must_use]
pub fn parse<S: Parser>() -> S {
    let environment = std::env::vars_os().map(|(name, _)| name);
    match read(std::env::args_os(), environment) {
        Ok(settings) => settings,
        Err(error) => error.exit(),
    }
}

/// The pure part of [`parse`], except that clap reads the twins' values itself.
fn read<S: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = OsString>,
) -> Result<S, clap::Error> {
    let mut command = with_twins(S::command()).version(build::VERSION).long_version(format!(
        "{} (commit {})",
        build::VERSION,
        build::COMMIT
    ));
    let matches = command.try_get_matches_from_mut(arguments)?;
    check_environment(&mut command, variables)?;
    S::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The command with a `KAREZ_` variable for every flag, those of subcommands included.
fn with_twins(command: Command) -> Command {
    command.mut_args(with_twin).mut_subcommands(with_twins)
}

fn with_twin(argument: Arg) -> Arg {
    let Some(long) = argument.get_long() else {
        return argument;
    };
    let name = format!("{PREFIX}{}", long.replace('-', "_").to_uppercase());
    let is_list = matches!(argument.get_action(), ArgAction::Append);
    let argument = argument.env(name).hide_env_values(true);
    if is_list { argument.value_delimiter(',') } else { argument }
}

fn check_environment(
    command: &mut Command,
    variables: impl IntoIterator<Item = OsString>,
) -> Result<(), clap::Error> {
    // A name outside UTF-8 keeps its ASCII prefix, and is rightly reported as unknown.
    let present: Vec<String> = variables
        .into_iter()
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with(PREFIX))
        .collect();
    let known = twins(command);
    let unknown = present.iter().find(|name| !known.contains(name) && !is_service_link(name, &present));
    let Some(unknown) = unknown else {
        return Ok(());
    };
    let mut message = format!("environment variable {unknown} is no setting of {}", command.get_name());
    if let Some(nearest) = nearest(unknown, &known) {
        message.push_str(&format!("; the nearest is {nearest}"));
    }
    Err(command.error(ErrorKind::UnknownArgument, message))
}

/// The variables of all flags, those of subcommands included.
fn twins(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(Arg::get_env);
    own.map(|name| name.to_string_lossy().into_owned())
        .chain(command.get_subcommands().flat_map(twins))
        .collect()
}

/// Whether kubelet set the variable for a Service of the namespace. Beside `X_SERVICE_HOST` it sets `X_SERVICE_PORT...`
/// and `X_PORT...` (Kubernetes documentation, "Discovering services"), and a Service may be called `karez-controller`.
fn is_service_link(name: &str, present: &[String]) -> bool {
    present.iter().filter_map(|host| host.strip_suffix("_SERVICE_HOST")).any(|service| {
        let rest = name.strip_prefix(service);
        rest.is_some_and(|rest| rest.starts_with("_SERVICE_") || rest.starts_with("_PORT"))
    })
}

fn nearest<'a>(unknown: &str, known: &'a [String]) -> Option<&'a String> {
    known.iter().min_by_key(|name| strsim::damerau_levenshtein(unknown, name))
}

#[cfg(test)]
mod tests;
