"""Try learning rates: fine-tune an arm's first seed on a target once with each, and record the dev metric."""

from codestilts.config.training_settings import TuningSettings
from codestilts.errors import run
from codestilts.training.arguments import add_parent, job_parser


def main() -> None:
    parser = job_parser(__doc__, TuningSettings, out="list of the trials (JSON), written")
    add_parent(parser)
    arguments = parser.parse_args()

    from codestilts.training.seed_jobs import TuningJob, try_learning_rates

    try_learning_rates(TuningJob(**vars(arguments)))


if __name__ == "__main__":
    run(main)
