//! Writing TOML that people will edit: tables, keys, and comments that say where something comes from.

use toml::Value;

/// Comments are folded at this width.
const WIDTH: usize = 118;

/// A text that grows.
#[derive(Debug, Default)]
pub(crate) struct Toml {
    text: String,
}

impl Toml {
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Words in lines of bounded width, each a comment.
    pub(crate) fn comment(&mut self, text: &str) {
        for paragraph in text.lines() {
            let mut line = "#".to_owned();
            for word in visible(paragraph).split_whitespace() {
                if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > WIDTH {
                    self.line(&line);
                    "#".clone_into(&mut line);
                }
                line.push(' ');
                line.push_str(word);
            }
            self.line(&line);
        }
    }

    /// A line of a script or the like, as it is, in a comment.
    pub(crate) fn quote(&mut self, line: &str) {
        self.line(format!("#   {}", visible(line)).trim_end());
    }

    /// A line of TOML that does not count until somebody takes the `#` away.
    pub(crate) fn off(&mut self, line: &str) {
        self.line(&format!("# {}", visible(line)));
    }

    pub(crate) fn blank(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    pub(crate) fn table(&mut self, header: &str) {
        self.line(&format!("[{header}]"));
    }

    pub(crate) fn element(&mut self, header: &str) {
        self.line(&format!("[[{header}]]"));
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.line(&format!("{key} = {}", value.into()));
    }

    /// The same with a remark behind it.
    pub(crate) fn set_with(&mut self, key: &str, value: impl Into<Value>, remark: &str) {
        self.line(&format!("{key} = {} # {}", value.into(), visible(remark)));
    }

    /// Adds another text below, if there is something in it.
    pub(crate) fn append(&mut self, other: &Self) {
        if !other.text.is_empty() {
            self.blank();
            self.text.push_str(&other.text);
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// A text as a configuration says it: `${` would be a variable there.
pub(crate) fn text(text: &str) -> Value {
    Value::String(text.replace("${", "$${"))
}

pub(crate) fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Value {
    Value::Array(texts.into_iter().map(|it| text(it.as_ref())).collect())
}

/// A text alone, or a list of several.
pub(crate) fn one_or_many(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

pub(crate) fn inline<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// Seconds, as a configuration says them.
pub(crate) fn seconds(number: u32) -> Value {
    Value::String(format!("{number}s"))
}

/// A name or key, quoted if it must be.
pub(crate) fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if bare { name.to_owned() } else { Value::String(name.to_owned()).to_string() }
}

/// No control character may stand in a comment.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_toml_again() {
        let mut toml = Toml::default();
        toml.comment(&format!("{} \u{1}\nsecond", "long words ".repeat(30)));
        toml.table(&format!("a.{}", key("x y")));
        toml.set("text", text("a\"b\\ \u{7} ${HOME}\nc"));
        toml.set_with("list", texts(["1", "2"]), "a remark\nover lines");
        toml.set("inline", inline([("a-b", Value::from(1)), ("c d", Value::from(2.0))]));
        let text = toml.into_text();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH + 2), "{text}");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["a"]["x y"]["text"].as_str(), Some("a\"b\\ \u{7} $${HOME}\nc"));
        assert_eq!(table["a"]["x y"]["inline"]["c d"].as_float(), Some(2.0));
    }
}
