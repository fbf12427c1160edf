"""`python -m tatami` is `tatami`."""

from tatami.cli import main

if __name__ == "__main__":
    main()
