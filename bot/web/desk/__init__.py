"""The desk: pages on which staff sign in, look after accounts and work the handoffs.

A module of pages has `router(desk)`, listed in `app`. A route says who may use it by `access.signed_in`; forms are
checked for all of them at once. `pages.render` makes the page.
"""
