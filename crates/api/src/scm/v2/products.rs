//! What can be ordered, and buying it (v2).

use axum::{Extension, Json, extract::State};
use openccm_service::{Caller, OpenCcm, ssl::orders, ssl::products::Product};
use serde::Serialize;

use super::super::{
    Failure,
    orders::{PurchaseRequest, PurchaseResponse},
};
use crate::{
    extract::{Input, ResourceId},
    route::{Access::Action, Routes, Service},
};

pub(super) fn routes() -> Routes {
    const PURCHASE: &str = "/v2/{project_id}/scm/cert/purchase";
    const PRODUCTS: &str = "/v2/{project_id}/scm/cert/product";
    const PRODUCT: &str = "/v2/{project_id}/scm/product/{product_id}";
    Routes::of(Service::Scm)
        .add("POST", PURCHASE, "purchase_cert", Action("scm:cert:purchase"), purchase_cert)
        .add("GET", PRODUCTS, "list_cert_products", Action("scm:certType:get"), list_cert_products)
        .add("GET", PRODUCT, "show_product", Action("scm:certProduct:get"), show_product)
}

async fn purchase_cert(
    State(ccm): State<OpenCcm>,
    Extension(caller): Extension<Caller>,
    Input(body): Input<PurchaseRequest>,
) -> Result<Json<PurchaseResponse>, Failure> {
    const MAX_ORDER_NUMBER: i64 = 1000;
    Ok(Json(orders::buy(&ccm, &caller, body.read(MAX_ORDER_NUMBER)?).await?.into()))
}

#[derive(Serialize)]
struct ListProductsResponse {
    type_list: Vec<ListedProduct>,
}

#[derive(Serialize)]
struct ListedProduct {
    #[serde(flatten)]
    product: ShowProductResponse,
    product_id: String,
    product_name: String,
}

#[derive(Serialize)]
struct ShowProductResponse {
    cert_type: &'static str,
    cert_brand: &'static str,
    domain_type: &'static str,
    effective_time: i64,
}

impl From<&Product> for ShowProductResponse {
    fn from(product: &Product) -> Self {
        Self {
            cert_type: product.certificate_type.as_str(),
            cert_brand: product.brand.as_str(),
            domain_type: product.domain_type.as_str(),
            effective_time: product.years,
        }
    }
}

async fn list_cert_products(State(ccm): State<OpenCcm>) -> Json<ListProductsResponse> {
    let listed = |product: &Product| ListedProduct {
        product: product.into(),
        product_id: product.id(),
        product_name: product.name(),
    };
    Json(ListProductsResponse { type_list: ccm.products().products().iter().map(listed).collect() })
}

async fn show_product(
    State(ccm): State<OpenCcm>,
    ResourceId(id): ResourceId,
) -> Result<Json<ShowProductResponse>, Failure> {
    Ok(Json(ccm.products().find_by_id(&id)?.into()))
}
