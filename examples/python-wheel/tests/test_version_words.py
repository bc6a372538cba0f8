import unittest

from version_words import words


class WordsTest(unittest.TestCase):
    def test_versions_compare_as_numbers(self):
        self.assertEqual(words("a", "1.10.0", ">=1.9"), "a 1.10.0 ok")
        self.assertEqual(words("b", "1.2", ">=1.9,<2"), "b 1.2 does not satisfy >=1.9,<2")


if __name__ == "__main__":
    unittest.main()
