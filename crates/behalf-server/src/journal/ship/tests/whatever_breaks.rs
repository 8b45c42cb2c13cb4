//! Any order of writing, shipping, breaking and starting again.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Deed {
    Log(usize),
    Step(Option<Fault>),
    Restart,
    Away(bool),
    NextDay,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let fault = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Fault::Lost)),
        1 => Just(Some(Fault::Unanswered)),
    ];
    let deed = prop_oneof![
        4 => (1..4_usize).prop_map(Deed::Log),
        6 => fault.prop_map(Deed::Step),
        1 => Just(Deed::Restart),
        1 => any::<bool>().prop_map(Deed::Away),
        1 => Just(Deed::NextDay),
    ];
    proptest::collection::vec(deed, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A crash between shipping and being told so, however often and wherever: the fake database
    /// itself refuses rows that come twice or out of order.
    #[test]
    fn whatever_breaks_every_row_goes_once_and_in_order(deeds in deeds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut node = Node::new(&Arc::default(), 1);
            let mut events = Vec::new();
            let mut shipper = node.shipper();
            for deed in deeds {
                match deed {
                    Deed::Log(count) => events.extend(node.log(count).await),
                    Deed::Step(fault) => {
                        node.shared.break_next([fault]);
                        drop(shipper.step().await);
                    }
                    Deed::Restart => {
                        node.start();
                        shipper = node.shipper();
                    }
                    Deed::Away(away) => node.shared.set_away(away),
                    Deed::NextDay => node.world.clock.advance(DAY),
                }
            }
            node.shared.set_away(false);
            while !matches!(shipper.step().await, Ok(Step::Idle)) {}
            assert_eq!(node.shipped(), ids(&events));
        });
    }
}
