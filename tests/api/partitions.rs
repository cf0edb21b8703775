//! Lists that are split into partitions.

use serde_json::json;

use std::time::Duration;

use crate::{
    relying_party::{addresses, fetch},
    world::{DAY_MS, on_both},
};

#[test]
fn certificates_are_spread_over_partitions_for_good() {
    const PARTITIONS: usize = 4;
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"crl_name": "list", "partitions": PARTITIONS})).await;
        let shown = &world.authority(&root).await["crl_configuration"];
        assert_eq!(shown["partitions"], PARTITIONS);
        let complete = world.crl_address(&root).await;
        let partition = |index: usize| complete.replace("/list.crl", &format!("/list/{index}.crl"));
        let mut by_partition: Vec<Vec<String>> = vec![Vec::new(); PARTITIONS + 1];
        for index in 0..PARTITIONS * 3 {
            let id = world.certificate(&format!("leaf {index}"), &root).await;
            let (certificate, _) = world.certificate_chain(&id).await;
            let (named, _) = addresses(&certificate);
            let place = (1..=PARTITIONS).find(|index| named == [partition(*index)]);
            by_partition[place.unwrap_or_else(|| panic!("{named:?}"))].push(id);
        }
        assert!(by_partition[1..].iter().all(|ids| ids.len() == 3), "{by_partition:?}");
        // An authority below falls into one as well.
        let sub = world.subordinate("Sub", &root).await;
        let sub_certificate = world.own_certificate(&sub).await;
        let sub_partition = addresses(&sub_certificate).0;
        assert!((1..=PARTITIONS).any(|index| sub_partition == [partition(index)]));

        let mut revoked = Vec::new();
        for (index, ids) in by_partition.iter().enumerate().skip(1) {
            world.revoke(&ids[0], "KEY_COMPROMISE").await;
            assert_eq!(world.publish().await, 2, "its partition and the complete list");
            let serial = world.serial(&ids[0]).await;
            let list = fetch(&world.caller(), &partition(index)).await;
            list.check_issuer(&world.own_certificate(&root).await);
            assert_eq!(list.point, Some(partition(index)));
            assert_eq!(list.serials(), std::slice::from_ref(&serial));
            revoked.push(serial);
        }
        world.act(&sub, "revoke").await.no_content();
        assert_eq!(world.publish().await, 2);
        let serial = sub_certificate.serial_number().to_owned();
        assert!(fetch(&world.caller(), &sub_partition[0]).await.entries.contains_key(&serial));
        revoked.push(serial);
        revoked.sort();
        let list = world.list(&root).await;
        assert_eq!((list.point.clone(), list.serials()), (None, revoked));

        // Fewer partitions now; certificates that name the old ones still find them.
        world.disable_crl(&root).await;
        world.enable_crl(&root, json!({"crl_name": "list", "partitions": 2})).await;
        assert_eq!(world.authority(&root).await["crl_configuration"]["partitions"], 2);
        for _ in 0..4 {
            let id = world.certificate("leaf", &root).await;
            let (named, _) = addresses(&world.certificate_chain(&id).await.0);
            assert!(named == [partition(1)] || named == [partition(2)], "{named:?}");
        }
        world.revoke(&by_partition[4][1], "SUPERSEDED").await;
        assert_eq!(world.publish().await, 2);
        let list = fetch(&world.caller(), &partition(4)).await;
        assert!(list.entries.contains_key(&world.serial(&by_partition[4][1]).await));
        world.clock.advance(4 * DAY_MS);
        assert_eq!(world.publish().await, 1 + PARTITIONS as u64);

        // None now: new certificates name the complete list.
        world.disable_crl(&root).await;
        world.enable_crl(&root, json!({"crl_name": "list"})).await;
        assert_eq!(world.authority(&root).await["crl_configuration"].get("partitions"), None);
        let id = world.certificate("leaf", &root).await;
        assert_eq!(addresses(&world.certificate_chain(&id).await.0).0, std::slice::from_ref(&complete));
        world.revoke(&by_partition[3][1], "SUPERSEDED").await;
        assert_eq!(world.publish().await, 2);
        let list = fetch(&world.caller(), &partition(3)).await;
        assert!(list.entries.contains_key(&world.serial(&by_partition[3][1]).await));
        // One that was issued without partitions is on the complete list alone.
        world.revoke(&id, "SUPERSEDED").await;
        assert_eq!(world.publish().await, 1);
        assert!(world.list(&root).await.entries.contains_key(&world.serial(&id).await));
    });
}

