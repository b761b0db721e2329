//! Finds the API's address in Keystone's catalogue.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::freezer::access::Interface;
use crate::freezer::error::ApiError;
use crate::freezer::http::said::{clean, without};
use crate::freezer::secret::Secret;

/// The service type the Freezer API is registered under.
const TYPE: &str = "backup";
/// The name it is registered under, by its documents.
const NAME: &str = "freezer";

/// One service of the catalogue.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Service {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    endpoints: Vec<Entry>,
}

/// One address of a service.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    #[serde(default)]
    interface: String,
    #[serde(default)]
    region_id: Option<String>,
    #[serde(default)]
    region: Option<String>,
    url: String,
}

impl Entry {
    fn region(&self) -> Option<&str> {
        self.region_id.as_deref().or(self.region.as_deref())
    }
}

/// The one address of the API with this interface in this region. `secret`: what no error may repeat.
pub(super) fn find<'a>(
    catalog: &'a [Service],
    interface: Interface,
    region: Option<&str>,
    secret: &Secret,
) -> Result<&'a str, ApiError> {
    let list = |texts: &mut dyn Iterator<Item = String>| list(texts, secret);
    let missing = |message| ApiError::Catalog { message };
    let named = |service: &Service| {
        service
            .name
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    };
    let typed = |service: &Service| service.kind == TYPE;
    // Another product may be registered with the same type beside it, so the pair of both comes first.
    let services: Vec<&Service> = [
        &(|service: &Service| typed(service) && named(service)) as &dyn Fn(&Service) -> bool,
        &typed,
        &named,
    ]
    .iter()
    .map(|wanted| catalog.iter().filter(|service| wanted(service)).collect::<Vec<_>>())
    .find(|found| !found.is_empty())
    .ok_or_else(|| {
        let kinds = list(&mut catalog.iter().map(|service| service.kind.clone()));
        missing(format!(
            "no service of type {TYPE:?} or name {NAME:?} is registered (there are: {kinds}); register it, or set backup_url"
        ))
    })?;
    let entries = || services.iter().flat_map(|service| &service.endpoints);
    let reached: Vec<&Entry> = entries()
        .filter(|entry| entry.interface.parse() == Ok(interface))
        .filter(|entry| region.is_none_or(|region| entry.region() == Some(region)))
        .collect();
    let regions = || {
        let regions = reached.iter().map(|entry| entry.region().unwrap_or("none"));
        list(&mut regions.map(str::to_owned))
    };
    let Some(first) = reached.first() else {
        let wanted = match region {
            Some(region) => format!("{} endpoint in region {region:?}", interface.as_str()),
            None => format!("{} endpoint", interface.as_str()),
        };
        let there = list(&mut entries().map(|entry| match entry.region() {
            Some(region) => format!("{} in {region}", entry.interface),
            None => entry.interface.clone(),
        }));
        return Err(missing(format!(
            "the backup service has no {wanted} (it has: {there}); set interface or region, or set backup_url"
        )));
    };
    if reached.iter().any(|entry| entry.region() != first.region()) {
        return Err(missing(format!(
            "the backup service is in several regions ({}); set region (OS_REGION_NAME) to one of them",
            regions()
        )));
    }
    if reached.iter().any(|entry| entry.url != first.url) {
        let addresses = list(&mut reached.iter().map(|entry| entry.url.clone()));
        return Err(missing(format!(
            "the backup service has several {} endpoints ({addresses}); remove all but one, or set backup_url",
            interface.as_str()
        )));
    }
    Ok(&first.url)
}

