"""Property tests have no deadline: how fast a machine is says nothing about what they check. One thread, as in jobs."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
