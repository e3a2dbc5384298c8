//! The requests of a dry run, as people and programs read them.

use super::error::CliError;
use super::session::Session;
use crate::config::values::Output;
use crate::model::Prepared;
use crate::report::text::clean_to;
use crate::report::{RunReport, write_document, write_line};
use serde_json::{Value, json};

/// One request for people: the line, header names, body.
pub(super) fn shown(request: &Value) -> String {
    let text = |key: &str| clean_to(request[key].as_str().unwrap_or_default(), 2000);
    let headers: Vec<&str> = request["headers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let body = match &request["body"] {
        Value::Null => String::new(),
        body => serde_json::to_string_pretty(body).unwrap_or_default(),
    };
    let mut lines = format!("{} {}\n  headers: {}\n", text("method"), text("url"), headers.join(", "));
    for line in body.lines() {
        // Cleaning folds blanks, and the layout of the document stands in them.
        lines.push_str(&" ".repeat(2 + line.len() - line.trim_start().len()));
        lines.push_str(&clean_to(line, 2000));
        lines.push('\n');
    }
    lines
}

/// The report of a dry run with the plan and its requests in it.
pub(super) fn deliver(
    session: &Session,
    report: &RunReport,
    going: &[(usize, Prepared)],
    requests: &[(usize, Value)],
) -> Result<(), CliError> {
    let mut document = serde_json::to_value(report).unwrap_or(Value::Null);
    for (index, (_, prepared)) in going.iter().enumerate() {
        let own: Vec<&Value> = requests.iter().filter(|(of, _)| *of == index).map(|(_, request)| request).collect();
        let plan: serde_json::Map<String, Value> =
            prepared.lines.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
        let image = prepared.image.as_ref().map(|(id, name)| json!({ "id": id, "name": name }));
        document["targets"][index]["plan"] = json!({ "image": image, "power": prepared.power, "settled": plan });
        document["targets"][index]["requests"] = json!(own);
    }
    let written = match session.settings.output.value {
        Output::Jsonl => write_line(&session.out.stdout, &document),
        _ => write_document(&session.out.stdout, &document),
    };
    written.map_err(|why| CliError::output(why).and("nothing was sent"))
}
