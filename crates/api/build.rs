//! Turns `openapi/openccm.yaml`, which people edit, into the `openapi.json` in `OUT_DIR` that the server serves.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let source = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../openapi/openccm.yaml");
    println!("cargo::rerun-if-changed={}", source.display());
    println!("cargo::rerun-if-changed=build.rs");

    let yaml = fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    let document: serde_json::Value =
        serde_norway::from_str(&yaml).map_err(|error| format!("{}: {error}", source.display()))?;
    let target = PathBuf::from(env::var("OUT_DIR")?).join("openapi.json");
    fs::write(target, serde_json::to_vec(&document)?)?;
    Ok(())
}
