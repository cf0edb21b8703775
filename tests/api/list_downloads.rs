//! Lists as they are served over HTTP.

use serde_json::json;

use crate::{
    relying_party::addresses,
    world::{on_both, on_both_stores},
};

#[test]
fn lists_are_served_as_browsers_and_proxies_expect() {
    on_both_stores(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list", "partitions": 2})).await;
        for path in ["/crl/crl/list.crl", "/crl/crl/list/2.crl"] {
            let get = async |method: &str, tag: Option<String>| {
                let headers: Vec<_> = tag.into_iter().map(|tag| ("if-none-match", tag)).collect();
                world.send(method, path, &headers, Vec::new()).await
            };
            let full = get("GET", None).await;
            assert_eq!(full.status, 200);
            assert_eq!(full.header("content-type"), "application/pkix-crl");
            assert_eq!(full.header("content-length"), full.body.len().to_string());
            assert_eq!(full.header("cache-control"), "public, max-age=60, must-revalidate");
            full.header("last-modified");
            let tag = full.header("etag").to_owned();
            assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");

            let head = get("HEAD", None).await;
            assert_eq!((head.status, head.body.len()), (full.status, 0));
            for name in ["content-type", "content-length", "etag", "cache-control", "last-modified"] {
                assert_eq!(head.header(name), full.header(name), "{name}");
            }
            for same in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
                let answer = get("GET", Some(same.clone())).await;
                assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "{same}");
                assert_eq!(answer.header("etag"), tag);
                assert_eq!(answer.header("cache-control"), full.header("cache-control"));
                assert_eq!(get("HEAD", Some(same)).await.status, 304);
            }
            for other in ["\"x\"", "", "W/\"x\""] {
                assert_eq!(get("GET", Some(other.to_owned())).await.body, full.body, "{other}");
            }
            // Both lists change, one after the other: a certificate of partition 2 is revoked.
            let id = loop {
                let id = world.certificate("leaf", &root).await;
                if addresses(&world.certificate_chain(&id).await.0).0[0].ends_with("/2.crl") {
                    break id;
                }
            };
            world.revoke(&id, "SUPERSEDED").await;
            world.publish().await;
            let changed = get("GET", Some(tag.clone())).await;
            assert_eq!(changed.status, 200);
            assert_ne!(changed.header("etag"), tag);
        }
    });
}

#[test]
fn nothing_but_lists_is_served() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        std::fs::write(world.object_file("crl", "secret.txt"), "not for you").unwrap();
        std::fs::write(world.object_file("crl", ".hidden.crl"), "not for you").unwrap();
        std::fs::write(world.folder.path().join("outside.crl"), "not for you").unwrap();
        std::fs::write(world.object_file("", "loose.crl"), "not for you").unwrap();
        let link = world.object_file("crl", "link.crl");
        std::os::unix::fs::symlink(world.folder.path().join("outside.crl"), link).unwrap();
        std::fs::create_dir(world.object_file("crl", "folder.crl")).unwrap();
        for path in [
            "/crl/crl/other.crl",
            "/crl/other/list.crl",
            "/crl/crl/list",
            "/crl/crl/LIST.crl",
            "/crl/crl/list.crl.crl",
            "/crl/crl/list/1.crl",
            "/crl/crl/secret.txt",
            "/crl/crl/.hidden.crl",
            "/crl/crl/%2ehidden.crl",
            "/crl/crl/../outside.crl",
            "/crl/crl/..%2foutside.crl",
            "/crl/crl/%2e%2e/outside.crl",
            "/crl/crl/%2e%2e%2foutside.crl",
            "/crl/crl/..%5coutside.crl",
            "/crl/../outside.crl",
            "/crl/%2e%2e/outside.crl",
            "/crl/crl%2f../loose.crl",
            "/crl/./loose.crl",
            "/crl/%2e/loose.crl",
            "/crl//loose.crl",
            "/crl/crl//list.crl",
            "/crl/crl/%2fetc%2fpasswd.crl",
            "/crl/crl/list.crl%00",
            "/crl/crl/list%00.crl",
            "/crl/crl/list.crl%0a",
            "/crl/crl/list.crl/",
            "/crl/crl/list.crl/1.crl",
            "/crl/crl/list.crl%2f1.crl",
            "/crl/crl/%ff.crl",
            "/crl/crl/.crl",
            "/crl/crl/",
            "/crl/crl",
            "/crl",
        ] {
            let answer = world.send("GET", path, &[], Vec::new()).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            assert!(!answer.text().contains("not for you"), "{path}");
        }
        // What is in the way there is the server's to mend, not the client's: but it is not given away.
        for path in ["/crl/crl/link.crl", "/crl/crl/folder.crl"] {
            let answer = world.send("GET", path, &[], Vec::new()).await;
            assert!([404, 503].contains(&answer.status.as_u16()), "{path}: {}", answer.status);
            assert!(!answer.text().contains("not for you"), "{path}");
        }
        for method in ["POST", "PUT", "DELETE"] {
            let answer = world.send(method, "/crl/crl/list.crl", &[], b"x".to_vec()).await;
            assert_eq!(answer.status, 405, "{method}");
        }
        // Those who sign in badly are served as everybody is.
        let headers = [("authorization", "nonsense".to_owned()), ("x-auth-token", "nonsense".to_owned())];
        assert_eq!(world.send("GET", "/crl/crl/list.crl", &headers, Vec::new()).await.status, 200);
    });
}
