//! What the administrators of a domain see who open the link in a mail: a page with a button. Nobody signs in here; the token
//! in the link is the permission.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::{Html, IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
};
use openccm_service::{
    Error, OpenCcm,
    ssl::validation::{self, Confirmation},
};

use crate::route::{Access::Public, Routes, Service};

/// How the paths begin that end with a token, which must not be logged.
pub(crate) const SECRET_PATHS: &str = "/scm/domain-validation/";

/// Nothing is loaded, nothing is remembered, no other page shows it or learns its address.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

pub(crate) fn routes() -> Routes {
    const PATH: &str = "/scm/domain-validation/{token}";
    Routes::of(Service::Server).add("GET", PATH, "show_domain_validation", Public, show_domain_validation).add(
        "POST",
        PATH,
        "confirm_domain_validation",
        Public,
        confirm_domain_validation,
    )
}

/// What stands in a path, unless it is no text: that is no token.
type Token = Result<Path<String>, PathRejection>;

/// Opening the page changes nothing: mail scanners do that.
async fn show_domain_validation(State(ccm): State<OpenCcm>, token: Token) -> Response {
    let Path(token) = token.unwrap_or_else(|_| Path(String::new()));
    answer(validation::find_confirmation(&ccm, &token).await, |confirmation| {
        let Confirmation { domain, account_name, names } = confirmation;
        let names: String = names.iter().map(|name| format!("<li>{}</li>", escape(name))).collect();
        page(
            "Do you consent to this certificate?",
            &format!(
                "<p>The account <strong>{}</strong> asks for a TLS certificate for</p><ul>{names}</ul>\
                 <p>You are asked because you administer <strong>{}</strong>. If you do not know what this is about, \
                 close this page: without your consent no certificate is issued.</p>\
                 <form method=\"post\"><button>I consent</button></form>",
                escape(account_name),
                escape(domain),
            ),
        )
    })
}

async fn confirm_domain_validation(State(ccm): State<OpenCcm>, token: Token) -> Response {
    let Path(token) = token.unwrap_or_else(|_| Path(String::new()));
    answer(validation::confirm(&ccm, &token).await, |confirmation| {
        let text = format!("<p>The domain name <strong>{}</strong> is verified.</p>", escape(&confirmation.domain));
        page("Thank you", &text)
    })
}

fn answer(found: Result<Option<Confirmation>, Error>, render: impl Fn(&Confirmation) -> String) -> Response {
    let (status, page) = match found {
        Ok(Some(confirmation)) => (StatusCode::OK, render(&confirmation)),
        Ok(None) => {
            let text = "<p>This link was used already, is too old, or never was one.</p>";
            (StatusCode::NOT_FOUND, page("Nothing to consent to", text))
        }
        Err(error) => {
            tracing::error!(%error, "a consent cannot be looked up");
            let text = "<p>The server cannot do this now. Please try again later.</p>";
            (StatusCode::SERVICE_UNAVAILABLE, page("Not now", text))
        }
    };
    (status, HEADERS, Html(page)).into_response()
}

fn page(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}\
         button{{font:inherit;padding:.5rem 1.5rem}}</style></head><body><h1>{title}</h1>{content}</body></html>"
    )
}

/// `text` as HTML shows it, also within quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(super::escape("<a href='x'>\"&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
    }
}
