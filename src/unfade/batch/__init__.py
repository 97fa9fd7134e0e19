"""Many photos, several processes and machines, and nothing lost or done twice."""
