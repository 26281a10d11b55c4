"""What somebody did, in words: one line for each kind of act that the audit log knows."""

from collections.abc import Mapping
from typing import Any

WORDS: Mapping[str, str] = {
    "accounts.sign_in": "signed in as {name}",
    "accounts.sign_in_elsewhere": "signed in as {name} with an account at {issuer}",
    "accounts.change_password": "changed the own password",
    "accounts.sign_out_elsewhere": "signed out everywhere else",
    "accounts.make_token": "made the API token “{name}” for {days} days",
    "accounts.create_token": "made the API token “{name}” for {days} days",
    "accounts.revoke_token": "revoked the API token “{name}”",
    "accounts.delete_token": "revoked the API token “{name}”",
    "users.add_user": "added the user {name} as {role}",
    "users.change_role": "made {name} {role}",
    "users.disable_user": "disabled the user {name}",
    "users.enable_user": "enabled the user {name} again",
    "users.new_password": "gave {name} a new password",
    "users.end_everything": "ended the sign-ins and API tokens of {name}",
    "accounts.create_user": "added the user {name} as {role}",
    "accounts.change_user": "changed the user {name}",
    "category_settings.create_category": "created the category {slug}",
    "category_settings.change_policy": "changed the policy of {slug}",
    "category_settings.change_texts": "changed the question or the instructions of {slug}",
    "category_settings.change_teaching": "changed the {kind} of {slug}",
    "category_settings.clone_category": "made the category {new} like {slug}",
    "category_settings.pause_category": "paused the category {slug}",
    "category_settings.resume_category": "resumed the category {slug}",
    "category_settings.archive_category": "archived the category {slug}",
    "category_settings.unarchive_category": "fetched the category {slug} back from the archive",
    "categories.create_category": "created the category {slug}",
    "categories.describe_category": "changed what annotators of {slug} read",
    "categories.put_policy": "changed the policy of {slug}",
    "categories.clone_category": "made a category like {slug}",
    "categories.pause_category": "paused the category {slug}",
    "categories.resume_category": "resumed the category {slug}",
    "categories.archive_category": "archived the category {slug}",
    "categories.unarchive_category": "fetched the category {slug} back from the archive",
    "categories.gold": "answered images of {slug} as an expert",
    "market.reconcile": "compared the ledger of {category} with the market and mended both",
    "scrapes.start": "started a search for images for {slug} at {source}",
    "scrapes.start_scrape": "started a search for images for {slug} at {source}",
    "scrapes.stop": "stopped the search {name} of {slug}",
    "scrapes.stop_scrape": "stopped the search {name} of {slug}",
    "scrapes.go_on": "went on with the search {name} of {slug}",
    "scrapes.go_on_with_scrape": "went on with the search {name} of {slug}",
    "scrapes.again": "asked for failed images of {name} in {slug} again",
    "scrapes.intake": "changed what {slug} lets in",
    "workers.approve_form": "decided to pay the submission {submission}",
    "workers.approve_submission": "decided to pay the submission {submission}",
    "workers.refuse_form": "refused to pay the submission {submission}: {reason}",
    "workers.refuse_submission": "refused to pay the submission {submission}: {reason}",
    "workers.bonus_form": "gave a bonus for the submission {submission}: {reason}",
    "workers.pay_bonus": "gave a bonus for the submission {submission}: {reason}",
    "workers.block_form": "blocked the worker {worker}: {reason}",
    "workers.block_worker": "blocked the worker {worker}: {reason}",
    "workers.unblock_form": "unblocked the worker {worker}",
    "workers.unblock_worker": "unblocked the worker {worker}",
    "workers.invite_form": "wrote to the worker {worker}: {subject}",
    "workers.invite_worker": "wrote to the worker {worker}: {subject}",
    "workers.stop_form": "asked the worker {worker} no more in {category}",
    "workers.ask_again_form": "asked the worker {worker} again in {category}",
    "workers.decide_flag_form": "decided about the flag {flag}: {decision}",
    "workers.confirm_flag": "confirmed the flag {flag}: {note}",
    "workers.dismiss_flag": "dismissed the flag {flag}: {note}",
    "workers.answer_appeal_form": "answered the appeal about {submission}: {decision}, {words}",
    "workers.answer_appeal": "answered the appeal about {submission}: {words}",
    "appeals.send_appeal": "appealed against the refusal of {submission}",
    "stories.take_down_image": "took the image {image} down: {why}",
    "pool.act_by_hand": "chose images of {slug} by hand: {act}",
    "pool.undo_by_hand": "took back an act by hand in {slug}",
    "pool.undo_hand_act": "took back an act by hand in {slug}",
    "pool.mark_gold": "marked images of {slug} as gold",
    "pool.exclude_images": "excluded images of {slug}",
    "pool.bring_images_back": "brought excluded images of {slug} back",
    "task_sets.save_task_set": "saved the task set “{name}” in {slug}",
    "task_sets.make_task_set": "saved the task set “{name}” in {slug}",
    "task_sets.rename_task_set": "called the task set {number} of {slug} “{name}”",
    "task_sets.remove_from_task_set": "removed images from the task set {number} of {slug}",
    "task_sets.remove_from_draft": "removed images from the task set {number} of {slug}",
    "task_sets.arrange_task_set": "arranged the task set {number} of {slug} into tasks of {slots}",
    "task_sets.arrange_draft": "arranged the task set {number} of {slug} into tasks of {slots}",
    "task_sets.take_task_set_apart": "took the tasks of the task set {number} of {slug} apart",
    "task_sets.take_arranged_apart": "took the tasks of the task set {number} of {slug} apart",
    "task_sets.post_task_set": "posted the task set {number} of {slug}",
    "task_sets.post_arranged": "posted the task set {number} of {slug}",
    "task_sets.cancel_task_set": "gave the task set {number} of {slug} up",
    "task_sets.give_task_set_up": "gave the task set {number} of {slug} up",
    "task_sets.take_up_task_set": "took the task set {number} of {slug} up again",
    "task_sets.take_task_set_up": "took the task set {number} of {slug} up again",
    "monitor.retry": "had the job {job} tried again",
    "monitor.retry_job": "had the job {job} tried again",
    "money.pay_owed": "had the bonuses paid that {slug} owes",
    "money.pay_owed_bonuses": "had the bonuses paid that {slug} owes",
    "datasets.make_dataset_by_form": "froze a version of the dataset of {slug}",
    "datasets.make_dataset": "froze a version of the dataset of {slug}",
    "datasets.bring_labels_by_form": "looked at a label file for {slug}",
    "datasets.save_labels_by_form": "saved the labels of a file in {slug} as {as}",
    "datasets.import_labels": "brought labels for {slug}",
    "category.teach": "named in {file} what teaches annotators of {slug}",
    "takedown": "took images down: {why}",
    "import": "imported images of {path} into {category}",
}
"""By act: the file of the route and its function. Braces name facts of the entry."""


class _Facts(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "…"


def said(act: str, about: Mapping[str, Any]) -> str:
    """What was done; an act without words of its own says its name."""
    if act in WORDS:
        return WORDS[act].format_map(_Facts({name: "…" if value == "" else value for name, value in about.items()}))
    where = about.get("slug") or about.get("category")
    words = act.rpartition(".")[2].replace("_", " ")
    return f"did “{words}”" + (f" in {where}" if where else "")


def alike(act: str) -> list[str]:
    """The acts that are said in the same words: one from a page and one from a program are the same."""
    return [other for other, words in WORDS.items() if words == WORDS.get(act)] or [act]


TITLES: tuple[tuple[str, str], ...] = tuple(
    (act, said(act, {})) for act, words in sorted(WORDS.items(), key=lambda pair: pair[1]) if act == alike(act)[0]
)
"""Acts to choose from, each with its words; of those that are alike the first."""
