//! Which tests a promise stands on.

/// A promise that tests show.
pub(super) struct Kept {
    pub(super) promise: &'static str,
    /// Parts of the names of tests.
    pub(super) tests: &'static [&'static str],
    /// What belongs to it and none of them tries.
    pub(super) not_covered: &'static [&'static str],
}

/// Those that tests show.
pub(super) const KEPT: &[Kept] = &[
    Kept {
        promise: "P6",
        tests: &[
            "db::migrate::tests::",
            "every_contract_works_with_every_released_version_of_it",
            "events_of_every_release_are_understood_and_keep_all_they_say",
            "checkouts_that_a_release_left_on_their_way_are_understood",
        ],
        not_covered: &["two releases side by side on one database: there has been one"],
    },
    Kept {
        promise: "P10",
        tests: &[
            "money::tests::",
            "pricing::tests::",
            "a_changed_price_is_shown_and_not_charged",
            "shipping_and_tax_are_the_shops_own",
            "the_books_agree_with_a_slice_of_the_retailers_file",
        ],
        not_covered: &["gross prices: there are net prices alone"],
    },
    Kept {
        promise: "P20",
        tests: &[
            "card::tests::",
            "the_number_of_a_card_is_refused_wherever_it_stands",
            "card_numbers_and_unsigned_messages_are_not_kept",
            "a_card_number_is_no_token",
            "a_reason_is_there_is_short_and_holds_no_card_number",
        ],
        not_covered: &["what staff write into the catalogue, where such digits are article numbers"],
    },
    Kept {
        promise: "P23",
        tests: &[
            "replicas_that_apply_one_by_one_do_not_undo_each_others_place",
            "what_one_replica_cannot_apply_and_another_can_is_applied_once",
            "what_cannot_be_applied_holds_up_nobody_else_and_waits_for_an_operator",
        ],
        not_covered: &[],
    },
    Kept {
        promise: "P24",
        tests: &[
            "webhook::tests::",
            "tests::reported::",
            "a_forged_webhook_changes_nothing",
            "a_webhook_is_kept_once_listed_and_applied_once_and_a_secret_made_once",
        ],
        not_covered: &["webhooks that the shop sends: it sends none"],
    },
    Kept {
        promise: "P27",
        tests: &[
            "an_unknown_address_and_a_wrong_password_look_the_same",
            "an_unknown_address_costs_what_a_wrong_password_costs",
            "a_taken_address_costs_what_a_free_one_costs",
            "a_disabled_account_is_told_so_by_whoever_knows_its_password_only",
            "a_password_is_checked_even_against_nothing",
        ],
        not_covered: &[
            "a comparison of ten thousand pairs of times: what is done is compared, not how long it takes",
        ],
    },
    Kept {
        promise: "P30",
        tests: &["a_modules_sql_names_only_its_own_tables", "what_is_put_into_a_query_stays_a_value"],
        not_covered: &["a server's own log of statements"],
    },
    Kept {
        promise: "P32",
        tests: &[
            "config::secret::tests::",
            "a_url_is_printed_without",
            "secrets_are_never_printed",
            "a_refusal_repeats_no_value",
            "a_refused_value_is_not_repeated",
            "a_password_is_never_printed",
            "a_malformed_secret_is_refused_and_none_is_printed",
            "the_inside_of_a_failure_stays_inside",
            "a_guests_token_is_told_again_and_kept_nowhere",
            "counted_by_route_and_by_call_and_names_nobody",
        ],
        not_covered: &["a search of everything that is written for what a whole suite has sent"],
    },
    Kept {
        promise: "P34",
        tests: &[
            "a_handler_that_panics_harms_nobody_else",
            "a_panic_leaves_the_server_standing",
            "a_mistake_in_one_member_harms_no_other",
        ],
        not_covered: &["a panic in every handler there is"],
    },
    Kept {
        promise: "P36",
        tests: &[
            "a_module_that_is_away_takes_only_its_own_routes_with_it",
            "an_order_is_shown_without_its_payment_when_that_is_away",
            "what_a_module_that_is_away_knows_is_null_and_told_of",
            "purchases_go_on_while_the_broker_is_away_or_has_forgotten_all",
            "many_that_are_stuck_hold_up_no_other_and_leave_the_sweep_its_rest",
            "a_module_that_stays_away_is_left_alone_after_a_while",
        ],
        not_covered: &["how much slower others get meanwhile (cargo xtask outage measures it)"],
    },
    Kept {
        promise: "P37",
        tests: &[
            "whoever_is_being_served_when_the_shop_is_told_to_end_is_answered",
            "payment_moves_out_and_back_while_customers_buy",
            "payment_moves_out_and_back_while_customers_come_at_a_fixed_rate",
        ],
        not_covered: &["an hour of restarts under load (prove crash ends some in good order)"],
    },
    Kept {
        promise: "P38",
        tests: &[
            "ids_of_a_clock_that_stands_still_sort_in_the_order_they_were_made",
            "a_lease_ends_only_when_every_order_before_its_end_was_heard",
            "whoever_drove_it_before_is_fenced_off",
            "five_minutes_either_way_are_tolerated",
            "a_token_is_good_for_its_time_and_a_little_leeway",
        ],
        not_covered: &["clocks that go backwards while a process runs (prove sim lets them jump ahead)"],
    },
    Kept {
        promise: "P39",
        tests: &[
            "gateway::versions::tests::",
            "a_client_of_an_older_version_goes_on_as_it_is",
            "calls::compatible::tests::",
        ],
        not_covered: &["a recording of what clients of each release sent: there has been one"],
    },
];
