"""`python -m app`: the command `easel`."""

from app.cli import main

if __name__ == "__main__":
    main()
