"""The sub-commands of `segue` that belong to the service, one small file each.

A file here imports the standard library and typer at the top, and the rest inside its functions:
`segue --help` reads them all.
"""
