"""What gunicorn serves: Superset, once its database, its users and the shipped dashboards are as they should be."""
from superset.app import create_app

application = create_app()
with application.app_context():
    # Superset's models can be imported only now.
    from prepare import prepare

    prepare()
