# Sets $cache, the cache folder, and $python, a Python with the packages of requirements.txt, which
# are installed into the cache folder if necessary. The `run` scripts source this file.
requirements=crates/grid-maxflow/benches/requirements.txt
cache=${LOCALISE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/localise/peers}
python=${LOCALISE_PEERS_PYTHON:-}
if [ -z "$python" ]; then
  python=$cache/venv/bin/python
  if ! cmp -s "$requirements" "$cache/venv/requirements.txt"; then
    echo "installing the other programs into $cache/venv" >&2
    python3 -m venv --clear "$cache/venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$cache/venv/requirements.txt"
  fi
fi
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
