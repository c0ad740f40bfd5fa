"""One person: the file of their data, screening, monitoring, exposure over a course."""
