"""`python -m bot` is `hearthline`, for hosts that install the requirements but not the project."""

from bot.cli import main

main()
