use std::io;
use std::process::{Command, Stdio};

use url::Url;

/// Opens `url` in the user's browser, with the command of the system. Fails where there is no such
/// command; whether a window appears is not known.
pub fn open_browser(url: &Url) -> io::Result<()> {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(target_os = "windows") {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else {
        Command::new("xdg-open")
    };
    // An https address that starts with a letter is no option and no shell sees it.
    command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    // Some of these commands live as long as the browser.
    std::thread::spawn(move || child.wait());
    Ok(())
}
