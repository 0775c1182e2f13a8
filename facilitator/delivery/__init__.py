"""To the client alone: the documents by e-mail, through the animator's own account.

Rules:

- One message, one recipient, who is asked for in each session and shown before anything is sent.
- Nothing leaves this computer in clear: the connection is encrypted, and the server's certificate checked, before the
  account's name is said. The password is in the system's keyring and nowhere else.
- `sent` means that the server took the message. A message that certainly was not sent can be tried again. Where nobody
  can tell, that is said, and nothing is sent again by itself.
- What is about to be sent is noted before, so that a program that dies meanwhile does not send it twice.
- No address, name or word is in a log or in an error.

`address.py` knows an address, `account.py` the account and its password, `message.py` makes the message, `smtp.py`
gives it to the server, and `courier.py` does all of it, once.
"""
