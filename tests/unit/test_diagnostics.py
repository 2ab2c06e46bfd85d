from __future__ import annotations

from provision.diagnostics import Diagnostic, Report, Severity, Span, path_text, render


def test_a_finding_shows_its_line_with_a_caret_under_the_word() -> None:
    finding = Diagnostic(
        "PV012",
        "'huge' is not an integer",
        path=("pools", "core", "count"),
        span=Span("c.yaml", 2, 8),
        hint="write a number",
    )
    assert render(finding, {"c.yaml": "version: 1\ncount: huge # so many\n"}) == (
        "error[PV012 $.pools.core.count]: 'huge' is not an integer\n"
        "  --> c.yaml:2:8\n"
        "   |\n"
        " 2 | count: huge # so many\n"
        "   |        ^^^^ write a number"
    )


def test_tabs_before_the_word_are_kept_so_that_the_caret_lines_up() -> None:
    text = render(Diagnostic("PV001", "x", span=Span("f", 1, 3)), {"f": "\t\tword"})
    assert text.splitlines()[-1] == "   | \t\t^^^^"


def test_a_place_past_the_text_is_still_named() -> None:
    text = render(Diagnostic("PV001", "x", span=Span("f", 9, 1), hint="do this"), {"f": "one line"})
    assert text == "error[PV001]: x\n  --> f:9:1\n  = do this"


def test_reports_are_sorted_by_place_and_counted_in_words() -> None:
    report = Report()
    report.warning("PV002", "later", span=Span("f", 3, 1))
    report.error("PV001", "earlier", span=Span("f", 1, 1))
    report.error("PV003", "nowhere")
    assert [f.message for f in report.sorted()] == ["nowhere", "earlier", "later"]
    assert report.summary() == "2 errors, 1 warning"
    assert not report.ok
    assert [f["code"] for f in report.to_json()] == ["PV003", "PV001", "PV002"]


def test_extending_by_a_report_takes_its_sources_along() -> None:
    report, other = Report(), Report(sources={"f": "text"})
    other.add(Diagnostic("PV001", "x", Severity.INFO, span=Span("f", 1, 1)))
    report.extend(other)
    assert "text" in report.render()
    assert report.ok


def test_paths_are_written_from_the_root() -> None:
    assert path_text(("pools", "core", 0)) == "$.pools.core.0"
    assert path_text(()) == "$"
