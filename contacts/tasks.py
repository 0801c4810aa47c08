"""Work in the background: imports, merging by rule. A task only wakes up and looks; rows say what there is to do."""

from celery import shared_task
from django.db import transaction

from contacts import duplicates, erasure
from contacts.importing import jobs
from contacts.models import BulkMerge, ImportJob

MERGE_SECONDS = 60


def wake(job_id: int) -> None:
    """Have a worker look at the job once what was just decided about it is committed."""
    transaction.on_commit(lambda: run_import.delay(job_id))


@shared_task(name="contacts.tasks.run_import")
def run_import(job_id: int) -> None:
    """Work on the import for a minute, then hand the rest on, so that no task runs long."""
    job = ImportJob.objects.filter(pk=job_id).first()
    if job is not None and jobs.work(job):
        run_import.delay(job_id)


@shared_task(name="contacts.tasks.resume_imports")
def resume_imports() -> None:
    """Find imports whose worker died or whose wake-up was lost, and what nobody needs any more."""
    for job_id in jobs.stalled():
        run_import.delay(job_id)
    jobs.forget_old()


@shared_task(name="contacts.tasks.forget_erased")
def forget_erased() -> None:
    """Look through files, and what was under way, for those who were erased."""
    erasure.look_again()


def wake_merging() -> None:
    transaction.on_commit(merge_duplicates.delay)


@shared_task(name="contacts.tasks.merge_duplicates")
def merge_duplicates() -> None:
    """Work on what people asked to be merged for a while; what is left is found again by the next tick."""
    for asked in BulkMerge.objects.filter(finished_at=None).order_by("pk"):
        if duplicates.work(asked, seconds=MERGE_SECONDS):
            merge_duplicates.delay()
