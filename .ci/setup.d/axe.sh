# shellcheck shell=bash
# axe-core, which looks at pages as somebody who cannot see them has to.
axe_version=4.11.0
axe_dir="${XDG_CACHE_HOME:-$HOME/.cache}/ergorecorder-axe-$axe_version"
axe_file="$axe_dir/node_modules/axe-core/axe.min.js"
if [ ! -e "$axe_file" ]; then
  if ! command -v npm >/dev/null; then
    echo "no npm here"
    return 1
  fi
  mkdir -p "$axe_dir"
  npm install --silent --no-audit --no-fund --prefix "$axe_dir" "axe-core@$axe_version" || return 1
fi
export ERGO_AXE="$axe_file"
