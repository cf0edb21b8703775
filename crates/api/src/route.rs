//! Routes that know which operation they are.

use std::collections::HashMap;

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use http::Method;
use openccm_service::OpenCcm;

/// The services of the API, each with its own error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Private certificates.
    Pca,
    /// SSL certificates.
    Scm,
    /// Certificates of the API gateway.
    Apig,
    /// Elastic load balance, as the embedded registry answers for it.
    Elb,
    /// The web application firewall, as the embedded registry answers for it.
    Waf,
    /// Signing in.
    Iam,
    /// The server's own: health, metrics, documentation.
    Server,
}

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Whoever signs in and may do this action.
    Action(&'static str),
    /// Whoever signs in.
    SignedIn,
}

/// An operation of the API.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Whose it is.
    pub service: Service,
    /// The method.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// The name that the vendor's SDKs give it, in snake case.
    pub name: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether it does anything but answer 501.
    pub built: bool,
}

/// Routes of one or more services, and the list of what they are.
pub(crate) struct Routes {
    service: Service,
    router: Router<OpenCcm>,
    operations: Vec<Operation>,
}

impl Routes {
    pub(crate) fn of(service: Service) -> Self {
        Self { service, router: Router::new(), operations: Vec::new() }
    }

    /// Adds an operation: how it is called, what it is called, who may call it, what answers it.
    pub(crate) fn add<H, T>(
        self,
        method: &'static str,
        path: &'static str,
        name: &'static str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, OpenCcm>,
        T: 'static,
    {
        let operation = Operation { service: self.service, method, path, name, access, built: true };
        self.add_operation(operation, handler)
    }

    pub(crate) fn add_operation<H, T>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, OpenCcm>,
        T: 'static,
    {
        let filter = match operation.method {
            "POST" => MethodFilter::POST,
            "PUT" => MethodFilter::PUT,
            "DELETE" => MethodFilter::DELETE,
            "HEAD" => MethodFilter::HEAD,
            _ => MethodFilter::GET,
        };
        self.router = self.router.route(operation.path, on(filter, handler));
        self.operations.push(operation);
        self
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.extend(other.operations);
        self
    }

    pub(crate) fn into_parts(self) -> (Router<OpenCcm>, Vec<Operation>) {
        (self.router, self.operations)
    }
}

/// Finds the operation of a request by its method and the path of its route.
pub(crate) struct Catalogue(HashMap<(&'static str, &'static str), Operation>);

impl Catalogue {
    pub(crate) fn new(operations: Vec<Operation>) -> Self {
        Self(operations.into_iter().map(|operation| ((operation.method, operation.path), operation)).collect())
    }

    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<Operation> {
        let find = |method: &str| self.0.get(&(method, path)).copied();
        // The framework answers HEAD from GET.
        find(method.as_str()).or_else(|| if method == Method::HEAD { find("GET") } else { None })
    }
}