#[test]
fn rustls_takes_a_partition_for_the_certificates_that_name_it_and_for_no_others() {
    on_both(async |world| {
        let root = world.root("Root").await;
        world.enable_crl(&root, json!({"partitions": 2})).await;
        let anchor = world.own_certificate(&root).await;
        let mut leaves = Vec::new();
        for _ in 0..4 {
            let id = world.certificate("leaf", &root).await;
            let (certificate, _) = world.certificate_chain(&id).await;
            leaves.push((id, addresses(&certificate).0.remove(0), certificate));
        }
        leaves.sort_by(|left, right| left.1.cmp(&right.1));
        world.revoke(&leaves[0].0, "KEY_COMPROMISE").await;
        world.revoke(&leaves[2].0, "KEY_COMPROMISE").await;
        world.publish().await;
        let now = world.clock_ms() / 1000;
        let complete = world.list(&root).await;
        for (index, (_, address, certificate)) in leaves.iter().enumerate() {
            let own = fetch(&world.caller(), address).await;
            let other = fetch(&world.caller(), &leaves[(index + 2) % 4].1).await;
            assert_ne!(own.point, other.point);
            let verdict = Some(index % 2 == 1);
            assert_eq!(accepts(&anchor, certificate, &own.der, now), verdict);
            assert_eq!(accepts(&anchor, certificate, &complete.der, now), verdict);
            assert_eq!(accepts(&anchor, certificate, &other.der, now), None, "another partition says nothing");
        }
    });
}

/// What rustls-webpki makes of a certificate of `anchor` by this list: accepted, revoked, or unknown (`None`).
fn accepts(
    anchor: &openccm_pki::Certificate,
    certificate: &openccm_pki::Certificate,
    list: &[u8],
    now: i64,
) -> Option<bool> {
    use rustls::pki_types::{CertificateDer, UnixTime};
    use webpki::{
        ALL_VERIFICATION_ALGS, BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error, KeyUsage,
        RevocationOptionsBuilder, anchor_from_trusted_cert,
    };
    let (anchor, certificate) = (CertificateDer::from(anchor.der()), CertificateDer::from(certificate.der()));
    let anchors = [anchor_from_trusted_cert(&anchor).unwrap()];
    let list: CertRevocationList<'_> = BorrowedCertRevocationList::from_der(list).unwrap().into();
    let lists = [&list];
    let revocation = RevocationOptionsBuilder::new(&lists).unwrap().build();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.unsigned_abs()));
    let leaf = EndEntityCert::try_from(&certificate).unwrap();
    let usage = KeyUsage::server_auth();
    match leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &[], now, usage, Some(revocation), None) {
        Ok(_) => Some(true),
        Err(Error::CertRevoked) => Some(false),
        Err(Error::UnknownRevocationStatus) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_most_partitions_are_all_published() {
    on_both(async |world| {
        let root = world.root("Root").await;
        let started = tokio::time::Instant::now();
        world.enable_crl(&root, json!({"crl_name": "list", "partitions": 1024})).await;
        assert!(started.elapsed() < Duration::from_secs(20), "whoever asks is not kept waiting for all of them");
        world.publish().await;
        for partition in [1, 2, 512, 1024] {
            let list = world.list_at(&format!("/crl/crl/list/{partition}.crl")).await;
            assert!(list.point.unwrap().ends_with(&format!("/{partition}.crl")));
        }
        assert!(world.list(&root).await.entries.is_empty());
        assert_eq!(world.publish().await, 0);
    });
}
