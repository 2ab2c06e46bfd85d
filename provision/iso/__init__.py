"""CDs and USB sticks that machines boot from: one for all that asks the boot service, or one with a config inside."""
