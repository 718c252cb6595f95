"""Telling a frozen socket from a quiet market, by control reads alone."""

from trading.adapters.silence import SilenceWatch
from trading.engine.events import BookSnapshot

S = 1_000_000_000
T0 = 1_790_000_000_000
SOCKET = 7


def read(ms, *, token="1", size=10):
    return BookSnapshot("0xm", token, ms, ((400_000, size),), ((600_000, 5),), from_read=True)


def watch():
    return SilenceWatch(silent_after_ms=15_000, lag_ms=1_000)


class TestStampsAreChanges:
    """The `timestamp` of an answer is the book's last change."""

    def test_a_newer_book_over_http_for_long_enough_is_a_frozen_socket(self):
        silence = watch()
        newer = read(T0 + 5_000)

        verdicts = [silence.is_frozen(SOCKET, T0, newer, s * S) for s in range(0, 20, 3)]

        assert verdicts == [False, False, False, False, False, True, True]

    def test_a_quiet_market_is_never_one(self):
        silence = watch()

        assert not any(silence.is_frozen(SOCKET, T0, read(T0), s * S) for s in range(0, 600, 3))

    def test_frames_may_be_a_little_late(self):
        silence = watch()
        newer = read(T0 + 1_000)

        assert not any(silence.is_frozen(SOCKET, T0, newer, s * S) for s in range(0, 60, 3))

    def test_a_stream_that_catches_up_is_trusted_again(self):
        silence = watch()
        silence.is_frozen(SOCKET, T0, read(T0 + 5_000), 0)
        silence.is_frozen(SOCKET, T0 + 5_000, read(T0 + 5_000), 14 * S)

        assert silence.suspects() == ()
        assert not silence.is_frozen(SOCKET, T0 + 5_000, read(T0 + 9_000), 16 * S)

    def test_one_read_is_not_enough_however_long_ago_it_was(self):
        # The next read of another token must not decide: nobody looked again at the first.
        silence = watch()
        silence.is_frozen(SOCKET, T0, read(T0 + 5_000, token="1"), 0)

        assert not silence.is_frozen(SOCKET, T0, read(T0 + 5_000, token="2"), 100 * S)
        assert silence.is_frozen(SOCKET, T0, read(T0 + 5_000, token="1"), 101 * S)

    def test_the_token_under_suspicion_is_to_be_read_again(self):
        silence = watch()
        silence.is_frozen(SOCKET, T0, read(T0 + 5_000, token="1"), 0)
        silence.is_frozen(SOCKET, T0, read(T0 + 6_000, token="2"), 1)

        assert silence.suspects() == ("1",)

    def test_a_socket_that_never_brought_anything_is_frozen_too(self):
        silence = watch()

        verdicts = [silence.is_frozen(SOCKET, 0, read(T0), s * S) for s in (0, 3, 15)]

        assert verdicts == [False, False, True]

    def test_sockets_are_judged_apart(self):
        silence = watch()
        silence.is_frozen(1, T0, read(T0 + 5_000), 0)

        assert not silence.is_frozen(2, T0, read(T0 + 5_000, token="2"), 20 * S)

    def test_a_new_socket_starts_without_suspicion(self):
        silence = watch()
        silence.is_frozen(SOCKET, T0, read(T0 + 5_000), 0)
        silence.keep({SOCKET + 1}, {"1"})

        assert silence.suspects() == ()
        assert not silence.is_frozen(SOCKET + 1, T0, read(T0 + 5_000), 20 * S)


class TestStampsAreAnswers:
    """The `timestamp` of an answer is the moment of the answer: newer each time."""

    def test_a_quiet_market_is_still_no_frozen_socket(self):
        silence = watch()

        verdicts = [
            silence.is_frozen(SOCKET, T0, read(T0 + s * 1_000), s * S) for s in range(3, 300, 3)
        ]

        assert not any(verdicts)
        assert silence.answers_are_stamped

    def test_a_book_that_changes_while_the_socket_says_nothing_is(self):
        silence = watch()
        for s in (3, 6, 9):
            silence.is_frozen(SOCKET, T0, read(T0 + s * 1_000), s * S)

        verdicts = [
            silence.is_frozen(SOCKET, T0, read(T0 + s * 1_000, size=s), s * S)
            for s in range(12, 33, 3)
        ]

        assert verdicts == [False, False, False, False, False, True, True]

    def test_a_book_that_changed_once_is_enough(self):
        silence = watch()
        for s in (3, 6, 9):
            silence.is_frozen(SOCKET, T0, read(T0 + s * 1_000), s * S)

        verdicts = [
            silence.is_frozen(SOCKET, T0, read(T0 + s * 1_000, size=99), s * S)
            for s in range(12, 33, 3)
        ]

        assert verdicts == [False, False, False, False, False, True, True]

    def test_a_book_that_changes_while_the_socket_brings_frames_is_not(self):
        silence = watch()
        for s in (3, 6, 9):
            silence.is_frozen(SOCKET, T0, read(T0 + s * 1_000), s * S)

        verdicts = [
            # They are late, and that is no silence.
            silence.is_frozen(SOCKET, T0 + s * 100, read(T0 + s * 1_000, size=s), s * S)
            for s in range(12, 300, 3)
        ]

        assert not any(verdicts)

    def test_a_suspicion_from_before_it_was_learned_is_dropped(self):
        silence = watch()
        silence.is_frozen(SOCKET, T0, read(T0 + 5_000), 0)
        silence.is_frozen(SOCKET, T0, read(T0 + 8_000), 3 * S)

        assert silence.suspects() == ()
