"""Tests of the classes of hazards and of what is counted as a difference."""

import json
import unittest

from loads.hazards import HAZARDS, INTEGER, Hazard, judge, same


def held_exactly(hazard):
    """The rows of a table that holds what was sent."""
    def text(value):
        if value is None or value == "null":
            return None
        return json.loads(value) if value.startswith('"') else value

    return [(key, text(v), text(w)) for key, (v, w) in hazard.expected().items()]


class Classes(unittest.TestCase):
    def test_what_was_sent_is_exact(self):
        for hazard in HAZARDS:
            verdict = judge(hazard, held_exactly(hazard))
            self.assertEqual((verdict.missing, verdict.doubled, verdict.unexpected, verdict.changed), (0, 0, 0, 0), (hazard.name, verdict.examples))

    def test_streams_and_records_hold_the_same(self):
        for hazard in HAZARDS:
            messages = [json.loads(line) for line in hazard.stream().split("\n") if line]
            records = [json.loads(record) for record in hazard.records()]
            self.assertEqual([m["record"] for m in messages if m["type"] == "RECORD"], records)
            known = set()
            for message in messages:
                if message["type"] == "SCHEMA":
                    known |= message["schema"]["properties"].keys()
                self.assertLessEqual(message.get("record", {}).keys(), known)

    def test_names_are_their_own(self):
        self.assertEqual(len({h.name for h in HAZARDS}), len(HAZARDS))


class Verdicts(unittest.TestCase):
    hazard = Hazard("t", "t", INTEGER, ["1", "2", "3"], "number", later={2: '"late"'})

    def count(self, *rows):
        verdict = judge(self.hazard, rows)
        return verdict.missing, verdict.doubled, verdict.unexpected, verdict.changed

    def test_each_difference_is_counted(self):
        right = [("1", "1", None), ("2", "2.0", None), ("3", "3", "late")]
        self.assertEqual(self.count(*right), (0, 0, 0, 0))
        self.assertEqual(self.count(*right[:2]), (1, 0, 0, 0))
        self.assertEqual(self.count(*right, right[0]), (0, 1, 0, 0))
        self.assertEqual(self.count(*right, ("4", "4", None)), (0, 0, 1, 0))
        self.assertEqual(self.count(right[0], ("2", "22", None), ("3", None, None)), (0, 0, 0, 3))

    def test_the_last_of_a_repeated_key_counts(self):
        hazard = Hazard("k", "k", INTEGER, ["1", "2"], "number", ids=['"a"', '"a"'], key_schema={"type": "string"})
        self.assertEqual(judge(hazard, [("a", "2", None)]).changed, 0)
        self.assertEqual(judge(hazard, [("a", "1", None)]).changed, 1)


class Rules(unittest.TestCase):
    def test_notations_of_the_same_value_are_the_same(self):
        for kind, sent, held in [
            ("number", "1e5", "100000.000"),
            ("number", "0.1", "0.1000"),
            ("moment", '"2024-07-01T12:00:00+05:30"', "2024-07-01 06:30:00+00"),
            ("moment", '"2024-07-01T12:00:00.5-08:00"', "2024-07-01T20:00:00.500000Z"),
            ("moment", '"2024-07-01T12:00:00Z"', "2024-07-01 12:00:00"),
            ("text", r'"\u00e9\n"', "é\n"),
            ("json", '{"a":1.0,"b":[null]}', '{"b": [null], "a": 1}'),
            ("json", "null", "null"),
            ("number", "null", None),
        ]:
            self.assertTrue(same(kind, sent, held), (kind, sent, held))

    def test_other_values_are_not(self):
        for kind, sent, held in [
            ("number", "9007199254740993", "9007199254740992"),
            ("number", "0.12345678901234567890", "0.12345678901234568"),
            ("number", "1", "true"),
            ("number", "1", None),
            ("moment", '"2024-07-01T12:00:00+05:30"', "2024-07-01 12:00:00"),
            ("moment", '"2024-07-01T12:00:00Z"', "infinity"),
            ("text", '""', None),
            ("text", '"null"', None),
            ("text", '"007"', "7"),
            ("json", '{"n":9007199254740993}', '{"n":9007199254740992}'),
            ("json", '{"n":1}', '{"n":"1"}'),
            ("json", '{"n":null}', "{}"),
        ]:
            self.assertFalse(same(kind, sent, held), (kind, sent, held))


if __name__ == "__main__":
    unittest.main()
