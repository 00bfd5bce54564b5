//! Options from the environment.
//!
//! Only the env-configured entry points read it: [`Config::from_env`] here, and what the faces build on it.

use crate::config::Config;
use crate::error::Error;
use std::ffi::OsString;
use zeroize::Zeroizing;

impl Config {
    /// The defaults, overridden by the `EIOT_…` variables that are set and not empty.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), which names the variable.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_env_with(&[])
    }

    /// As [`Config::from_env`], with options given as text, as [`Config::set`] takes them. What is given goes before
    /// its variable, which is then not even looked at; `secret` and `secret_file` count as one.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), which names the option or the variable.
    pub fn from_env_with(given: &[(&str, &str)]) -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var_os(name), given)
    }

    fn from_variables(
        lookup: impl Fn(&str) -> Option<OsString>,
        given: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let mut config = Self::default();
        for (option, value) in given {
            config.set(option, value)?;
        }
        let is_given = |option| given.iter().any(|(name, _)| *name == option);
        let secret_is_given = is_given("secret") || is_given("secret_file");
        for option in Self::OPTIONS {
            if is_given(option) || (secret_is_given && option.starts_with("secret")) {
                continue;
            }
            let variable = format!("EIOT_{}", option.to_ascii_uppercase());
            let Some(value) = lookup(&variable).filter(|value| !value.is_empty()) else { continue };
            let value = value.into_string().map_err(|_| Error::config(&variable, "is not UTF-8 text"))?;
            let value = Zeroizing::new(value);
            config.set(option, &value).map_err(|error| Error::config(&variable, error))?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::time::Duration;

    fn from(variables: &[(&str, &str)]) -> Result<Config, Error> {
        from_with(variables, &[])
    }

    fn from_with(variables: &[(&str, &str)], given: &[(&str, &str)]) -> Result<Config, Error> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Config::from_variables(lookup, given)
    }

    #[test]
    fn what_is_given_goes_before_its_variable_even_a_wrong_one() {
        let variables = [("EIOT_TIMEOUT", "soon"), ("EIOT_APPKEY", "k"), ("EIOT_SECRET", "s")];
        let config = from_with(&variables, &[("timeout", "5")]).expect("valid");
        assert_eq!((config.timeout, config.appkey.as_str()), (Duration::from_secs(5), "k"));
        let error = from_with(&variables, &[("timeout", "later")]).expect_err("not a number");
        assert!(error.to_string().starts_with("timeout: "), "{error}");
    }

    #[test]
    fn a_given_secret_goes_before_a_secret_file_and_the_other_way_round() {
        let config = from_with(&[("EIOT_SECRET_FILE", "/nonexistent")], &[("secret", "s")]).expect("valid");
        assert_eq!(config.secret_file, None);
        let config = from_with(&[("EIOT_SECRET", "s")], &[("secret_file", "/nonexistent")]).expect("valid");
        assert_eq!(config.secret.expose(), "");
    }

    #[test]
    fn variables_override_defaults() {
        let config =
            from(&[("EIOT_APPKEY", "k"), ("EIOT_SECRET", "s"), ("EIOT_TIMEOUT", "2.5")]).expect("valid");
        assert_eq!(config.appkey, "k");
        assert_eq!(config.timeout, Duration::from_millis(2500));
        assert_eq!(config.connect_timeout, Config::default().connect_timeout);
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let config = from(&[("EIOT_PROXY", ""), ("EIOT_TIMEOUT", "")]).expect("valid");
        assert_eq!((config.proxy, config.timeout), (None, Config::default().timeout));
    }

    #[test]
    fn a_wrong_value_names_the_variable() {
        let error = from(&[("EIOT_TIMEOUT", "soon")]).expect_err("not a number");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("EIOT_TIMEOUT: "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_names_the_variable() {
        use std::os::unix::ffi::OsStringExt;
        let error =
            Config::from_variables(|_| Some(OsString::from_vec(vec![0xff])), &[]).expect_err("not UTF-8");
        assert!(error.to_string().contains("EIOT_APPKEY: is not UTF-8"), "{error}");
    }
}
