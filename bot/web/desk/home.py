"""The first page after signing in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from bot.store.staff import Staff
from bot.web.desk.access import signed_in
from bot.web.desk.pages import render
from bot.web.desk.setup import Desk


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/")
    def home(request: Request, staff: Annotated[Staff, Depends(signed_in())]) -> Response:
        return render(request, "home.html")

    return routes
