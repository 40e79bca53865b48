//! What can be subscribed to.

use std::time::Duration;

use serde::Deserialize;

/// A kind of subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// 1 to 64 bytes; also a name that billing events may use.
    pub name: String,
    /// How long an admin's grant lasts that says nothing else.
    pub days: u32,
    /// What billing providers call it.
    #[serde(default)]
    pub products: Vec<String>,
}

/// The plans, and how long a late renewal is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BillingRules {
    pub plans: Vec<Plan>,
    /// How long a renewing subscription stays active after its end while no news of it comes.
    pub grace: Duration,
}

impl BillingRules {
    /// The plan with this name, for us or for a provider.
    pub fn plan(&self, called: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| {
            plan.name == called || plan.products.iter().any(|product| product == called)
        })
    }

    /// Every name that [`Self::plan`] knows.
    pub fn names(&self) -> Vec<&str> {
        self.plans
            .iter()
            .flat_map(|plan| std::iter::once(&plan.name).chain(&plan.products))
            .map(String::as_str)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_found_by_its_name_and_its_products() {
        let month = Plan {
            name: "monthly".to_owned(),
            days: 30,
            products: vec!["com.example.month".to_owned()],
        };
        let year = Plan {
            name: "yearly".to_owned(),
            days: 365,
            products: Vec::new(),
        };
        let rules = BillingRules {
            plans: vec![month.clone(), year.clone()],
            grace: Duration::ZERO,
        };
        assert_eq!(rules.names(), ["monthly", "com.example.month", "yearly"]);
        assert_eq!(rules.plan("com.example.month"), Some(&month));
        assert_eq!(rules.plan("yearly"), Some(&year));
        assert_eq!(rules.plan("Yearly"), None);
    }
}
