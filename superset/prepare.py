"""Makes Superset ready, at every start: its database, the roles, the user `admin`, and the shipped dashboards.

Shipped objects are known by their uuid. One that is there stays as it is, whatever somebody made of it; one that is
missing is imported. So a changed file of a newer release reaches a stack when its old object was deleted.
"""
import os
import pathlib

import flask_migrate
import yaml
from superset import appbuilder, db, security_manager
from superset.commands.dashboard.importers.v1 import ImportDashboardsCommand
from superset.models.dashboard import Dashboard
from superset.utils.core import override_user
from superset.utils.decorators import transaction
from werkzeug.security import check_password_hash

from descriptions import describe, read_models

HOME = pathlib.Path(__file__).parent
ASSETS = HOME / "assets"


def prepare():
    flask_migrate.upgrade()
    sync_roles()
    ensure_admin()
    import_missing()
    # Connections are not for processes that are forked from this one.
    db.session.remove()
    db.engine.dispose()


@transaction()
def sync_roles():
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()


def ensure_admin():
    """The password is the one of the secrets at every start, as those of the database are: a new one needs a restart."""
    password = os.environ["SUPERSET_ADMIN_PASSWORD"]
    admin = security_manager.find_user("admin")
    if admin is None:
        role = security_manager.find_role("Admin")
        security_manager.add_user("admin", "Reelhouse", "Admin", "admin@localhost", role, password)
    elif not check_password_hash(admin.password, password):
        security_manager.reset_password(admin.id, password)


def import_missing():
    contents = {str(path.relative_to(ASSETS)): path.read_text() for path in sorted(ASSETS.rglob("*.yaml"))}
    known = {str(uuid) for (uuid,) in db.session.query(Dashboard.uuid)}
    is_known = {name for name, text in contents.items() if name.startswith("dashboards/") and yaml.safe_load(text)["uuid"] in known}
    wanted = {name: text for name, text in contents.items() if name not in is_known}
    if not any(name.startswith("dashboards/") for name in wanted):
        return
    models = read_models(HOME / "models")
    for name in wanted:
        if name.startswith("datasets/"):
            wanted[name] = yaml.safe_dump(describe(yaml.safe_load(wanted[name]), models))
    with override_user(security_manager.find_user("admin")):
        # What they share with those that are there is not overwritten either.
        ImportDashboardsCommand(wanted, overwrite=False).run()
