#!/bin/sh
# Install the software into /opt/codestilts/env of an image, where pyproject.toml, envs/, src/, scripts/check_lock.py and
# containers/host_paths.py have been copied to /opt/codestilts: the same steps as `make setup`.
#   install.sh torch==2.13.0 [options of pip, such as --index-url ...]
set -eu
cd /opt/codestilts
python3 -m venv env
pip="env/bin/python -I src/codestilts/sources/pip_settings.py install --no-cache-dir --no-compile"
$pip "$@"
$pip --require-hashes --no-deps --use-pep517 -r envs/lock.txt
$pip --no-deps --no-build-isolation .
PYTHONPATH=src env/bin/python scripts/check_lock.py envs/lock.txt
packages=$(env/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")
mv host_paths.py "$packages/"
echo "import host_paths" >"$packages/host_paths.pth"
# In a read-only image nothing is compiled once for all; torch has a file that only a later Python reads.
env/bin/python -m compileall -q -j 0 -x 'torch/testing/_internal/py312_' env/lib
rm -rf build src scripts install.sh /var/lib/apt/lists/* /var/cache/apt/*
chmod -R a+rX /opt/codestilts
