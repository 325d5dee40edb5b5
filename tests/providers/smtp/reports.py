"""Reports by mail as servers write them: RFC 3464 delivery reports, RFC 5965 complaints."""

_QUOTED = """\
Received: from quoted.example
Message-ID: <{message_id}>
From: news@shop.example
To: ann@example.com
Subject: Sale

Twenty per cent off.
"""


def delivery_report(
    *,
    envelope_id: str = "",
    message_id: str = "",
    to: str = "bounces@mail.shop.example",
    delivered_to: str = "",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 no such user",
    whole_mail: bool = False,
) -> bytes:
    """A delivery report in Postfix's manner."""
    quoted = _QUOTED.format(message_id=message_id)
    returned = (
        f"Content-Type: message/rfc822\n\n{quoted}"
        if whole_mail
        else f"Content-Type: text/rfc822-headers\n\n{quoted.partition(chr(10) * 2)[0]}\n"
    )
    text = f"""\
Return-Path: <>
{f"Delivered-To: {delivered_to}" if delivered_to else "X-Nothing: here"}
Date: Sat, 21 Nov 2026 10:00:00 +0000 (UTC)
From: MAILER-DAEMON@relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F2A.1/relay.example"

This is a MIME-encapsulated message.

--4F2A.1/relay.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--4F2A.1/relay.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
{f"Original-Envelope-Id: {envelope_id}" if envelope_id else "X-Postfix-Queue-ID: 4F2A"}
Arrival-Date: Sat, 21 Nov 2026 09:59:00 +0000 (UTC)

Final-Recipient: rfc822; ann@example.com
Original-Recipient: rfc822;ann@example.com
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: {diagnostic}

--4F2A.1/relay.example
Content-Description: Undelivered Message Headers
{returned}
--4F2A.1/relay.example--
"""
    return text.replace("\n", "\r\n").encode()


def complaint(*, message_id: str, kind: str = "abuse") -> bytes:
    """A complaint as large mailbox providers send it."""
    text = f"""\
From: <abusedesk@mailbox.example>
Date: Sat, 21 Nov 2026 10:00:00 GMT
Subject: FW: Sale
To: <abuse@shop.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1"

--part1
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--part1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--part1
Content-Type: message/rfc822
Content-Disposition: inline

{_QUOTED.format(message_id=message_id)}
--part1--
"""
    return text.replace("\n", "\r\n").encode()
