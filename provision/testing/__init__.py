"""For tests, ours and those of plugin authors: FakeCloud, and the conformance suite that every provider passes."""
