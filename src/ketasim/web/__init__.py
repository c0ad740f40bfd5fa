"""The web app: a local server that calls the public Python API, and a page that draws what it answers.

`ketasim.web.app.create_app()` is the ASGI application; nothing is imported here, so that the command line stays quick.
"""