/// The different texts, in order, cleaned; `none` when there are none.
fn list(texts: &mut dyn Iterator<Item = String>, secret: &Secret) -> String {
    let texts: BTreeSet<String> = texts.map(|text| without(text, &[secret])).collect();
    if texts.is_empty() {
        return String::from("none");
    }
    clean(&texts.into_iter().collect::<Vec<_>>().join(", "), 400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn catalog() -> serde_json::Value {
        json!([
            {"type": "identity", "name": "keystone", "endpoints": [{"interface": "public", "url": "http://ks"}]},
            {"type": "backup", "name": "freezer", "endpoints": [
                {"interface": "public", "region_id": "east", "region": "east", "url": "http://east"},
                {"interface": "public", "region": "west", "url": "http://west"},
                {"interface": "internal", "region_id": "east", "url": "http://inner"},
                {"interface": "internal", "region_id": "east", "url": "http://inner"},
            ]},
        ])
    }

    fn found(
        catalog: serde_json::Value,
        interface: Interface,
        region: Option<&str>,
    ) -> Result<String, String> {
        let services: Vec<Service> = serde_json::from_value(catalog).unwrap();
        find(&services, interface, region, &Secret::new("s3cr3t"))
            .map(str::to_owned)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn by_interface_and_region() {
        assert_eq!(
            found(catalog(), Interface::Public, Some("west")).unwrap(),
            "http://west"
        );
        assert_eq!(
            found(catalog(), Interface::Public, Some("east")).unwrap(),
            "http://east"
        );
        assert_eq!(
            found(catalog(), Interface::Internal, None).unwrap(),
            "http://inner"
        );
    }

    #[test]
    fn what_is_missing_is_named_with_what_is_there() {
        insta::assert_snapshot!(found(json!([{"type": "identity"}, {"type": "volumev3"}]), Interface::Public, None).unwrap_err(),
            @r#"Keystone's catalogue: no service of type "backup" or name "freezer" is registered (there are: identity, volumev3); register it, or set backup_url"#);
        insta::assert_snapshot!(found(json!([]), Interface::Public, None).unwrap_err(),
            @r#"Keystone's catalogue: no service of type "backup" or name "freezer" is registered (there are: none); register it, or set backup_url"#);
        insta::assert_snapshot!(found(catalog(), Interface::Admin, None).unwrap_err(),
            @"Keystone's catalogue: the backup service has no admin endpoint (it has: internal in east, public in east, public in west); set interface or region, or set backup_url");
        insta::assert_snapshot!(found(catalog(), Interface::Public, Some("north")).unwrap_err(),
            @r#"Keystone's catalogue: the backup service has no public endpoint in region "north" (it has: internal in east, public in east, public in west); set interface or region, or set backup_url"#);
    }

    #[test]
    fn our_own_secret_in_it_is_not_told() {
        let said = found(
            json!([{"type": format!("{}s3cr3t", "x".repeat(395))}]),
            Interface::Public,
            None,
        );
        assert!(said.clone().unwrap_err().contains("x(sec"), "{said:?}");
    }

    #[test]
    fn what_is_ambiguous_is_not_guessed() {
        insta::assert_snapshot!(found(catalog(), Interface::Public, None).unwrap_err(),
            @"Keystone's catalogue: the backup service is in several regions (east, west); set region (OS_REGION_NAME) to one of them");
        let twice = json!([{"type": "backup", "endpoints": [
            {"interface": "public", "url": "http://a"}, {"interface": "public", "url": "http://b"}]}]);
        insta::assert_snapshot!(found(twice, Interface::Public, None).unwrap_err(),
            @"Keystone's catalogue: the backup service has several public endpoints (http://a, http://b); remove all but one, or set backup_url");
    }

    #[test]
    fn by_name_when_the_type_is_another_and_by_both_when_types_collide() {
        let entry = |url: &str| json!([{"interface": "public", "url": url}]);
        let renamed = json!([{"type": "backup-v2", "name": "Freezer", "endpoints": entry("http://named")}]);
        assert_eq!(found(renamed, Interface::Public, None).unwrap(), "http://named");
        let collides = json!([
            {"type": "backup", "name": "other", "endpoints": entry("http://other")},
            {"type": "backup", "name": "freezer", "endpoints": entry("http://freezer")},
        ]);
        assert_eq!(
            found(collides, Interface::Public, None).unwrap(),
            "http://freezer"
        );
    }
}
