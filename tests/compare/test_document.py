"""Tests of the document's generated parts."""

import contextlib
import io
import pathlib
import tempfile
import unittest
from unittest import mock

import main
from document import figure, names, table, with_part, with_parts

TEXT = "before\n<!-- measured: loads -->\nold\n<!-- end of loads -->\nafter\n"


class Parts(unittest.TestCase):
    def test_a_part_replaces_what_stands_between_its_marks(self):
        self.assertEqual(with_part(TEXT, "loads", "new\n\n"), TEXT.replace("old", "new"))

    def test_writing_the_same_changes_nothing(self):
        once = with_parts(TEXT, {"loads": "new"})
        self.assertEqual(with_parts(once, {"loads": "new"}), once)

    def test_a_document_without_the_marks_is_refused(self):
        for text in ("", TEXT + TEXT, "<!-- end of loads --><!-- measured: loads -->"):
            with self.assertRaises(ValueError):
                with_part(text, "loads", "new")

    def test_the_names_of_parts_are_found(self):
        self.assertEqual(names(TEXT + TEXT.replace("loads", "taps")), ["loads", "taps"])


class Tables(unittest.TestCase):
    def test_cells_cannot_break_a_table(self):
        self.assertEqual(table(["a", "b"], [["x|y", "1\n2"]]), "| a | b |\n| --- | ---: |\n| x\\|y | 1 2 |\n")

    def test_no_rows_make_no_table(self):
        self.assertEqual(table(["a"], []), "")

    def test_figures_have_three_digits(self):
        self.assertEqual([figure(v) for v in (1234567.8, 123.4, 12.34, 1.234, 0.0001)], ["1,234,568", "123", "12.3", "1.23", "0.00"])


class Check(unittest.TestCase):
    def check(self, document):
        with tempfile.TemporaryDirectory() as folder:
            path, results = pathlib.Path(folder) / "comparison.md", pathlib.Path(folder) / "results.json"
            path.write_text(document)
            results.write_text("{}")
            said = io.StringIO()
            with mock.patch.object(main, "DOCUMENT", path), mock.patch.object(main, "parts", lambda _: {"loads": "new"}):
                with mock.patch("sys.argv", ["main.py", "--check", "--results", str(results)]), contextlib.redirect_stderr(said):
                    return main.main(), said.getvalue()

    def test_a_document_with_the_tables_of_the_results_passes(self):
        self.assertEqual(self.check(TEXT.replace("old", "new")), (0, ""))

    def test_a_document_with_other_tables_fails(self):
        code, said = self.check(TEXT)
        self.assertEqual(code, 1)
        self.assertIn("make compare COMPARE=--tables", said)

    def test_the_document_of_the_repository_has_the_tables_of_its_results(self):
        with mock.patch("sys.argv", ["main.py", "--check"]):
            self.assertEqual(main.main(), 0)


if __name__ == "__main__":
    unittest.main()
