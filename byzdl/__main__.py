"""`python -m byzdl`, the same as `byzdl`."""

from byzdl.commands.main import main

if __name__ == "__main__":
    main()
