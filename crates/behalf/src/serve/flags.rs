//! The settings of `behalf serve` as flags: one for each, made from the server's table.

use behalf_server::config::table::SETTINGS;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// The settings that were given as flags: key and value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags(pub(crate) Vec<(&'static str, String)>);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().filter(|setting| !setting.secret).fold(command, |command, setting| {
            let argument = Arg::new(setting.key)
                .long(setting.flag().trim_start_matches("--").to_owned())
                .value_name("VALUE")
                .help_heading("Settings (also in the file and the environment)")
                .help(setting.takes.replace('`', ""));
            command.arg(argument)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = SETTINGS.iter().filter(|setting| !setting.secret).filter_map(|setting| {
            let value = matches.get_one::<String>(setting.key)?;
            Some((setting.key, value.clone()))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
