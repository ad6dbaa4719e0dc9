//! What stands for something else in a launch template.

/// What `{port}`, `{instance}` and `{group}` stand for. Other braces are left alone: arguments may well be JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placeholders<'a> {
    pub(crate) port: u16,
    pub(crate) instance: &'a str,
    pub(crate) group: &'a str,
}

impl Placeholders<'_> {
    /// The text with everything in its place. No value has braces of its own.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("{port}", &self.port.to_string())
            .replace("{instance}", self.instance)
            .replace("{group}", self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_other_braces_left_alone() {
        let with = Placeholders { port: 6500, instance: "i-0000000000000001", group: "todo" };
        assert_eq!(with.fill("--port={port}"), "--port=6500");
        assert_eq!(with.fill("{group}/{instance}/{group}"), "todo/i-0000000000000001/todo");
        assert_eq!(with.fill(r#"{"port": {port}, "{prot}": {}}"#), r#"{"port": 6500, "{prot}": {}}"#);
    }
}
