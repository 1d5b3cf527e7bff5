"""Event to slate, measured beside an echo.

    crowd (who sends what) > producer, at due times > worker | echo > watching > answers > report

One generator, one broker, one core for the process under test; slices of the two alternate, so that
whatever else the machine does hits both. Their ratio is what travels between machines.
"""
