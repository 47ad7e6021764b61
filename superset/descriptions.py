"""Columns of datasets as dbt describes them: the text is written once, beside the model."""
import re

import yaml


def read_models(folder):
    """By name: {"description", "columns": {name: {"type", "description"}}}, with dbt's doc blocks filled in."""
    blocks = dict(re.findall(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", (folder / "docs.md").read_text(), re.S))

    def text(value):
        filled = re.sub(r'{{ doc\("(\w+)"\) }}', lambda found: blocks[found[1]], value)
        return " ".join(filled.split())

    models = [model for file in sorted(folder.glob("*.yml")) for model in yaml.safe_load(file.read_text())["models"]]
    return {
        model["name"]: {
            "description": text(model["description"]),
            "columns": {
                column["name"]: {"type": column["data_type"], "description": text(column["description"])}
                for column in model["columns"]
            },
        }
        for model in models
    }


def describe(dataset, models):
    """A dataset over a model gets all of its columns, in the model's order, before the dataset's own."""
    if (model := models.get(dataset["table_name"])) is None:
        return dataset
    own = {column["column_name"]: column for column in dataset["columns"]}
    columns = [
        {"column_name": name, "groupby": True, "filterable": True, **described, **own.pop(name, {})}
        for name, described in model["columns"].items()
    ]
    return {**dataset, "description": model["description"], "columns": [*columns, *own.values()]}
