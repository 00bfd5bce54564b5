//! The fields of a line of CSV, TSV or the like.

/// A quoted field does not end on its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed;

/// Divides a line at the delimiter. A field that begins with a quote ends with the next single one; two quotes in it stand for
/// one. Elsewhere, quotes are text.
pub(super) fn fields(line: &str, delimiter: char) -> Result<Vec<String>, Unclosed> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = field(rest, delimiter)?;
        fields.push(field);
        match after.strip_prefix(delimiter) {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

/// The first field, and what follows it: nothing, or text that begins with the delimiter.
fn field(text: &str, delimiter: char) -> Result<(String, &str), Unclosed> {
    let mut field = String::new();
    let mut rest = text;
    if let Some(quoted) = text.strip_prefix('"') {
        rest = quoted;
        loop {
            let (inner, after) = rest.split_once('"').ok_or(Unclosed)?;
            field.push_str(inner);
            let Some(more) = after.strip_prefix('"') else {
                rest = after;
                break;
            };
            field.push('"');
            rest = more;
        }
    }
    let end = rest.find(delimiter).unwrap_or(rest.len());
    let (unquoted, after) = rest.split_at(end);
    field.push_str(unquoted);
    Ok((field, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_divided_at_delimiters_outside_of_quotes() {
        for (line, expected) in [
            ("a,b", vec!["a", "b"]),
            ("", vec![""]),
            (",", vec!["", ""]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"a \"\"b\"\"\",\"\"", vec!["a \"b\"", ""]),
            ("5\" inch,1", vec!["5\" inch", "1"]),
            ("=\"8904\",1", vec!["=\"8904\"", "1"]),
            ("\"a\"b,1", vec!["ab", "1"]),
        ] {
            assert_eq!(fields(line, ',').expect("closed"), expected, "{line}");
        }
        assert_eq!(fields("a|b,c", '|').expect("closed"), ["a", "b,c"]);
    }

    #[test]
    fn field_with_an_unclosed_quote_is_an_error() {
        for line in ["\"5 inch,1", "1,\"", "\"a\"\"", "\"a\",\"b"] {
            assert_eq!(fields(line, ','), Err(Unclosed), "{line}");
        }
    }
}
