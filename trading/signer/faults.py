"""Why the signer does not start, in a sentence that ends with what to do."""


class StartRefusedError(Exception):
    """Something that the signer needs is missing, damaged or open to others.

    Trying again helps nobody before a person has done something; the text says what, and never
    holds a secret.
    """

    permanent = True
