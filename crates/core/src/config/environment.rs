//! Options from the environment.
//!
//! Only explicit entry points read it: [`Config::from_env`], and the front ends' functions that build on it.

use crate::config::Config;
use crate::error::Error;
use crate::system;
use std::ffi::OsString;
use zeroize::Zeroizing;

impl Config {
    /// The defaults, overridden by the `EIOT_…` variables that are set and not empty.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), which names the variable.
    pub fn from_env() -> Result<Self, Error> {
        let mut config = Self::default();
        config.read_env(&[])?;
        Ok(config)
    }

    /// Sets the options whose `EIOT_…` variables are set and not empty. Variables of the options in `except` are not read;
    /// `secret` and `secret_file` count as one.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn read_env(&mut self, except: &[&str]) -> Result<(), Error> {
        self.read_variables(system::variable, except)
    }

    pub(crate) fn read_variables(
        &mut self,
        lookup: impl Fn(&str) -> Option<OsString>,
        given: &[&str],
    ) -> Result<(), Error> {
        let secret_is_given = given.iter().any(|option| option.starts_with("secret"));
        for option in Self::OPTIONS {
            if given.contains(&option) || (secret_is_given && option.starts_with("secret")) {
                continue;
            }
            let variable = format!("EIOT_{}", option.to_ascii_uppercase());
            let Some(value) = lookup(&variable).filter(|value| !value.is_empty()) else { continue };
            let value = value.into_string().map_err(|_| Error::config(&variable, "is not valid UTF-8"))?;
            let value = Zeroizing::new(value);
            self.set(option, &value).map_err(|error| {
                // The variable's name stands for the option's.
                let text = error.to_string();
                Error::config(&variable, text.strip_prefix(&format!("{option}: ")).unwrap_or(&text))
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;
    use std::time::Duration;

    fn from(variables: &[(&str, &str)]) -> Result<Config, Error> {
        from_except(variables, &[])
    }

    fn from_except(variables: &[(&str, &str)], given: &[&str]) -> Result<Config, Error> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let mut config = Config::default();
        config.read_variables(lookup, given)?;
        Ok(config)
    }

    #[test]
    fn environment_variable_of_an_explicit_option_is_ignored() {
        let variables = [("EIOT_TIMEOUT", "soon"), ("EIOT_APPKEY", "k"), ("EIOT_SECRET", "s")];
        let config = from_except(&variables, &["timeout"]).expect("valid");
        assert_eq!((config.timeout, config.appkey.as_str()), (Config::default().timeout, "k"));
        for given in ["secret", "secret_file"] {
            let variables = [("EIOT_SECRET", "s"), ("EIOT_SECRET_FILE", "/nonexistent")];
            let config = from_except(&variables, &[given]).expect("valid");
            assert_eq!(
                (config.secret.expose(), config.secret_file),
                ("", None),
                "{given} is given elsewhere"
            );
        }
    }

    proptest! {
        #[test]
        fn environment_is_a_configuration_or_an_error_that_names_a_variable(
            option in 0..Config::OPTIONS.len(),
            value in "\\PC{0,20}|[0-9.,=/a-z-]{0,12}",
        ) {
            let variable = format!("EIOT_{}", Config::OPTIONS[option].to_ascii_uppercase());
            match from(&[(&variable, &value)]) {
                Ok(config) => { let _ = config.check(); }
                Err(error) => {
                    let text = error.to_string();
                    prop_assert!(text.starts_with(&format!("{variable}: ")), "{}", text);
                    prop_assert!(!text.contains(&format!("{}: ", Config::OPTIONS[option])), "twice: {}", text);
                }
            }
        }
    }

    #[test]
    fn environment_variables_override_defaults() {
        let config =
            from(&[("EIOT_APPKEY", "k"), ("EIOT_SECRET", "s"), ("EIOT_TIMEOUT", "2.5")]).expect("valid");
        assert_eq!(config.appkey, "k");
        assert_eq!(config.timeout, Duration::from_millis(2500));
        assert_eq!(config.connect_timeout, Config::default().connect_timeout);
    }

    #[test]
    fn environment_variable_that_is_empty_counts_as_not_set() {
        let config = from(&[("EIOT_PROXY", ""), ("EIOT_TIMEOUT", "")]).expect("valid");
        assert_eq!((config.proxy, config.timeout), (None, Config::default().timeout));
    }

    #[test]
    fn environment_variable_with_an_invalid_value_is_named() {
        let error = from(&[("EIOT_TIMEOUT", "soon")]).expect_err("not a number");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("EIOT_TIMEOUT: must be a number of seconds"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn environment_variable_that_is_not_utf8_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let mut config = Config::default();
        let error =
            config.read_variables(|_| Some(OsString::from_vec(vec![0xff])), &[]).expect_err("not UTF-8");
        assert!(error.to_string().contains("EIOT_APPKEY: is not valid UTF-8"), "{error}");
    }
}
