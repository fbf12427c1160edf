"""The layers: attributes and pure rules."""
