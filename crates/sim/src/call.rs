//! The calls: their paths, parameters and answers. Paths and parameters are those of the vendor's SDK 1.0.1 and API pages, except
//! the parameters of `orderStatus`; the shapes of `data` are invented.

use crate::answer::{Answer, Refusal};
use crate::fields::Fields;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    RefreshUsage,
    Get,
    List,
    PackageList,
    PackageRecords,
    CancelSession,
    Unlock,
    Purchase,
    OrderStatus,
    Balance,
    CardNumbers,
    Traffic,
}

/// All calls, with their paths below `/api/v3/`.
static CALLS: [(&str, Call); 12] = [
    ("cloudesim/refreshUsage", Call::RefreshUsage),
    ("cloudesim/get", Call::Get),
    ("cloudesim/list", Call::List),
    ("cloudesim/pkg/list", Call::PackageList),
    ("cloudesim/pkg/record/list", Call::PackageRecords),
    ("cloudesim/cancelSession", Call::CancelSession),
    ("cloudesim/unlock", Call::Unlock),
    ("cloudesim/purchase", Call::Purchase),
    ("cloudesim/orderStatus", Call::OrderStatus),
    ("agent/balance", Call::Balance),
    ("outputApi/queryCardNumber", Call::CardNumbers),
    ("cdr/traffic/query", Call::Traffic),
];

impl Call {
    /// The call at a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/api/v3/")?;
        CALLS.iter().find(|(known, _)| *known == path).map(|(_, call)| *call)
    }

    /// Whether the call concerns one card, by its EID.
    pub(crate) fn has_eid(self) -> bool {
        match self {
            Self::RefreshUsage
            | Self::Get
            | Self::PackageList
            | Self::PackageRecords
            | Self::CancelSession
            | Self::Unlock
            | Self::Purchase => true,
            Self::List | Self::OrderStatus | Self::Balance | Self::CardNumbers | Self::Traffic => false,
        }
    }

    /// Checks the required parameters other than the EID.
    pub(crate) fn check(self, fields: &Fields) -> Result<(), Answer> {
        let required: &[&str] = match self {
            Self::List => &["pageNum", "pageSize"],
            Self::Purchase => &["outTradeNo", "packageCode"],
            // The others require nothing more, or their requirements are not known for certain.
            _ => &[],
        };
        match required.iter().find(|name| fields.signed(&[]).iter().all(|(given, _)| given != *name)) {
            Some(missing) => Err(Refusal::BadField.because(format!("{missing} is missing"))),
            None => Ok(()),
        }
    }

    /// The `data` of the answer. `orders` counts how often each order was placed, and `placed` all of them.
    pub(crate) fn data(
        self,
        eid: &str,
        fields: &Fields,
        orders: &BTreeMap<String, u64>,
        placed: u64,
    ) -> Option<Value> {
        let package = json!({ "packageCode": "sim-1gb", "name": "1 GB, 30 天", "usedMb": 0 });
        match self {
            Self::RefreshUsage | Self::CancelSession | Self::Unlock => None,
            Self::Get => Some(json!({ "eid": eid, "cardStatus": "active" })),
            Self::List | Self::Traffic => Some(json!({ "total": 0, "list": [] })),
            Self::PackageList => Some(json!({ "eid": eid, "list": [package] })),
            Self::PackageRecords => Some(json!({ "eid": eid, "total": 0, "list": [] })),
            Self::Purchase => Some(json!({ "eid": eid, "orderId": format!("sim-{placed}") })),
            Self::OrderStatus => {
                let number = fields.text("outTradeNo").unwrap_or_default();
                let status = if orders.contains_key(&number) { "placed" } else { "unknown" };
                Some(json!({ "outTradeNo": number, "orderStatus": status }))
            }
            Self::Balance => Some(json!({ "balance": "0.00" })),
            Self::CardNumbers => Some(json!({ "cardNumber": 0 })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_is_found_by_its_whole_path() {
        assert_eq!(Call::at("/api/v3/cloudesim/refreshUsage"), Some(Call::RefreshUsage));
        assert_eq!(Call::at("/api/v3/agent/balance"), Some(Call::Balance));
        for path in [
            "/api/v3/",
            "/api/v3/balance",
            "/api/v3/cloudesim/balance",
            "agent/balance",
            "/api/v3/agent/balance/",
        ] {
            assert_eq!(Call::at(path), None, "{path}");
        }
    }

    #[test]
    fn order_status_reports_whether_the_order_was_placed() {
        let orders = BTreeMap::from([("1".to_owned(), 1)]);
        for (number, status) in [("1", "placed"), ("2", "unknown")] {
            let body = json!({ "outTradeNo": number });
            let fields = Fields::read(body.to_string().as_bytes()).expect("an object");
            let data = Call::OrderStatus.data("", &fields, &orders, 1).expect("data");
            assert_eq!(data, json!({ "outTradeNo": number, "orderStatus": status }));
        }
    }

    #[test]
    fn call_table_of_the_readme_is_complete() {
        let readme = include_str!("../README.md");
        for (path, _) in &CALLS {
            assert!(readme.contains(&format!("`{path}`")), "{path}");
        }
    }
}
