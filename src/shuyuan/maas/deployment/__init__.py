"""Which version of a model answers whom: champion, canary by share, shadow, and the way back.

Owns deployments, their history and counts, edge bundles and the lineage picture. Data flows `choose` (from memory) →
the call → `note` → counts, in the database every second → the judgement → perhaps a rollback. Emits
`deployment.changed`. Refuses to make a version champion past a failed gate without a person who says why, to judge
from noise, and to shadow with a model that lies on another server.
"""
