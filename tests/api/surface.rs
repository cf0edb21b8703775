//! The surface as a whole: routes, descriptions and documents agree, and every answer of every test is as described.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use http::Method;
use jsonschema::{Draft, Validator};
use openccm_api::{Operation, Service};
use serde_json::{Value, json};

use crate::world::{Answer, on_both};

static API: LazyLock<Value> = LazyLock::new(|| {
    let yaml = include_str!("../../openapi/openccm.yaml");
    serde_norway::from_str(yaml).expect("openapi/openccm.yaml must be YAML")
});

/// Every operation with a route. Looked up for each answer, and made from the whole router: once is enough.
static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(openccm_api::operations);

/// What is described of an answer: the schema of its JSON, or none where it is not JSON.
type Described = BTreeMap<(String, String, String), Option<Validator>>;

static DESCRIBED: LazyLock<Described> = LazyLock::new(|| {
    let mut described = BTreeMap::new();
    for (path, method, operation) in described_operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = match response["$ref"].as_str() {
                Some(reference) => API.pointer(reference.trim_start_matches('#')).unwrap(),
                None => response,
            };
            let schema = response.pointer("/content/application~1json/schema").map(|schema| {
                let whole = json!({"allOf": [schema], "components": API["components"]});
                jsonschema::options().with_draft(Draft::Draft202012).build(&whole).unwrap()
            });
            described.insert((method.clone(), path.clone(), status.clone()), schema);
        }
    }
    described
});

fn described_operations() -> Vec<(String, String, &'static Value)> {
    let paths = API["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            // Beside its methods, a path may describe the parameters that they share.
            let methods = methods.iter().filter(|(method, _)| *method != "parameters");
            methods.map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation))
        })
        .collect()
}

/// Whether `path` is one of the route `template`.
fn matches(template: &str, path: &str) -> bool {
    if let Some((fixed, _)) = template.split_once("{*") {
        let (fixed, path): (Vec<_>, Vec<_>) =
            (fixed.split('/').collect(), path.splitn(fixed.split('/').count(), '/').collect());
        return fixed.iter().zip(&path).all(|(t, p)| t == p || t.is_empty() || t.starts_with('{'));
    }
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(t, p)| t == p || t.starts_with('{'))
}

/// The path of an operation as it is described: a parameter that takes the rest of the path is one like any other there.
fn template(operation: &Operation) -> String {
    operation.path.replace("{*", "{")
}

/// Codes that the vendor answers with 500 for what a client sent.
const DOCUMENTED: [&str; 5] = ["SCM.0013", "SCM.0017", "SCM.0203", "SCM.0213", "SCM.0223"];

/// Checks that an answer is one that `openapi/openccm.yaml` describes, down to each field of its JSON.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let documented = answer.status == 500 && DOCUMENTED.iter().any(|code| answer.text().contains(code));
    assert!(documented || answer.status != 500, "nothing that a client sends may end so: {}", answer.text());
    let id = answer.header("x-request-id");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let path = path.split('?').next().unwrap();
    let candidates =
        || OPERATIONS.iter().filter(|operation| operation.method == method && matches(operation.path, path));
    // A path without parameters wins over one with them.
    let Some(operation) = candidates().min_by_key(|operation| operation.path.matches('{').count()) else {
        assert!([404, 405].contains(&answer.status.as_u16()), "no such route, but {}", answer.status);
        return;
    };
    if !operation.built {
        assert!([401, 403, 501].contains(&answer.status.as_u16()), "not built, but {}", answer.status);
        return;
    }
    let key = (method.to_string(), template(operation), answer.status.as_u16().to_string());
    let Some(schema) = DESCRIBED.get(&key) else { panic!("{key:?} is not described: {}", answer.text()) };
    let json_body = answer.headers.get("content-type").is_some_and(|value| value == "application/json");
    if let (Some(schema), true) = (schema, json_body) {
        let errors: Vec<String> =
            schema.iter_errors(&answer.json()).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{key:?} differs from its description: {errors:#?}\n{}", answer.text());
    }
}

