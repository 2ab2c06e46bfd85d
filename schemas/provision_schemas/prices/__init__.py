"""Price tables: US dollars per hour, dated, one file per platform."""
