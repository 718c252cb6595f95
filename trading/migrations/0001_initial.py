import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EngineLease",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(max_length=60, unique=True)),
                ("owner", models.CharField(blank=True, max_length=120)),
                ("host", models.CharField(blank=True, max_length=120)),
                ("pid", models.PositiveIntegerField(default=0)),
                ("token", models.PositiveBigIntegerField(default=0)),
                ("expires_ns", models.BigIntegerField(default=0)),
                ("renewed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="EngineSession",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(db_index=True, max_length=60)),
                ("token", models.PositiveBigIntegerField()),
                ("key", models.CharField(max_length=80, unique=True)),
                ("owner", models.CharField(max_length=120)),
                ("mode", models.CharField(max_length=10)),
                ("feed", models.CharField(max_length=20)),
                ("label", models.CharField(max_length=20)),
                (
                    "phase",
                    models.IntegerField(
                        choices=[
                            (0, "Shadow Production"),
                            (1, "Micro-Live"),
                            (2, "Constrained-Live"),
                            (3, "Scaled-Live"),
                        ]
                    ),
                ),
                ("mandate_revision", models.PositiveBigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("STARTING", "Starting"),
                            ("TRADING", "Trading"),
                            ("HALTED", "Halted"),
                            ("BLIND", "Blind (no fresh book)"),
                            ("STOPPED", "Stopped"),
                            ("CRASHED", "Crashed"),
                            ("FENCED", "Fenced (lost its lease)"),
                        ],
                        default="STARTING",
                        max_length=10,
                    ),
                ),
                ("state_reason", models.CharField(blank=True, max_length=500)),
                ("state_since", models.DateTimeField()),
                ("started_at", models.DateTimeField(db_index=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField()),
                ("journal_sequence", models.PositiveBigIntegerField(default=0)),
                ("stats", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ("-started_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="Market",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("condition_id", models.CharField(max_length=80, unique=True)),
                ("slug", models.CharField(blank=True, max_length=200)),
                ("question", models.CharField(blank=True, max_length=500)),
                ("yes_token_id", models.CharField(max_length=80, unique=True)),
                ("no_token_id", models.CharField(max_length=80, unique=True)),
                ("yes_outcome", models.CharField(default="Yes", max_length=100)),
                ("no_outcome", models.CharField(default="No", max_length=100)),
                ("tick_micro", models.PositiveIntegerField()),
                ("min_order_size_micro", models.PositiveBigIntegerField()),
                ("fee_rate_micro", models.PositiveIntegerField(blank=True, null=True)),
                ("fee_exponent", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("protocol", models.CharField(default="v1", max_length=10)),
                ("neg_risk_event_id", models.CharField(blank=True, max_length=80)),
                ("neg_risk_augmented", models.BooleanField(default=False)),
                ("seconds_delay", models.PositiveIntegerField(default=0)),
                ("taker_delay_ms", models.PositiveIntegerField(default=0)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "Open"), ("CLOSED", "Closed"), ("RESOLVED", "Resolved")],
                        default="OPEN",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("source", models.CharField(max_length=20)),
                ("seen_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "ordering": ("-seen_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="EngineNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("note_id", models.CharField(max_length=120, unique=True)),
                ("at", models.DateTimeField(db_index=True)),
                ("level", models.CharField(max_length=8)),
                ("code", models.CharField(max_length=60)),
                ("text", models.CharField(max_length=1000)),
                ("condition_id", models.CharField(blank=True, max_length=80)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="trading.enginesession"
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="ArbitrageSet",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("set_id", models.CharField(max_length=100, unique=True)),
                ("opportunity_id", models.CharField(db_index=True, max_length=100)),
                ("condition_id", models.CharField(db_index=True, max_length=80)),
                ("strategy", models.CharField(max_length=20)),
                ("state", models.CharField(db_index=True, editable=False, max_length=16)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("opened_at", models.DateTimeField(db_index=True)),
                ("moved_at", models.DateTimeField()),
                ("size_micro", models.BigIntegerField()),
                ("cost_micro", models.BigIntegerField()),
                ("payout_micro", models.BigIntegerField()),
                ("expected_net_micro", models.BigIntegerField()),
                ("realised_micro", models.BigIntegerField(null=True)),
                ("paper", models.BooleanField()),
                ("raised", models.BooleanField(default=False)),
                ("legs", models.JSONField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="trading.enginesession"
                    ),
                ),
            ],
            options={
                "verbose_name": "set",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("entry_id", models.CharField(max_length=140, unique=True)),
                ("set_id", models.CharField(blank=True, db_index=True, max_length=100)),
                ("kind", models.CharField(max_length=20)),
                ("at", models.DateTimeField(db_index=True)),
                ("realised_micro", models.BigIntegerField(default=0)),
                ("paper", models.BooleanField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="trading.enginesession"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger entries",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="LedgerPosting",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line", models.PositiveSmallIntegerField()),
                ("account", models.CharField(db_index=True, max_length=10)),
                ("token_id", models.CharField(blank=True, max_length=80)),
                ("amount_micro", models.BigIntegerField()),
                ("quantity_micro", models.BigIntegerField(default=0)),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings",
                        to="trading.ledgerentry",
                    ),
                ),
            ],
            options={
                "ordering": ("entry_id", "line"),
            },
        ),
        migrations.CreateModel(
            name="MetricSample",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                ("values", models.JSONField()),
                ("realised_micro", models.BigIntegerField()),
                ("exposure_micro", models.BigIntegerField()),
                ("feed_age_ms", models.IntegerField(null=True)),
                ("decision_p50_us", models.IntegerField(null=True)),
                ("decision_p99_us", models.IntegerField(null=True)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="trading.enginesession"
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Opportunity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("opportunity_id", models.CharField(max_length=100, unique=True)),
                ("condition_id", models.CharField(db_index=True, max_length=80)),
                ("strategy", models.CharField(max_length=20)),
                ("seen_at", models.DateTimeField(db_index=True)),
                ("stage", models.CharField(max_length=12)),
                ("refusal", models.CharField(blank=True, max_length=40)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("legs", models.JSONField()),
                ("ladder", models.JSONField(default=list)),
                ("gap_micro", models.BigIntegerField()),
                ("edge_micro", models.BigIntegerField(null=True)),
                ("size_micro", models.BigIntegerField(default=0)),
                ("cost_micro", models.BigIntegerField(default=0)),
                ("fee_micro", models.BigIntegerField(default=0)),
                ("net_micro", models.BigIntegerField(default=0)),
                ("frames", models.PositiveIntegerField(default=1)),
                ("last_seen_at", models.DateTimeField()),
                ("set_id", models.CharField(blank=True, db_index=True, max_length=100)),
                ("raised", models.BooleanField(default=False)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="trading.enginesession"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "opportunities",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("order_id", models.CharField(max_length=120, unique=True)),
                ("order_hash", models.CharField(blank=True, db_index=True, max_length=80)),
                ("set_id", models.CharField(db_index=True, max_length=100)),
                ("token_id", models.CharField(max_length=80)),
                ("side", models.CharField(max_length=4)),
                ("purpose", models.CharField(max_length=10)),
                ("limit_micro", models.BigIntegerField()),
                ("size_micro", models.BigIntegerField()),
                ("matched_micro", models.BigIntegerField(default=0)),
                ("state", models.CharField(db_index=True, editable=False, max_length=12)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(db_index=True)),
                ("moved_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="trading.enginesession"
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="OrderMove",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("order_id", models.CharField(max_length=120)),
                ("sequence", models.PositiveIntegerField()),
                ("state_from", models.CharField(blank=True, max_length=12)),
                ("state_to", models.CharField(max_length=12)),
                ("matched_micro", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("reason", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "ordering": ("order_id", "sequence"),
                "constraints": [
                    models.UniqueConstraint(fields=("order_id", "sequence"), name="order_move_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Profile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(db_index=True, max_length=80)),
                ("revision", models.PositiveIntegerField()),
                ("values", models.JSONField()),
                ("base_values", models.JSONField(default=dict)),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("author_name", models.CharField(max_length=150)),
                ("reason", models.CharField(max_length=500)),
                ("source", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField()),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("name", "-revision"),
            },
        ),
        migrations.CreateModel(
            name="Mandate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(max_length=60, unique=True)),
                (
                    "phase",
                    models.IntegerField(
                        choices=[
                            (0, "Shadow Production"),
                            (1, "Micro-Live"),
                            (2, "Constrained-Live"),
                            (3, "Scaled-Live"),
                        ],
                        default=0,
                        editable=False,
                    ),
                ),
                (
                    "desired",
                    models.CharField(
                        choices=[("STOP", "Stopped"), ("RUN", "Running")],
                        default="STOP",
                        editable=False,
                        max_length=4,
                    ),
                ),
                ("halted", models.BooleanField(default=False, editable=False)),
                ("halt_code", models.CharField(blank=True, editable=False, max_length=60)),
                ("halt_reason", models.CharField(blank=True, editable=False, max_length=500)),
                ("halted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("halted_by", models.CharField(blank=True, editable=False, max_length=150)),
                ("mode", models.CharField(default="SHADOW", editable=False, max_length=10)),
                ("feed", models.CharField(default="recorded", editable=False, max_length=20)),
                ("feed_options", models.JSONField(default=dict, editable=False)),
                ("breaker_resets", models.PositiveIntegerField(default=0, editable=False)),
                ("revision", models.PositiveBigIntegerField(default=1, editable=False)),
                ("changed_at", models.DateTimeField(editable=False, null=True)),
                (
                    "profile",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="trading.profile",
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("start_shadow", "Can start the engine in shadow"),
                    ("stop_engine", "Can stop the engine"),
                    ("resume_trading", "Can resume after a halt"),
                    ("reset_breaker", "Can close the circuit breaker by hand"),
                    ("save_profile", "Can save and import profile revisions"),
                    ("apply_profile", "Can apply and roll back profiles"),
                ],
            },
        ),
        migrations.AddField(
            model_name="enginesession",
            name="profile",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, to="trading.profile"
            ),
        ),
        migrations.CreateModel(
            name="SetMove",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("set_id", models.CharField(max_length=100)),
                ("sequence", models.PositiveIntegerField()),
                ("state_from", models.CharField(blank=True, max_length=16)),
                ("state_to", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
                ("reason", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "ordering": ("set_id", "sequence"),
                "constraints": [
                    models.UniqueConstraint(fields=("set_id", "sequence"), name="set_move_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Trade",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("trade_id", models.CharField(max_length=120)),
                ("order_id", models.CharField(db_index=True, max_length=120)),
                ("set_id", models.CharField(db_index=True, max_length=100)),
                ("condition_id", models.CharField(db_index=True, max_length=80)),
                ("token_id", models.CharField(max_length=80)),
                ("side", models.CharField(max_length=4)),
                ("price_micro", models.BigIntegerField()),
                ("size_micro", models.BigIntegerField()),
                ("fee_micro", models.BigIntegerField()),
                ("state", models.CharField(editable=False, max_length=10)),
                ("paper", models.BooleanField()),
                ("matched_at", models.DateTimeField(db_index=True)),
                ("moved_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="trading.enginesession"
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                fields=["session", "at", "realised_micro"], name="ledger_entry_realised"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerposting",
            constraint=models.UniqueConstraint(fields=("entry", "line"), name="posting_line_once"),
        ),
        migrations.AddConstraint(
            model_name="metricsample",
            constraint=models.UniqueConstraint(fields=("session", "at"), name="sample_once"),
        ),
        migrations.AddIndex(
            model_name="opportunity",
            index=models.Index(
                fields=["stage", "refusal", "seen_at"], name="trading_opp_stage_375b00_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="opportunity",
            index=models.Index(
                fields=["session", "seen_at", "stage", "refusal", "frames"],
                name="opportunity_funnel",
            ),
        ),
        migrations.AddConstraint(
            model_name="profile",
            constraint=models.UniqueConstraint(
                fields=("name", "revision"), name="profile_revision_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="enginesession",
            constraint=models.UniqueConstraint(
                fields=("account", "token"), name="session_token_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="trade",
            constraint=models.UniqueConstraint(fields=("trade_id", "order_id"), name="trade_once"),
        ),
    ]
