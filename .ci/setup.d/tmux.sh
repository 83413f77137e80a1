# Debian's tmux for the test of the full screen.
if ! command -v tmux >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
  (apt-get update -qq && apt-get install -y -qq --no-install-recommends tmux) >/tmp/tmux-install.log 2>&1
fi
command -v tmux >/dev/null 2>&1
