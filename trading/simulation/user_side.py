"""The user channel of one process: the venue's messages about our orders, as JSON."""

from typing import TYPE_CHECKING

from trading.adapters.account_fields import WireError
from trading.adapters.account_wire import user_news
from trading.execution.messages import OrderNews

if TYPE_CHECKING:
    from trading.simulation.process import Process


class UserSide:
    """Takes messages while it is connected, and tells the desk when it is not."""

    def __init__(self, process: "Process") -> None:
        self.connected = False
        self._process = process

    def connect(self) -> None:
        """The channel is open and the login was sent."""
        process = self._process
        self.connected = True
        process.world.log.add("user channel", "connected")
        process.emit(process.desk.user_channel(connected=True, text="", now_ns=process.now_ns))

    def lose(self, reason: str) -> None:
        """The channel tells nothing any more."""
        process = self._process
        self.connected = False
        process.world.log.add("user channel", reason)
        process.emit(process.desk.user_channel(connected=False, text=reason, now_ns=process.now_ns))

    def message(self, text: str) -> None:
        """Take a message of the channel."""
        process = self._process
        if not self.connected:
            return
        for news in user_news(text.encode()):
            now_ns = process.now_ns
            if isinstance(news, WireError):
                self.lose(str(news))
                self.connect()
            elif isinstance(news, OrderNews):
                process.world.log.add("news", f"{news.change} {news.status} {news.order_hash:.12}")
                process.emit(process.desk.on_order_news(news, now_ns))
            else:
                process.world.log.add("trade", f"{news.state} {news.trade_id:.8}")
                process.emit(process.desk.on_trade(news, now_ns))
                process.point("after_fill")
