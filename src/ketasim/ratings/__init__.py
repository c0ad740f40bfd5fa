"""From drive to score: setting and belief, observation, wander."""
