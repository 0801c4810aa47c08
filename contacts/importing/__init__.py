"""Contacts from files: upload, map the columns, check every row (dry run), confirm, import.

files.py, spreadsheets.py   what the file says, whatever its encoding, delimiter or format
targets.py                  what a column can become, and how its text is read
staging.py                  the file's rows in a table of their own
checking.py                 every row's errors, and what an import would change
writing.py                  the set-based upsert, two chunks at a time
turns.py                    which chunk comes when, so that they commit in the file's order
suppressing.py              the same for a list of addresses to suppress
kinds.py                    which of the two a file is, behind one face
jobs.py                     the job from upload to done; the only writer of its status
"""
