"""Whether a session's journal is in a backup: one that is in none is not removed."""

from reports.models import BackupRun
from trading.selectors.watched import session_end


def not_backed_up(account: str, session_key: str) -> str:
    """Return why a journal has to stay, empty when a verified backup has all of it.

    A backup whose files were pruned since counts: while it was kept the journal could be had back,
    and retention alone decides how long that is.
    """
    ended_at = session_end(account, session_key)
    if ended_at is None:
        return "its session has not ended"
    verified = BackupRun.objects.filter(verified_at__isnull=False, started_at__gte=ended_at)
    return "" if verified.exists() else "no verified backup has it"
