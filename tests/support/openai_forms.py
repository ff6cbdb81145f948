"""Forms of requests, as the standard library reads them."""

from __future__ import annotations

import email.policy
from email.parser import BytesParser

from jackfield.http import HttpRequest, whole


def form_of(request: HttpRequest, name: str = "file") -> tuple[dict[str, str], str, str, bytes]:
    """The form of a request, as the standard library's reader of mail finds it: texts, and the file."""
    head = f"Content-Type: {request.headers['content-type']}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=email.policy.HTTP).parsebytes(head + whole(request.body))
    parts = {part.get_param("name", header="content-disposition"): part for part in message.get_payload()}
    file = parts.pop(name)
    texts = {name: part.get_payload() for name, part in parts.items()}
    return texts, file.get_filename(), file.get_content_type(), file.get_payload(decode=True)
