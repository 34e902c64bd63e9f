"""What dispatching costs: ours beside Celery's publish loop and beat, and what is raw.

python benchmarks/dispatch.py            # on Redis; exit status 1 when a promise does not hold
python benchmarks/dispatch.py --broker rabbitmq    # the same questions to RabbitMQ
python benchmarks/dispatch.py --memory 10000000    # that many occurrences, and Redis's memory
"""

from __future__ import annotations

import argparse
import sys

from dispatching import on_rabbitmq, on_redis


def main() -> int:
    """Run what was asked for and say which promises hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=int, metavar="N", help="Redis's memory after N more")
    parser.add_argument("--costs", action="store_true", help="the table of costs alone")
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    chosen = parser.parse_args()
    if chosen.broker == "rabbitmq":
        promises = on_rabbitmq.run(costs_alone=chosen.costs)
    elif chosen.memory:
        promises = on_redis.run_memory(chosen.memory)
    else:
        promises = on_redis.run(costs_alone=chosen.costs)
    for promise, holds in promises:
        print(f"{'holds ' if holds else 'BROKEN'}  {promise}")
    return 0 if all(holds for _, holds in promises) else 1


if __name__ == "__main__":
    sys.exit(main())
