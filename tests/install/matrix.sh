#!/bin/bash
# Installs the committed checkout in every way, for each Python and torch that can be had; runs README's examples and a part of the
# suite on what was installed; prints a table. Hours without ccache and gigabytes of torch: not a part of `make test`.
#
#   tests/install/matrix.sh                       every Python on this machine, every release of torch
#   PYTHONS="python3.11" TORCHES="2.13" WAYS="checkout wheel" tests/install/matrix.sh
#
# MATRIX is the folder it works in, whose environments serve another run (default: one in /tmp that is removed); LOCK is a file that
# builds take turns by.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
TORCHES=${TORCHES:-2.11 2.12 2.13 2.14 2.15}
WAYS=${WAYS:-checkout old-tools no-isolation editable git sdist wheel build uv no-torch core-only}
SUITE=${SUITE-sdk/test_executor.py sdk/test_dlpack.py device/test_device.py device/test_memory.py device/test_generator.py \
  device/test_nn_layers.py runtime/trace/test_fusion.py programs/test_programs.py}      # some 500 tests
if [ -z "${PYTHONS:-}" ]; then
  for minor in 10 11 12 13 14; do
    for python in "$(command -v python3.$minor)" ~/.pyenv/versions/3.$minor.*/bin/python3; do
      if [ -x "$python" ] && "$python" -c "import ssl, sys; sys.exit(sys.version_info[1] != $minor)" 2>/dev/null; then
        PYTHONS="${PYTHONS:-} $python"
        break
      fi
    done
  done
fi

if [ -z "${MATRIX:-}" ]; then
  MATRIX=$(mktemp -d /tmp/hologram-matrix-XXXX)
  trap 'rm -rf "$MATRIX"' EXIT
fi
mkdir -p "$MATRIX"
# All trees that are built lie in one folder, and the environment always at one path: ccache then knows what was compiled before.
export TMPDIR=$MATRIX/tmp CCACHE_BASEDIR=$MATRIX CCACHE_NOHASHDIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 HOLOGRAM_CACHE_DIR=$MATRIX/kernels
unset PYTHONPATH VIRTUAL_ENV CONDA_PREFIX
VENV=$MATRIX/venv
LOG=$MATRIX/log
TABLE=$MATRIX/table
: > "$TABLE"

locked() {
  if [ -n "${LOCK:-}" ]; then flock "$LOCK" "$@"; else "$@"; fi
}

# A fresh environment, with what $1 names: a copy, by links, of one that was made once.
environment() {
  rm -rf "$VENV"
  cp -al "$MATRIX/$1" "$VENV"
}

# Makes the environment $1 with the packages that follow, unless it is there.
make_environment() {
  name=$1
  shift
  [ -d "$MATRIX/$name" ] && return
  rm -rf "$VENV"
  "$PYTHON" -m venv "$VENV" || return 1
  if [ $# -gt 0 ]; then "$VENV/bin/pip" install -q "$@" || return 1; fi
  mv "$VENV" "$MATRIX/$name"
}

pip_install() {
  locked "$VENV/bin/python" -m pip install -q "$@"
}

# The tree that is built: the last commit, without what was built or edited here.
checkout() {
  rm -rf "$TMPDIR"
  mkdir -p "$TMPDIR/empty"
  git -c advice.detachedHead=false clone -q "$ROOT" "$TMPDIR/source"
}

sdist() {
  (cd "$TMPDIR/source" && "$MATRIX/$TOOLS/bin/python" -m build --sdist --outdir "$TMPDIR" >/dev/null) && rm -rf "$TMPDIR/source"
}

way() {
  case $1 in
    checkout)      environment "$WITH_TORCH" && pip_install "$TMPDIR/source" && rm -rf "$TMPDIR/source" ;;
    old-tools)     # the tools that came with Python: a sentence, and its command helps
                   environment "$WITH_TORCH"
                   "$VENV/bin/python" -m pip install -q setuptools==65.5.0
                   ! said=$("$VENV/bin/python" -m pip install -q --no-build-isolation "$TMPDIR/source" 2>&1) &&
                     echo "$said" | grep -q "setuptools is 65.5.0" && [ "$(echo "$said" | grep -c Traceback)" = 0 ] &&
                     eval "$VENV/bin/python -m $(echo "$said" | sed -n "s/.*Run: \(pip install .*\), then the same.*/\1/p" | sed 's/install/install -q/')" &&
                     pip_install --no-build-isolation "$TMPDIR/source" && rm -rf "$TMPDIR/source" ;;
    no-isolation)  environment "$WITH_TORCH" && "$VENV/bin/python" -m pip install -q 'setuptools>=77' pybind11 ninja numpy 'llvmlite>=0.45' &&
                     pip_install --no-build-isolation "$TMPDIR/source" && rm -rf "$TMPDIR/source" ;;
    editable)      environment "$WITH_TORCH" && pip_install --editable "$TMPDIR/source" ;;
    git)           environment "$WITH_TORCH" && pip_install "git+file://$TMPDIR/source" && rm -rf "$TMPDIR/source" ;;
    sdist)         environment "$WITH_TORCH" && sdist && pip_install "$TMPDIR"/hologram-*.tar.gz ;;
    wheel)         environment "$WITH_TORCH" && locked "$VENV/bin/python" -m pip wheel -q --no-deps -w "$TMPDIR" "$TMPDIR/source" && rm -rf "$TMPDIR/source" &&
                     environment "$WITH_TORCH" && without_compilers "$VENV/bin/python" -m pip install -q "$TMPDIR"/hologram-*.whl ;;
    build)         environment "$WITH_TORCH" && (cd "$TMPDIR/source" && VIRTUAL_ENV=$VENV locked "$MATRIX/$TOOLS/bin/python" -m build -q --outdir "$TMPDIR") &&
                     rm -rf "$TMPDIR/source" && "$VENV/bin/python" -m pip install -q "$TMPDIR"/hologram-*.whl ;;
    uv)            environment "$WITH_TORCH" && (cd "$TMPDIR/empty" && locked "$MATRIX/$TOOLS/bin/uv" pip install -q --python "$VENV/bin/python" "$TMPDIR/source") &&
                     rm -rf "$TMPDIR/source" ;;
    no-torch)      environment "$PLAIN" && pip_install "$TMPDIR/source" && rm -rf "$TMPDIR/source" ;;
    core-only)     environment "$PLAIN" && HOLOGRAM_CORE_ONLY=1 pip_install "$TMPDIR/source" && rm -rf "$TMPDIR/source" ;;
  esac
}

