"""E-mail over SMTP: encrypted by STARTTLS or from the start, or not at all if somebody says so."""

import smtplib
import ssl
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from alerts.senders.messages import Message, SendFailed, Sending

SECURITY = ("STARTTLS", "TLS", "NONE")


def send(address: Mapping[str, Any], message: Message, sending: Sending) -> None:
    """Send one mail to all of `to`. Raises SendFailed.

    Refused by the server for good (5xx) is permanent only when it speaks of the message or its
    recipients: a wrong password is mended by a person, and the messages wait for that.
    """
    mail = mail_of(address, message, sending)
    handed_over = False
    try:
        server = _connect(address, sending)
        try:
            if address.get("user"):
                server.login(address["user"], address.get("password", ""))
            handed_over = True
            server.send_message(mail)
        finally:
            server.close()  # the mail is taken or not by now; a QUIT would only be polite
    except smtplib.SMTPAuthenticationError as error:
        raise SendFailed(f"SMTP {error.smtp_code}: it does not take user and password") from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        permanent = all(code >= 500 for code in codes)
        raise SendFailed(
            f"SMTP {max(codes, default=0)}: it refuses the recipients", permanent=permanent
        ) from None
    except smtplib.SMTPResponseException as error:
        permanent = handed_over and error.smtp_code >= 500
        raise SendFailed(f"SMTP {error.smtp_code}", permanent=permanent) from None
    except smtplib.SMTPNotSupportedError:
        raise SendFailed("the mail server offers no STARTTLS or no login") from None
    except TimeoutError:
        text = f"no answer from the mail server within {sending.timeout_s:g} s"
        raise SendFailed(text, may_have_arrived=handed_over) from None
    except (smtplib.SMTPException, OSError) as error:
        text = f"no mail server ({type(error).__name__})"
        raise SendFailed(text, may_have_arrived=handed_over) from None


def mail_of(address: Mapping[str, Any], message: Message, sending: Sending) -> EmailMessage:
    """Return the mail. Its Message-ID is that of the delivery, whenever it is sent."""
    sender = Address(addr_spec=address["from"])
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.title.split())
    mail["From"] = Address("PolyArb", sender.username, sender.domain)
    mail["To"] = [Address(addr_spec=one) for one in address["to"]]
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = f"<{message.key.replace(':', '.')}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.repeated:
        mail["X-PolyArb-Repeated"] = "true"
    if message.level == "CRITICAL":
        mail["X-Priority"] = "1"
    mail.set_content(
        f"{message.body}\n\n{sending.portal_url}\n" if sending.portal_url else message.body
    )
    return mail


def _connect(address: Mapping[str, Any], sending: Sending) -> smtplib.SMTP:
    host, port = address["host"], int(address["port"])
    if address["security"] == "TLS":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=sending.timeout_s, context=context)
    server = smtplib.SMTP(host, port, timeout=sending.timeout_s)
    if address["security"] == "STARTTLS":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server