#[test]
fn every_built_route_is_described_and_nothing_else() {
    let described: BTreeSet<_> = described_operations()
        .into_iter()
        .map(|(path, method, operation)| (method, path, operation["operationId"].as_str().unwrap().to_owned()))
        .collect();
    let built: BTreeSet<_> = OPERATIONS
        .iter()
        .filter(|operation| operation.built)
        .map(|operation| (operation.method.to_owned(), template(operation), operation.name.to_owned()))
        .collect();
    assert_eq!(built, described);
}

#[test]
fn the_compatibility_table_lists_every_operation_and_its_state() {
    let page = include_str!("../../docs/compatibility.md");
    let listed: BTreeSet<_> = page
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let (name, method, path, state) = (cells.first()?, cells.get(1)?, cells.get(2)?, cells.get(3)?);
            let state = match *state {
                "built" => true,
                "missing" => false,
                _ => return None,
            };
            Some((name.to_string(), method.to_string(), path.trim_matches('`').to_owned(), state))
        })
        .collect();
    let routes: BTreeSet<_> = OPERATIONS
        .iter()
        .filter(|operation| !matches!(operation.service, Service::Server | Service::Elb | Service::Waf))
        .map(|o| (o.name.to_owned(), o.method.to_owned(), o.path.to_owned(), o.built))
        .collect();
    assert_eq!(listed, routes);
    // 122 of the contract, and one more that Terraform reads.
    assert_eq!(listed.len(), 123);
}

#[test]
fn what_is_not_built_answers_501_in_its_services_shape() {
    on_both(async |world| {
        for operation in OPERATIONS.iter().filter(|operation| !operation.built) {
            let path = operation.path.replace("{project_id}", &world.account.project_id).replace(['{', '}'], "");
            let answer = world.call(operation.method, &path, Value::Null).await;
            assert_eq!(answer.status, 501, "{operation:?}");
            let json = answer.json();
            assert!(json["error_msg"].as_str().unwrap().contains(operation.name), "{json}");
            let prefix = match operation.service {
                Service::Pca => "PCA.",
                Service::Scm => "SCM.",
                Service::Apig => "APIG.",
                Service::Elb => "ELB.",
                Service::Waf => "WAF.",
                Service::Iam | Service::Server => "IAM.",
            };
            assert!(json["error_code"].as_str().unwrap().starts_with(prefix), "{json}");
            let anonymous = world.send(operation.method, &path, &[], Vec::new()).await;
            assert_eq!(anonymous.status, 401, "{operation:?}");
        }
    });
}

#[test]
fn what_is_nowhere_answers_in_the_vendors_shape() {
    on_both(async |world| {
        for path in ["/nowhere", "/v1", "/v1/private-certificates/", "//v1/private-certificates", "/v1/%2e%2e/x"] {
            world.call("GET", path, Value::Null).await.error(404, "APIG.0101");
        }
        world.call("PATCH", "/v1/private-certificates", Value::Null).await.error(405, "APIG.0101");
        world.call("DELETE", "/v3/auth/domains", Value::Null).await.error(405, "APIG.0101");
    });
}

#[test]
fn the_server_shows_its_health_and_its_description() {
    on_both(async |world| {
        for (path, content) in [("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "openccm"), ("/docs", "<html")] {
            let answer = world.send("GET", path, &[], Vec::new()).await;
            assert_eq!(answer.status, 200);
            assert!(answer.text().contains(content), "{path}");
        }
        let served = world.send("GET", "/openapi.json", &[], Vec::new()).await.ok();
        assert_eq!(served, *API);
        world.ccm.database().close().await;
        assert_eq!(world.send("GET", "/readyz", &[], Vec::new()).await.status, 503);
        assert_eq!(world.send("GET", "/healthz", &[], Vec::new()).await.status, 200);
    });
}