# Runs a command where no compiler can be found.
without_compilers() {
  env -u CC -u CXX PATH="$MATRIX/bin" "$@"
}

# Does what was installed work, where nothing but Python is on the PATH?
works() {
  cp -r "$ROOT/README.md" "$ROOT/tests/install/readme.py" "$TMPDIR/empty"
  cd "$TMPDIR/empty" || return 1
  if [ "$1" = core-only ]; then
    without_compilers "$VENV/bin/python" -c '
import importlib.metadata as m, importlib.util, hologram_core as hg
assert importlib.util.find_spec("torch") is None and not [e for e in m.entry_points(group="torch.backends") if e.name == "hologram"]
assert not [r for r in m.requires("hologram") if r.startswith("torch")]
with hg.Executor() as executor:
    x = executor.allocate(4)
    x.fill(2.0)
    assert hg.compile(lambda x: x * x + 1)(x).to_numpy().tolist() == [5, 5, 5, 5]
print("the core, without torch")'
  else
    without_compilers "$VENV/bin/python" readme.py README.md
  fi
}

# The tests lie apart from the packages, so that those that were installed are tested.
suite() {
  rm -rf "$TMPDIR/suite"
  mkdir "$TMPDIR/suite"
  cp -r "$ROOT/tests" "$ROOT/pyproject.toml" "$ROOT/README.md" "$TMPDIR/suite"
  cd "$TMPDIR/suite" || return 1
  "$VENV/bin/python" -m pip install -q pytest expecttest hypothesis mpmath scipy
  "$VENV/bin/python" -m pytest -q -p no:cacheprovider $(printf 'tests/%s ' $SUITE) 2>&1 | tail -1
}

row() {
  echo "| $*" | sed "s#$MATRIX/##g" | tee -a "$TABLE" >&2
}

mkdir -p "$MATRIX/bin"
for tool in env uname dirname; do ln -sf "$(command -v $tool)" "$MATRIX/bin/$tool"; done
for PYTHON in $PYTHONS; do
  version=$("$PYTHON" -c 'import platform; print(platform.python_version())')
  TOOLS=tools-$version PLAIN=plain-$version
  make_environment "$TOOLS" build uv > "$LOG" 2>&1 || exit 1
  make_environment "$PLAIN" >> "$LOG" 2>&1 || exit 1
  for TORCH in $TORCHES; do
    WITH_TORCH=torch-$version-$TORCH
    if ! make_environment "$WITH_TORCH" "torch==$TORCH.*" > "$LOG" 2>&1; then
      row "$version | $TORCH | | not to be had | |"
      continue
    fi
    tested=
    for WAY in $WAYS; do
      checkout
      start=$SECONDS
      if ! (way "$WAY") > "$LOG" 2>&1; then
        row "$version | $TORCH | $WAY | **failed** | |"
        sed 's/^/    /' "$LOG" | tail -15 >&2
        continue
      fi
      seconds=$((SECONDS - start))
      said=$( (works "$WAY") 2> "$LOG" | tail -1)
      [ -n "$said" ] || sed 's/^/    /' "$LOG" | tail -15 >&2
      if [ "$WAY" != core-only ] && [ -z "$tested" ] && [ -n "$SUITE" ]; then
        tested=yes
        tests=$( (suite) )
      else
        tests=
      fi
      row "$version | $TORCH | $WAY | $seconds s | ${said:-**failed**} | $tests |"
    done
  done
done
printf '\n| Python | torch | way | installed in | README | tests |\n|---|---|---|---|---|---|\n'
cat "$TABLE"
! grep -q 'failed' "$TABLE"
