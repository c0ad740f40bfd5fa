"""Published studies: the form they are written in, and its reader."""
