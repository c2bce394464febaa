"""Train an arm's intermediate tasks, one model per seed."""

from pathlib import Path

from codestilts.config.training_settings import TrainingSettings
from codestilts.errors import run
from codestilts.training.arguments import add_training, job_parser


def main() -> None:
    parser = job_parser(__doc__, TrainingSettings, out="folder that gets {seed}/ for every seed")
    add_training(parser)
    parser.add_argument("--records", type=Path, help="folder that gets a copy of each seed's record")
    arguments = parser.parse_args()

    from codestilts.training.seed_jobs import TrainingJob, train_seeds

    train_seeds(TrainingJob(**vars(arguments)))


if __name__ == "__main__":
    run(main)
