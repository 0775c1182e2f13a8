"""The mail server of the tests leaves no connection behind: a warning would fall on whichever test comes next."""

from __future__ import annotations

import gc
import smtplib
import ssl
import warnings
from pathlib import Path

import pytest

from tests.delivery.mailserver import mail_server


@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_that_is_still_open_is_closed_with_the_server(tmp_path: Path, *, tls: bool) -> None:
    with mail_server(tmp_path, tls=tls) as mail:
        context = ssl.create_default_context(cafile=str(mail.ca_file))
        if tls:
            client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", mail.port, context=context)
        else:
            client = smtplib.SMTP("127.0.0.1", mail.port)
            client.starttls(context=context)
        client.ehlo()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.collect()
    client.close()
    assert [str(one.message) for one in caught] == []
