from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(max_length=60)),
                (
                    "kind",
                    models.CharField(
                        choices=[("RECONCILIATION", "Reconciliation")],
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("title", models.CharField(editable=False, max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "Open"), ("RESOLVED", "Resolved")],
                        default="OPEN",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("opened_at", models.DateTimeField(db_index=True, editable=False)),
                ("last_seen_at", models.DateTimeField(editable=False)),
                ("seen_count", models.PositiveIntegerField(default=1, editable=False)),
                ("evidence", models.JSONField(default=dict, editable=False)),
                ("resolved_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("resolved_by", models.CharField(blank=True, editable=False, max_length=150)),
                ("note", models.CharField(blank=True, editable=False, max_length=1000)),
            ],
            options={
                "ordering": ("-id",),
                "permissions": [("resolve_incident", "Can resolve an incident")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "OPEN")),
                        fields=("account", "kind"),
                        name="incident_open_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReconciliationRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(max_length=60)),
                ("session_key", models.CharField(blank=True, max_length=80)),
                ("at", models.DateTimeField(db_index=True)),
                ("at_start", models.BooleanField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("MATCH", "Match"),
                            ("MISMATCH", "Mismatch"),
                            ("INCOMPLETE", "Incomplete"),
                        ],
                        max_length=10,
                    ),
                ),
                ("block_number", models.PositiveBigIntegerField(null=True)),
                ("ledger_sequence", models.PositiveBigIntegerField()),
                ("differences", models.JSONField(default=list)),
                ("assets", models.JSONField(default=list)),
                ("in_flight", models.JSONField(default=list)),
                ("order_count", models.PositiveIntegerField()),
                ("trade_count", models.PositiveIntegerField()),
                ("took_ms", models.PositiveIntegerField()),
            ],
            options={
                "verbose_name": "reconciliation",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["account", "-id"], name="reconciliation_newest"),
                    models.Index(fields=["verdict", "at"], name="reconciliation_verdict"),
                ],
            },
        ),
    ]
