"""Which tests show that each threat is met, in one place; a test that is renamed or removed is missed here.

The threats are those of the product's class: things that really happened to others. What has no part in the product
yet has no line here; it gets one with the part.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent

SHOWN = {
    "template escape": [
        "templates_app/test_rendering.py::test_python_objects_are_out_of_reach",
        "templates_app/test_rendering.py::test_what_is_missing_for_a_person_can_be_asked",
    ],
    "template bomb": [
        "templates_app/test_rendering.py::test_too_much_work_and_bad_work_end_in_a_render_error",
        "templates_app/test_rendering.py::test_loops_in_a_row_share_one_allowance",
        "templates_app/test_compiling.py::test_a_bomb_costs_little_and_leaves_the_worker_alive",
        "templates_app/test_compiling.py::test_a_bomb_is_refused",
        "templates_app/test_compiling.py::test_the_process_gets_no_environment_of_ours",
    ],
    "open redirect": [
        "config/test_public_pages.py::test_no_page_leads_where_its_address_says",
        "delivery/test_tracking.py::test_tampered_tokens_lead_nowhere_and_leave_nothing",
        "delivery/test_pages.py::test_the_way_back_never_leads_elsewhere",
        "templates_app/test_compiling.py::test_a_link_that_must_not_be_sent_is_refused_with_a_sentence",
        "templates_app/test_rendering.py::test_a_link_that_data_turns_bad_is_refused",
        "templates_app/test_rendering.py::test_line_breaks_in_a_personal_link_are_made_harmless",
    ],
    "token forgery": [
        "config/test_public_pages.py::test_every_page_with_a_token_is_looked_at_here",
        "config/test_public_pages.py::test_a_token_made_for_something_else_opens_nothing",
        "config/test_public_pages.py::test_no_changed_letter_of_a_token_is_taken",
        "core/test_tokens.py::test_a_flipped_bit_is_refused",
        "core/test_tokens.py::test_a_truncated_token_is_refused",
        "core/test_tokens.py::test_a_click_token_unsubscribes_nobody",
        "core/test_tokens.py::test_old_links_work_after_a_key_was_rotated_and_end_when_it_is_removed",
    ],
    "link scanners": [
        "config/test_public_pages.py::test_ten_looks_of_a_link_scanner_leave_the_state",
        "config/test_public_pages.py::test_other_methods_change_nothing_either",
        "contacts/test_preference_pages.py::test_looking_never_changes_anything",
        "delivery/test_tracking.py::test_looking_at_the_unsubscribe_page_never_unsubscribes",
        "delivery/test_tracking.py::test_a_scanner_s_click_is_kept_but_not_counted",
    ],
    "header injection": [
        "delivery/test_mime.py::test_a_line_break_never_reaches_a_header",
        "delivery/test_mime.py::test_an_address_that_could_end_early_is_refused",
        "templates_app/test_rendering.py::test_a_subject_is_always_one_line",
    ],
    "stored XSS": [
        "browser/test_hostile_person.py::test_no_page_of_the_console_runs_a_script_that_a_person_is_called",
        "browser/test_hostile_person.py::test_nor_do_the_public_pages",
        "browser/test_pages.py::test_every_page_opens_at_both_widths_and_runs_no_script_out_of_data",
        "config/test_site.py::test_only_the_console_may_evaluate_scripts_and_nothing_runs_inline",
        "delivery/test_pages.py::test_the_body_of_a_mail_may_run_no_script_and_load_no_code",
        "contacts/test_handing_over.py::test_the_file_has_one_part_for_each_kind_of_thing_that_is_held",
    ],
    "formula injection, zip and xlsx bombs, XXE": [
        "core/test_tabular.py::test_a_formula_becomes_text",
        "core/test_tabular.py::test_no_text_comes_out_as_a_formula",
        "contacts/test_hostile_files.py::test_a_gzip_bomb_is_refused",
        "contacts/test_hostile_files.py::test_a_spreadsheet_that_unpacks_to_gigabytes_is_refused_at_once",
        "contacts/test_hostile_files.py::test_a_sheet_of_sixteen_thousand_columns_is_refused",
        "contacts/test_hostile_files.py::test_a_cell_in_the_last_of_a_million_rows_costs_no_time",
        "contacts/test_hostile_files.py::test_entities_in_a_spreadsheet_are_refused",
        "contacts/test_hostile_files.py::test_any_bytes_are_a_table_or_refused",
    ],
    "path traversal in imports": [
        "contacts/test_hostile_files.py::test_a_file_name_is_shown_and_never_a_path",
        "config/test_api_matrix.py::test_what_is_not_there_is_not_found_whoever_asks",
    ],
    "ReDoS": [
        "segments/test_patterns.py::test_a_hundred_thousand_people_are_asked_or_it_is_refused",
        "segments/test_rules.py::test_a_pattern_that_runs_for_ever_elsewhere_is_bounded",
    ],
    "SQL injection, ORM leaks": [
        "segments/test_rules.py::test_a_hostile_field_name_is_refused_before_there_is_any_sql",
        "segments/test_rules.py::test_a_hostile_operator_is_refused",
        "segments/test_rules.py::test_a_hostile_value_is_a_value_and_finds_whoever_has_it",
        "segments/test_rules.py::test_the_compiled_question_holds_no_value_in_its_text",
        "segments/test_rules.py::test_whatever_comes_in_is_either_refused_or_runs",
        "segments/test_rules.py::test_ten_thousand_levels_are_refused_at_once",
        "segments/test_mongo.py::test_whatever_comes_in_is_either_refused_or_runs",
        "contacts/test_hostile_files.py::test_sql_in_headers_values_and_tags_stays_text",
        "events/test_tracking_hostile.py::test_traits_reach_no_column_but_those_meant_for_them",
        "config/test_admin_lookups.py::test_no_list_takes_a_lookup_from_its_address",
        "config/test_admin_lookups.py::test_a_secret_can_t_be_guessed_letter_by_letter",
        "config/test_admin_lookups.py::test_a_filter_that_the_api_does_not_have_finds_nobody_out",
        "config/test_admin_lookups.py::test_an_order_is_one_that_the_list_offers",
    ],
    "IDOR, mass assignment": [
        "config/test_api_matrix.py::test_outsiders_get_nothing_from_any_operation",
        "config/test_api_matrix.py::test_a_key_that_may_only_read_changes_nothing",
        "config/test_api_matrix.py::test_an_approver_changes_no_contact_segment_or_template",
        "config/test_api_matrix.py::test_no_body_sets_what_is_not_offered",
        "team/test_settings.py::test_nobody_posts_more_about_themselves_than_the_form_shows",
    ],
    "API keys": [
        "team/test_apikeys.py::test_only_a_hash_of_the_key_is_stored",
        "team/test_apikeys.py::test_a_key_allows_nothing_that_its_owner_may_not",
        "team/test_apikeys.py::test_a_rotated_key_works_beside_the_old_one_for_a_day",
    ],
    "throttling": [
        "team/test_auth.py::test_a_parallel_burst_gets_no_more_attempts_than_a_patient_one",
        "team/test_apikeys.py::test_a_parallel_burst_gets_no_more_than_the_limit",
        "team/test_apikeys.py::test_wrong_keys_are_counted_by_address_and_right_ones_come_in_all_the_same",
    ],
    "deserialization": [
        "config/test_broker.py::test_a_pickled_message_is_refused_and_does_nothing",
        "config/test_broker.py::test_workers_take_and_send_json_alone",
    ],
    "erasure and export": [
        "config/test_personal_data.py::test_every_model_is_answered_for",
        "config/test_personal_data.py::test_a_new_model_that_nobody_registered_is_found",
        "config/test_erasure.py::test_a_word_that_stands_in_everything_about_somebody_is_nowhere_once_they_are_erased",
        "config/test_erasure.py::test_the_export_of_somebody_has_each_kind_of_thing_that_is_held",
        "contacts/test_forgetting.py::test_the_rest_of_an_import_does_not_bring_them_back",
        "contacts/test_forgetting.py::test_nor_does_a_file_that_has_to_be_read_again_after_a_crash",
    ],
    "audit": [
        "contacts/test_handing_over.py::test_each_way_out_leaves_a_line_that_says_who_took_what",
        "contacts/test_handing_over.py::test_the_trail_can_be_neither_changed_nor_deleted",
        "contacts/test_consent.py::test_the_ledger_is_neither_deleted_from_nor_dated_anew",
    ],
}


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("threat", "test"), [(threat, test) for threat, tests in SHOWN.items() for test in tests])
def test_what_shows_it_is_there(threat: str, test: str) -> None:
    path, _, name = test.partition("::")
    assert (ROOT / path).exists(), f"{threat}: {path} is gone"
    assert name in names_in(path), f"{threat}: nothing called {name} in {path}"
