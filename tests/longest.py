"""Which files of tests begin first, so that the processes of a run end together.

A file goes to whichever process is free, in this order: those that take long come first, or one of them would begin
last and everybody else wait for it. Only the order depends on these numbers.
"""

from collections.abc import Iterable
from pathlib import Path

USUAL_S = 0.12  # a test
SECONDS = {  # of files that take much longer than their number of tests tells, measured on two cores
    "bench/test_replay.py": 12,
    "client/test_client.py": 17,
    "contracts/test_runners.py": 34,
    "contracts/test_tasks.py": 14,
    "demo/test_demo_school.py": 15,
    "entrypoints/test_data.py": 10,
    "entrypoints/test_no_route_breaks.py": 10,
    "entrypoints/test_tour.py": 20,
    "entrypoints/test_training.py": 22,
    "identity/test_routes_by_role.py": 50,
    "journeys/test_backup_and_restore.py": 14,
    "journeys/test_each_plane_alone.py": 10,
    "journeys/test_first_school.py": 10,
    "journeys/test_no_acknowledged_answer_is_lost.py": 12,
    "journeys/test_refused_starts.py": 12,
    "journeys/test_up_demo.py": 24,
    "learning/tutor/test_http.py": 18,
    "maas/compression/test_methods.py": 15,
    "maas/conversion/test_conversions.py": 24,
    "maas/datasets/test_service.py": 40,
    "maas/deployment/test_edge.py": 15,
    "maas/evaluation/test_journey.py": 15,
    "maas/gateway/test_batch_crash.py": 17,
    "maas/gateway/test_detections.py": 24,
    "maas/gateway/test_media_models.py": 10,
    "maas/gateway/test_tutor_claims.py": 19,
    "maas/pipelines/test_end_to_end.py": 17,
    "maas/pipelines/test_killed.py": 10,
    "maas/runners/test_ocr.py": 13,
    "maas/runners/test_whisper.py": 13,
    "maas/serving/test_crash.py": 14,
    "maas/training/runs/test_real_child.py": 16,
    "maas/training/runs/test_supervision.py": 25,
    "maas/training/test_lab.py": 14,
    "science/nets/test_detector.py": 25,
    "web/test_journeys.py": 90,
    "web/test_playground_live.py": 10,
    "web/test_workshop.py": 30,
    "web/test_workshop_journey.py": 40,
    "web/test_workshop_models.py": 15,
    "web/test_workshop_runs.py": 45,
}
HERE = Path(__file__).parent


def first(paths: Iterable[Path]) -> dict[Path, float]:
    """By when each file of these tests is to begin: the smallest first. paths: the file of each test."""
    found: dict[Path, float] = {}
    for path in paths:
        found[path] = found.get(path, -_known(path)) - USUAL_S
    return found


def _known(path: Path) -> float:
    return SECONDS.get(path.relative_to(HERE).as_posix(), 0.0) if path.is_relative_to(HERE) else 0.0
