"""The live feed's settings, from what is known about the venue."""

from trading.adapters.channel_socket import SocketSettings
from trading.adapters.clob_rest import RestSettings
from trading.adapters.clob_slot import SlotSettings
from trading.adapters.clob_ws import ChannelSettings
from trading.adapters.discovery import DiscoverySettings
from trading.adapters.gamma import GammaSettings, Selection
from trading.adapters.polymarket_feed import FeedSettings
from trading.config.venues import VenueSettings


def feed_settings(venue: VenueSettings) -> FeedSettings:
    """Return the settings of PolymarketFeed: our share of the venue's rates, our own limits."""
    feed, rates = venue.feed, venue.rates
    return FeedSettings(
        channel=ChannelSettings(
            slot=SlotSettings(
                socket=SocketSettings(
                    url=venue.hosts.market_ws,
                    handshake_ms=feed.handshake_ms,
                    message_bytes_max=feed.message_bytes_max,
                    held_bytes_max=feed.message_bytes_max,
                ),
                ping_every_ms=feed.ping_every_ms,
                pong_within_ms=feed.pong_within_ms,
                first_books_within_ms=feed.first_books_within_ms,
                replace_every_ms=feed.replace_every_ms,
                backoff_ms=feed.backoff_ms,
                backoff_ms_max=feed.backoff_ms_max,
                stable_after_ms=feed.stable_after_ms,
            ),
            tokens_per_socket_max=feed.tokens_per_socket_max,
        ),
        rest=RestSettings(
            base_url=venue.hosts.clob,
            window_ms=rates.window_ms,
            books_per_window=rates.ours(rates.post_books),
            reads_per_window=rates.ours(rates.clob_reads),
            books_chunk_max=feed.books_chunk_max,
        ),
        gamma=GammaSettings(
            base_url=venue.hosts.gamma,
            window_ms=rates.window_ms,
            markets_per_window=rates.ours(rates.gamma_markets),
            events_per_window=rates.ours(rates.gamma_events),
            pages_max=feed.pages_max,
            selection=Selection(
                markets_max=feed.markets_max,
                slug_prefixes=feed.slug_prefixes,
                tag_slugs=feed.tag_slugs,
            ),
        ),
        discovery=DiscoverySettings(
            markets_max=feed.markets_max, taker_delay_ms=feed.taker_delay_ms
        ),
        discover_every_ms=feed.discover_every_ms,
        control_every_ms=feed.control_every_ms,
        control_tokens=feed.control_tokens,
        snapshot_every_ms=feed.snapshot_every_ms,
        silent_after_ms=feed.silent_after_ms,
        silence_lag_ms=feed.silence_lag_ms,
    )
