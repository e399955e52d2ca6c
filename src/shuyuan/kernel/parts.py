"""The kernel's parts as the composer builds them, from settings."""

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, jobs, leases
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage


def database(settings: kernel_settings.Settings) -> kernel_db.Database:
    """The database named by the settings."""
    return kernel_db.open_database(settings.sqlalchemy_url)


def storage(settings: kernel_settings.Settings) -> kernel_storage.Storage:
    """The artefact store."""
    return kernel_storage.Storage(settings.artefact_url)


def vault(settings: kernel_settings.Settings) -> crypto.Vault:
    """The vault under the home folder's master key."""
    return crypto.Vault(crypto.load_master_key(settings.home / "keys" / "master.key"))


def audit(vault: crypto.Vault, settings: kernel_settings.Settings) -> kernel_audit.Audit:
    """The activity log, anchored beside the keys."""
    return kernel_audit.Audit(vault, settings.home / "keys" / "audit.anchor")


def outbox(db: kernel_db.Database) -> kernel_outbox.Outbox:
    """The outbox of the database."""
    return kernel_outbox.Outbox(db)


def scheduler(db: kernel_db.Database) -> jobs.Scheduler:
    """Periodic work; on PostgreSQL its rounds are shared with other servers."""
    return jobs.Scheduler(leases.Leases(db) if db.dialect == "postgresql" else None)
