"""Tests of how processes are measured."""

import pathlib
import sys
import tempfile
import unittest
import unittest.mock

from process import Command, timed


class Timed(unittest.TestCase):
    def run_python(self, code, timeout=60, **more):
        with tempfile.TemporaryDirectory() as folder:
            return timed(Command([sys.executable, "-I", "-S", "-c", code], **more), pathlib.Path(folder), timeout)

    def test_processor_time_is_counted_with_that_of_children(self):
        spin = "import time\nwhile time.process_time() < 0.3: pass"
        alone, child = self.run_python(spin), self.run_python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}], check=True)")
        for took in (alone, child):
            self.assertEqual(took.code, 0)
            self.assertGreater(took.cpu, 0.29)
            self.assertGreater(took.wall, 0.29)

    def test_memory_is_that_of_the_process_and_not_of_its_starter(self):
        here = bytearray(300_000_000)  # which the processes must not be charged for
        small, large = self.run_python("pass"), self.run_python("bytes(bytearray(150_000_000))")
        self.assertLess(small.peak_mb, 60)
        self.assertGreater(large.peak_mb, 150)
        self.assertEqual(len(here), 300_000_000)

    def test_a_failure_is_told_by_the_line_that_names_it(self):
        took = self.run_python("import sys; print('\\x1b[31mValueError: it broke\\x1b[0m\\nNote: more of it', file=sys.stderr); sys.exit(3)")
        self.assertEqual((took.code, took.last_line), (3, "ValueError: it broke"))

    def test_what_cannot_be_started_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            took = timed(Command(["/no/such/program"]), pathlib.Path(folder), 60)
        self.assertEqual(took.code, 127)
        self.assertIn("/no/such/program", took.last_line)

    def test_what_takes_too_long_is_ended(self):
        took = self.run_python("import time; time.sleep(60)", timeout=1)
        self.assertNotEqual(took.code, 0)
        self.assertEqual(took.last_line, "it took longer than 1 s")

    def test_the_input_is_a_file_and_the_environment_is_bare(self):
        code = "import os, sys; sys.exit(sys.stdin.read() != 'text' or os.environ.get('EXTRA') != '1' or 'SECRET' in os.environ)"
        with tempfile.NamedTemporaryFile("w") as file, unittest.mock.patch.dict("os.environ", {"SECRET": "s"}):
            file.write("text")
            file.flush()
            self.assertEqual(self.run_python(code, stdin=pathlib.Path(file.name), env={"EXTRA": "1"}).code, 0)


if __name__ == "__main__":
    unittest.main()
