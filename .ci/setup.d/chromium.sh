# Debian's chromium for the browser tests.
if ! command -v chromium >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
  (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) >/tmp/chromium-install.log 2>&1
fi
command -v chromium >/dev/null 2>&1
