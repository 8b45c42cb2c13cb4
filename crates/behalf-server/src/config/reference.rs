//! The reference page of the configuration, written from the table.

use std::fmt::Write;

use super::table::SETTINGS;

const HEAD: &str = "\
# Configuration

<!-- Written from crates/behalf-server/src/config/table.rs; the test `the_reference_page_is_the_table` fails when they differ. -->

`behalf serve` reads a TOML file, the environment and its command line; flags win over the environment, the environment over the file, the file over the default.
A setting has three spellings: `tokens.lifetime` in the file (table `tokens`, key `lifetime`), `BEHALF_TOKENS_LIFETIME` in the environment, `--tokens-lifetime` as a flag.
An unknown name is an error, in the file and in the environment. The server says everything that is wrong at once, and does not start half-configured.

Durations are a whole number and a unit: `50ms`, `20s`, `30m`, `24h`, `90d`. Relative paths in a file start at the file's folder.

```toml
public_url = \"https://login.example.com\"
master_key_file = \"master.key\"

[tls]
cert = \"fullchain.pem\"
key = \"key.pem\"

[storage]
url = \"sqlite:///var/lib/behalf/behalf.db\"
```

## Settings
";

/// `docs/reference/configuration.md`.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for setting in &SETTINGS {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n### `{}`\n\n{}\n\n", setting.key, setting.about);
        let _ = writeln!(page, "- Takes: {}", setting.takes);
        let _ = match (setting.default, setting.required) {
            (Some(default), _) => writeln!(page, "- Default: `{default}`"),
            (None, true) => writeln!(page, "- Required"),
            (None, false) => writeln!(page, "- Default: not set"),
        };
        let variable = setting.variable();
        let _ = write!(page, "- Also: `{variable}`, `{}`", setting.flag());
        let file = format!("; `{variable}_FILE` names a file that holds it");
        let _ = writeln!(page, "{}", if setting.secret { &file } else { "" });
    }
    page
}
