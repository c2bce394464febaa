"""Train an arm's intermediate tasks, one model per seed."""

from codestilts.config.training_settings import TrainingSettings
from codestilts.errors import run
from codestilts.options import new_folder
from codestilts.training.arguments import add_training, job_parser


def main() -> None:
    parser = job_parser(__doc__, TrainingSettings, out="folder that gets {seed}/ for every seed", folder=True)
    add_training(parser)
    parser.add_argument("--records", type=new_folder, help="folder that gets a copy of each seed's record")
    arguments = parser.parse_args()

    from codestilts.training.seed_jobs import TrainingJob, train_seeds

    train_seeds(TrainingJob(**vars(arguments)))


if __name__ == "__main__":
    run(main)
