#!/usr/bin/env bash
# A hundred consumers read through nginx with docs/nginx.conf. Each gets every record once and in order, and about one
# request for each page reaches LogHttp, also with long polls. Prints the figures and fails if they are not met. Needs
# nginx (apt-get install nginx-light).
source "$(dirname "$0")/server.sh"

PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || { echo "nginx is missing (apt-get install nginx-light)." >&2; exit 1; }
nginx_pid=
stop_nginx() { [ -z "$nginx_pid" ] || { kill "$nginx_pid" 2>/dev/null || true; wait "$nginx_pid" 2>/dev/null || true; }; }
trap 'stop_nginx; stop_server; rm -rf "$work"' EXIT

start_server
proxy=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# The documented file with other paths and addresses. Each of these four lines occurs once.
places=(-e "s|server 127.0.0.1:8080;|server ${url#http://};|" -e "s|listen 80;|listen $proxy;|"
  -e "s|/var/cache/loghttp |$work/cache |" -e "s|/var/log/nginx/loghttp.log |$work/access.log |")
sed "${places[@]}" "$repository/docs/nginx.conf" >"$work/loghttp.conf"
[ "$(diff "$repository/docs/nginx.conf" "$work/loghttp.conf" | grep -c '^>')" -eq 4 ] || { echo "docs/nginx.conf has changed; so must this script." >&2; exit 1; }
cat >"$work/nginx.conf" <<EOF
user $(id -un) $(id -gn);
worker_processes 2;
daemon off;
pid $work/nginx.pid;
error_log $work/error.log;
events {}
http {
    client_body_temp_path $work/body; fastcgi_temp_path $work/fastcgi; proxy_temp_path $work/proxy; scgi_temp_path $work/scgi; uwsgi_temp_path $work/uwsgi;
    include $work/loghttp.conf;
}
EOF
nginx -p "$work" -c "$work/nginx.conf" 2>"$work/nginx.err" &
nginx_pid=$!
until curl -fsS -o "$work/answer" "http://$proxy/healthz" 2>"$work/curl.err"; do
  kill -0 "$nginx_pid" 2>/dev/null || { cat "$work/nginx.err" "$work/error.log" >&2; exit 1; }
  sleep 0.1
done
python3 "$repository/tests/scripts/nginx-cache.py" "$proxy" "${url#http://}" "$work/access.log" "$server_pid"
