"""Try learning rates of an arm's intermediate training: train targets after each, and record their dev metrics."""

from codestilts.config.training_settings import DoseSettings
from codestilts.errors import run
from codestilts.options import new_file
from codestilts.training.arguments import job_parser


def main() -> None:
    parser = job_parser(__doc__, DoseSettings, out="list of the trials (JSON), written")
    parser.add_argument("--table", type=new_file, required=True, help="all measurements (CSV), written")
    arguments = parser.parse_args()

    from codestilts.training.dose_trials import DoseJob, try_doses

    try_doses(DoseJob(**vars(arguments)))


if __name__ == "__main__":
    run(main)
