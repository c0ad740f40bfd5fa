"""Stage: blood pressure, pulse, dissociation, sedation and what else is felt in a session."""
