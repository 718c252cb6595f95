"""What was seen of a wallet at its last check."""

from trading.models import WalletCheck


def newest_wallet_check(account: str) -> WalletCheck | None:
    """Return the last check of an account's wallet, None when it was never checked."""
    return WalletCheck.objects.filter(account=account).order_by("-at", "-id").first()
