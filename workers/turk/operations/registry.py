"""Every operation that this marketplace answers, by its name in the service model."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from workers.turk.operations import assignments, files, hit_types, hits, notifications, payments, reviews, workers
from workers.turk.operations.call import Call

Operation = Callable[[Call, dict[str, Any]], Awaitable[dict[str, Any]]]

OPERATIONS: Mapping[str, Operation] = {
    "ApproveAssignment": assignments.approve_assignment,
    "CreateAdditionalAssignmentsForHIT": hits.create_additional_assignments,
    "CreateHIT": hits.create_hit,
    "CreateHITType": hit_types.create_hit_type,
    "CreateHITWithHITType": hits.create_hit_with_hit_type,
    "CreateWorkerBlock": workers.create_worker_block,
    "DeleteHIT": hits.delete_hit,
    "DeleteWorkerBlock": workers.delete_worker_block,
    "GetAccountBalance": payments.get_account_balance,
    "GetAssignment": assignments.get_assignment,
    "GetFileUploadURL": files.get_file_upload_url,
    "GetHIT": hits.get_hit,
    "ListAssignmentsForHIT": assignments.list_assignments,
    "ListBonusPayments": payments.list_bonus_payments,
    "ListHITs": hits.list_hits,
    "ListReviewPolicyResultsForHIT": reviews.list_review_policy_results,
    "ListReviewableHITs": hits.list_reviewable_hits,
    "ListWorkerBlocks": workers.list_worker_blocks,
    "NotifyWorkers": workers.notify_workers,
    "RejectAssignment": assignments.reject_assignment,
    "SendBonus": payments.send_bonus,
    "SendTestEventNotification": notifications.send_test_event_notification,
    "UpdateExpirationForHIT": hits.update_expiration,
    "UpdateHITReviewStatus": hits.update_review_status,
    "UpdateHITTypeOfHIT": hits.update_hit_type,
    "UpdateNotificationSettings": notifications.update_notification_settings,
}
