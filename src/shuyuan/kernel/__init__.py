"""What every module stands on: settings, errors, database, storage, crypto, audit, outbox, HTTP, jobs.

Owns no school, learner or model. Layers, top down: http | jobs → audit | outbox → crypto →
db | storage | log → settings | errors | ids | clock.
"""
