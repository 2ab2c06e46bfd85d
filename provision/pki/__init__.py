"""The cluster's own certificates: a CA, and leaves for machines and people. Where keys are kept is the state's affair.

PEM in, PEM out: what the functions take and give is what lies in files.
"""
