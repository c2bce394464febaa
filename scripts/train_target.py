"""Fine-tune one arm's encoders on a target, all seeds of a batch, and predict its test examples."""

from codestilts.config.training_settings import TrainingSettings
from codestilts.errors import run
from codestilts.options import new_file
from codestilts.training.arguments import add_parent, add_training, job_parser


def main() -> None:
    parser = job_parser(__doc__, TrainingSettings, out="folder that gets {seed}/ for every seed", folder=True)
    add_parent(parser)
    add_training(parser)
    parser.add_argument(
        "--predictions",
        type=new_file,
        required=True,
        help="predictions of the test rows (parquet), written",
    )
    arguments = parser.parse_args()

    from codestilts.training.seed_jobs import TrainingJob, train_seeds

    train_seeds(TrainingJob(**vars(arguments)))


if __name__ == "__main__":
    run(main)
