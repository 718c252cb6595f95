"""Documents that are made from what the machine obeys, and therefore never say anything else."""

from checks.documents.files import DOCUMENTS, drift, write

__all__ = ["DOCUMENTS", "drift", "write"]
