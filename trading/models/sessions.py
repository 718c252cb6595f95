"""What may run (Mandate), who runs it (EngineLease), and what ran (EngineSession)."""

from django.db import models

from trading.models.configuration import Profile


class Phase(models.IntegerChoices):
    """The four stages of going live, and nothing else."""

    SHADOW = 0, "Shadow Production"
    MICRO_LIVE = 1, "Micro-Live"
    CONSTRAINED_LIVE = 2, "Constrained-Live"
    SCALED_LIVE = 3, "Scaled-Live"


class Mandate(models.Model):
    """What the engine of one account may do now: people move it, the engine only reads it.

    Each change raises `revision`, by which a running engine notices it. State fields are moved by
    trading.services alone.
    """

    class Desired(models.TextChoices):
        STOP = "STOP", "Stopped"
        RUN = "RUN", "Running"

    account = models.CharField(max_length=60, unique=True)
    phase = models.IntegerField(choices=Phase, default=Phase.SHADOW, editable=False)
    phase_since = models.DateTimeField(null=True, editable=False)  # null: not known
    # What a promotion allowed, see trading.config.grants; empty for nothing.
    grant = models.JSONField(default=dict, blank=True, editable=False)
    grant_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    desired = models.CharField(max_length=4, choices=Desired, default=Desired.STOP, editable=False)
    halted = models.BooleanField(default=False, editable=False)
    halt_code = models.CharField(max_length=60, blank=True, editable=False)
    halt_reason = models.CharField(max_length=500, blank=True, editable=False)
    halted_at = models.DateTimeField(null=True, blank=True, editable=False)
    halted_by = models.CharField(max_length=150, blank=True, editable=False)
    profile = models.ForeignKey(
        Profile, null=True, blank=True, on_delete=models.PROTECT, editable=False
    )
    mode = models.CharField(max_length=10, default="SHADOW", editable=False)
    feed = models.CharField(max_length=20, default="recorded", editable=False)
    feed_options = models.JSONField(default=dict, editable=False)  # recording path, speed
    breaker_resets = models.PositiveIntegerField(default=0, editable=False)
    revision = models.PositiveBigIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        # Who holds them is in polyarb_site.roles, and trading.services asks for them. Halting is
        # not among them: everybody with an account may.
        permissions = [
            ("start_shadow", "Can start the engine in shadow"),
            ("start_live", "Can start the engine live, with a promotion in force"),
            ("stop_engine", "Can stop the engine"),
            ("resume_trading", "Can resume after a halt"),
            ("reset_breaker", "Can close the circuit breaker by hand"),
            ("save_profile", "Can save and import profile revisions"),
            ("apply_profile", "Can apply and roll back profiles"),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.get_phase_display()}"


class EngineLease(models.Model):
    """Who runs the engine of an account: exactly one owner at a time, each with a higher token.

    Times are nanoseconds of UTC as integers: compared in one statement on every database.
    `token` is the fencing number that every write of the engine carries.
    """

    account = models.CharField(max_length=60, unique=True)
    owner = models.CharField(max_length=120, blank=True)  # host:pid:nonce, empty when free
    host = models.CharField(max_length=120, blank=True)
    pid = models.PositiveIntegerField(default=0)
    token = models.PositiveBigIntegerField(default=0)
    expires_ns = models.BigIntegerField(default=0)
    renewed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.account} token {self.token}"


class EngineSession(models.Model):
    """One run of the engine under one lease token, from taking it to losing or releasing it."""

    class State(models.TextChoices):
        STARTING = "STARTING", "Starting"
        TRADING = "TRADING", "Trading"
        HALTED = "HALTED", "Halted"
        BLIND = "BLIND", "Blind (no fresh book)"
        NO_ACCESS = "NO_ACCESS", "No access (no order can be sent)"
        STOPPED = "STOPPED", "Stopped"
        CRASHED = "CRASHED", "Crashed"
        FENCED = "FENCED", "Fenced (lost its lease)"

    account = models.CharField(max_length=60, db_index=True)
    token = models.PositiveBigIntegerField()
    key = models.CharField(max_length=80, unique=True)  # account-token: prefix of every fact id
    owner = models.CharField(max_length=120)
    mode = models.CharField(max_length=10)
    feed = models.CharField(max_length=20)
    label = models.CharField(max_length=20)  # RECORDED, SIMULATED, SHADOW or LIVE: the badge
    phase = models.IntegerField(choices=Phase)
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT)
    mandate_revision = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.STARTING)
    state_reason = models.CharField(max_length=500, blank=True)
    state_since = models.DateTimeField()
    started_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField()
    journal_sequence = models.PositiveBigIntegerField(default=0)  # last input whose facts are here
    journal_removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    stats = models.JSONField(default=dict)  # latest live figures, see trading.ledger

    class Meta:
        ordering = ("-started_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=("account", "token"), name="session_token_once")
        ]

    def __str__(self) -> str:
        return self.key
