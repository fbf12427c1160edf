"""Text <-> syntax tree. The grammar is in GRAMMAR.md beside this file."""

from tatami.notation.parser import parse, parse_value
from tatami.notation.printer import print_text, print_value

__all__ = ["parse", "parse_value", "print_text", "print_value"]
