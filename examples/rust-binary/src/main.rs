//! Says whether each `version=requirement` of its arguments fits.

use semver::{Version, VersionReq};
use std::process::ExitCode;

fn check(text: &str) -> Result<String, String> {
    let (version, wanted) = text.split_once('=').ok_or(format!("{text:?} is no version=requirement"))?;
    let version = Version::parse(version).map_err(|error| format!("{version:?}: {error}"))?;
    let wanted = VersionReq::parse(wanted).map_err(|error| format!("{wanted:?}: {error}"))?;
    let state = if wanted.matches(&version) { "fits" } else { "does not fit" };
    Ok(format!("{version} {state} {wanted}"))
}

fn main() -> ExitCode {
    for argument in std::env::args().skip(1) {
        match check(&argument) {
            Ok(line) => println!("{line}"),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(check("1.10.0=>=1.9"), Ok("1.10.0 fits >=1.9".into()));
        assert_eq!(check("1.2.0=^1.9"), Ok("1.2.0 does not fit ^1.9".into()));
        assert!(check("1.2.0").is_err());
    }
}
