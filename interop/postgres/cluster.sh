#!/usr/bin/env bash
# A throw-away PostgreSQL cluster.
#
#   cluster.sh start FOLDER [NAME=VALUE…]   makes it in FOLDER, starts it and prints its URL
#   cluster.sh stop FOLDER                  stops it and removes FOLDER
#   cluster.sh programs                     prints where PostgreSQL's programs are
#
# NAME=VALUE are settings of the server. It listens on 127.0.0.1 at a free port, for its one user.
# Needs the programs of PostgreSQL 14 or newer, on the PATH or where Debian puts them (the package
# `postgresql`). PostgreSQL refuses to run as root: then it runs as the user `postgres`.
set -euo pipefail

fail() { echo "error: $*" >&2; exit 1; }

case "$#:${1:-}" in
  1:programs | [2-9]*:start | 2:stop) ;;
  *) fail 'expected: cluster.sh start FOLDER [NAME=VALUE…], cluster.sh stop FOLDER, or cluster.sh programs' ;;
esac
action="$1" folder="${2:-}"

programs() { # the folder of the newest PostgreSQL's programs
  local found version
  found="$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)"
  [ -x "$found" ] || found="$(readlink -f "$(command -v initdb)")" \
    || fail 'missing: PostgreSQL; on Debian or Ubuntu: apt-get install postgresql'
  version="$("$found" --version | grep -o '[0-9]*' | head -n 1)"
  [ "$version" -ge 14 ] || fail "found PostgreSQL $version in $found, expected 14 or newer"
  dirname "$found"
}

bin="$(programs)"
as=()
[ "$(id -u)" != 0 ] || as=(runuser -u postgres --)

run() { (cd / && LC_ALL=C "${as[@]}" "$@"); }

start() {
  rm -rf "$folder"
  mkdir -p "$folder"
  folder="$(cd "$folder" && pwd)"
  [ "$(id -u)" != 0 ] || chown postgres "$folder"
  run test -w "$folder" || fail "$folder: the user postgres cannot write there"
  local data="$folder/data" password=throw-away port try setting
  run sh -c "umask 077; echo $password >'$folder/password'"
  # The password in the clear: SCRAM's thousands of hashes take an unoptimised client a while.
  run "$bin/initdb" --pgdata "$data" --username behalf --pwfile "$folder/password" \
    --auth password --encoding UTF8 --locale C --no-sync >"$folder.log" 2>&1 \
    || { cat "$folder.log" >&2; fail 'initdb failed'; }
  for setting in listen_addresses=127.0.0.1 unix_socket_directories= max_connections=300 "$@"; do
    printf "%s = '%s'\n" "${setting%%=*}" "${setting#*=}"
  done | run tee -a "$data/postgresql.conf" >/dev/null
  for try in 1 2 3 4 5 6 7 8; do
    port=$((20000 + RANDOM % 12000))
    if run "$bin/pg_ctl" start --pgdata "$data" --wait --silent --log "$folder/server.log" \
      --options "-p $port" >/dev/null 2>&1; then
      PGPASSWORD="$password" run "$bin/createdb" --host 127.0.0.1 --port "$port" \
        --username behalf behalf
      printf 'postgres://behalf:%s@127.0.0.1:%s/behalf\n' "$password" "$port"
      return
    fi
  done
  cat "$folder/server.log" >&2
  fail 'the server does not start'
}

stop() {
  [ -d "$folder" ] || return 0
  folder="$(cd "$folder" && pwd)"
  run "$bin/pg_ctl" stop --pgdata "$folder/data" --mode immediate --wait --silent >/dev/null 2>&1 || true
  rm -rf "$folder" "$folder.log"
}

case "$action" in
  start) start "${@:3}" ;;
  stop) stop ;;
  programs) echo "$bin" ;;
esac
