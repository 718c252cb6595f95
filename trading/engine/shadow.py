"""The engine with the paper desk behind PlaceOrders: what shadow mode and every replay run."""

from trading.engine.codes import Mode
from trading.engine.commands import (
    CancelAll,
    CancelOrders,
    Command,
    ConvertSet,
    MergeSet,
    PlaceOrders,
)
from trading.engine.core import Engine
from trading.engine.events import Event
from trading.engine.paper import PaperDesk, PaperSettings


def make_engine(*, session_key: str, mode: Mode, paper: PaperSettings) -> "ShadowEngine | Engine":
    """Return the engine of a session: with paper fills inside, or bare for real orders."""
    if mode is Mode.SHADOW:
        return ShadowEngine(session_key=session_key, paper=paper)
    return Engine(session_key=session_key, mode=mode)


class ShadowEngine:
    """Same events in, same commands out as Engine, less those that the paper desk carries out."""

    def __init__(self, *, session_key: str, paper: PaperSettings) -> None:
        self.engine = Engine(session_key=session_key, mode=Mode.SHADOW)
        self.desk = PaperDesk(paper, self.engine.board)

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """Take one event; paper fills that were due before it happen first, at their own time."""
        if self.desk.next_ns > now_ns:
            commands = self.engine.handle(event, now_ns)
            return self._carry_out(commands, now_ns) if commands else commands
        kept: list[Command] = []
        while self.desk.next_ns <= now_ns:
            for at_ns, due in self.desk.due(now_ns):
                kept += self._carry_out(self.engine.handle(due, at_ns), at_ns)
        kept += self._carry_out(self.engine.handle(event, now_ns), now_ns)
        return kept

    def _carry_out(self, commands: list[Command], now_ns: int) -> list[Command]:
        kept: list[Command] = []
        for command in commands:
            match command:
                case PlaceOrders():
                    self.desk.submit(command, now_ns)
                case MergeSet() | ConvertSet():
                    self.desk.merge(command, now_ns)
                case CancelOrders():
                    self.desk.cancel(command.order_ids, now_ns)
                case CancelAll():
                    self.desk.cancel(None, now_ns)
                    kept.append(command)
                case _:
                    kept.append(command)
        return kept
