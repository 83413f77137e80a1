# shellcheck shell=bash
# The MCP Inspector's command line, for the tests with clients that we did not
# write. Sourced by .ci/run; installed once into a cache.
inspector_version=2.12.0
inspector_dir="${XDG_CACHE_HOME:-$HOME/.cache}/ergorecorder-inspector-$inspector_version"
inspector_bin="$inspector_dir/node_modules/.bin/mcp-inspector"
if [ ! -x "$inspector_bin" ]; then
  if ! command -v npm >/dev/null; then
    echo "no npm here"
    return 1
  fi
  mkdir -p "$inspector_dir"
  npm install --silent --no-audit --no-fund --prefix "$inspector_dir" "@modelcontextprotocol/inspector@$inspector_version" || return 1
fi
export ERGO_INSPECTOR="$inspector_bin"
