"""Answers held against the OpenAPI description: what is promised there is what is sent."""

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from trading.api import docs


def description():
    return docs.schema()


def operations():
    """Return (path, method, operation) for everything described."""
    return [
        (path, method.upper(), operation)
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    ]


def as_json_schema(schema):
    """Return an OpenAPI 3.0 schema as JSON Schema: `nullable` is the one word that differs."""
    if isinstance(schema, list):
        return [as_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: as_json_schema(value) for name, value in schema.items() if name != "nullable"}
    if schema.get("nullable") is True:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


def faults(schema, value):
    """Return what in a value does not fit the schema, one text each."""
    root = {
        "components": as_json_schema(description()["components"]),
        "$ref": "#/checked",
        "checked": as_json_schema(schema),
    }
    validator = Draft202012Validator(root)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def answer_schema(path, method, status):
    """Return the described schema of one answer; KeyError when it is not described."""
    operation = description()["paths"][path][method.lower()]
    return operation["responses"][str(status)]["content"]["application/json"]["schema"]


def undescribed(path, method, response):
    """Return what is wrong with an answer, held against its description."""
    try:
        schema = answer_schema(path, method, response.status_code)
    except KeyError:
        return [f"{method} {path} answered {response.status_code}, which is not described"]
    return faults(schema, response.json())
