"""The tracking API at /v1: what websites, apps and servers say about people, in the words of Segment's HTTP API.

A request becomes calls (reading.py), each is checked (calls.py), and all that are good are taken in one transaction
(intake.py): those seen before are left out (deduplication.py), the people they speak of found or made (people.py,
traits.py), visitors joined to people (joining.py), companies kept (companies.py), and the log written by one COPY.
"""
