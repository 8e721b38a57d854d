"""Understanding what a tenant wrote: pure readers over text, each with its own module."""
