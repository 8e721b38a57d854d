"""The worker process's own ways: what a failed job leaves in Redis."""

from rq import Queue
from rq.serializers import JSONSerializer

from bot.queues import connect
from workers.main import RingWorker


def fail() -> None:
    """A job that fails with a tenant's words in its error."""
    raise ValueError("my name is Hortensia")


def test_a_failed_job_leaves_no_words_in_redis(redis_url: str) -> None:
    connection = connect(redis_url)
    queue = Queue("talk", connection=connection, serializer=JSONSerializer)
    job = queue.enqueue_call("tests.workers.test_review_worker.fail", failure_ttl=60)
    worker = RingWorker([queue], connection=connection, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="WARNING")
    result = job.latest_result()
    assert result is not None
    assert result.exc_string == "ValueError"
    for key in connection.keys("*"):
        assert b"Hortensia" not in (connection.dump(key) or b"")
    worker.connection.close()
    connection.close()
