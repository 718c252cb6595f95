"""The money side of the set desk: books every movement, keeps the day's result, halts on
nonsense.
"""

from collections.abc import Callable

from trading.engine.accounts import Books, BooksError
from trading.engine.codes import Account
from trading.engine.commands import Command, RecordFact
from trading.engine.events import CapitalChanged, StateRestored
from trading.engine.facts import LedgerBooked

DAY_NS = 86_400 * 1_000_000_000


class Treasury:
    """The ledger of one engine. What cannot be booked stops trading: the books would lie."""

    def __init__(
        self,
        *,
        session_key: str,
        paper: bool,
        emit: Callable[[Command], None],
        stop: Callable[[str, str, int], None],
    ) -> None:
        self.books = Books(paper=paper)
        self.realised_micro = 0  # in this session
        self.realised_today_micro = 0
        self.reported_cash_micro: int | None = None  # what the venue says
        self._session_key = session_key
        self._paper = paper
        self._emit = emit
        self._stop = stop
        self._day = -1
        self._capital_references: set[str] = set()

    @property
    def cash_micro(self) -> int | None:
        """Spendable dollars: paper's own ledger; live the lower of ledger and venue, or unknown."""
        own_micro = self.books.balance(Account.CASH)
        if self._paper:
            return own_micro
        if self.reported_cash_micro is None:
            return None
        return min(self.reported_cash_micro, own_micro)

    def roll_day(self, now_ns: int) -> None:
        """A new UTC day starts with nothing realised."""
        day = now_ns // DAY_NS
        if day > self._day:
            if self._day >= 0:
                self.realised_today_micro = 0
            self._day = day

    def restore(self, restored: StateRestored, day: int, now_ns: int) -> None:
        """Carry on from the balances of an earlier session, or open with paper capital."""
        try:
            self.books = Books.from_balances(restored.balances, paper=self._paper)
        except BooksError as error:
            self._stop("LEDGER_CONTRADICTION", str(error), now_ns)
            return
        self.roll_day(now_ns)
        self._capital_references |= set(restored.capital_references)
        if day == self._day:
            self.realised_today_micro = restored.realised_today_micro
        if not restored.balances and restored.capital_micro:
            self._keep(
                self.books.open_capital(
                    restored.capital_micro, at_ns=now_ns, reference=self._session_key
                ),
                now_ns,
            )
        elif (freed := self.books.release_restored(at_ns=now_ns)) is not None:
            self._keep(freed, now_ns)

    def on_capital(self, change: CapitalChanged, now_ns: int) -> None:
        """Money came in or went out from outside. Told again by the same reference: nothing."""
        if change.reference in self._capital_references or not change.amount_micro:
            return
        self._capital_references.add(change.reference)
        self._keep(
            self.books.open_capital(change.amount_micro, at_ns=now_ns, reference=change.reference),
            now_ns,
        )

    def book(self, entry: Callable[[Books], LedgerBooked | None], now_ns: int) -> int:
        """Book one entry and return what it realised; an impossible one halts and books nothing."""
        try:
            booked = entry(self.books)
        except BooksError as error:
            self._stop("LEDGER_CONTRADICTION", str(error), now_ns)
            return 0
        if booked is None:
            return 0
        self._keep(booked, now_ns)
        return booked.realised_micro

    def _keep(self, booked: LedgerBooked, now_ns: int) -> None:
        self.roll_day(now_ns)
        self.realised_micro += booked.realised_micro
        self.realised_today_micro += booked.realised_micro
        self._emit(RecordFact(fact=booked))
