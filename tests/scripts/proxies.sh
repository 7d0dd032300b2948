#!/usr/bin/env bash
# A thousand clients through each proxy, with the configurations of docs/proxies: pages, long polls, followers, events,
# streams, bodies that are too large, and LogHttp below a prefix. Usage: proxies.sh [PROXY…]. The default is all of
# them.
# Needs nginx, haproxy, caddy, varnish and apache2 (apt-get install nginx-light haproxy caddy varnish apache2).
source "$(dirname "$0")/server.sh"

PATH=$PATH:/usr/sbin
[ $# -gt 0 ] || set -- nginx haproxy caddy varnish apache
proxy_pid=
stop_proxy() {
  [ -z "$proxy_pid" ] || { kill "$proxy_pid" 2>/dev/null || true; wait "$proxy_pid" 2>/dev/null || true; }
  proxy_pid=
}
trap 'stop_proxy; stop_server; rm -rf "$work"' EXIT
chmod 755 "$work" # workers of nginx, varnish and Apache are other users

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
  -keyout "$work/tls.key" -out "$work/tls.crt" 2>"$work/openssl.err"
cat "$work/tls.crt" "$work/tls.key" >"$work/tls.pem"
echo "log:$(openssl passwd -apr1 secret)" >"$work/passwords"
chmod 644 "$work"/tls.* "$work/passwords"
ulimit -n "$(ulimit -Hn)"
start_server LogHttp__MaxBodyBytes=2000000 LogHttp__MaxRecordBytes=1000000
upstream=${url#http://}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

configure() { # FILE: the documented one but for its addresses and places
  sed -e "s|127\.0\.0\.1:8080|$upstream|" -e "s|\.port = \"8080\"|.port = \"${upstream##*:}\"|" \
    -e "s#\(listen\|Listen\|bind\) :\?8443#\1 127.0.0.1:$port#" -e "s|<VirtualHost \*:8443>|<VirtualHost *:$port>|" \
    -e "s|^:8443 {|https://127.0.0.1:$port {|" -e "s|/etc/loghttp/|$work/|g" "$repository/docs/proxies/$1" >"$work/$1"
}

start_proxy() { # NAME
  port=$(free_port) scheme=https prefix=/log
  mkdir -p "$work/$1"
  case $1 in
    nginx)
      configure nginx.conf
      cat >"$work/nginx.main" <<END
user $(id -un) $(id -gn);
worker_processes 2;
worker_rlimit_nofile 10000;
daemon off;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $work/nginx/body; fastcgi_temp_path $work/nginx/fastcgi; proxy_temp_path $work/nginx/proxy; scgi_temp_path $work/nginx/scgi; uwsgi_temp_path $work/nginx/uwsgi;
    include $work/nginx.conf;
}
END
      exec_proxy=(nginx -p "$work/nginx" -c "$work/nginx.main") ;;
    haproxy)
      prefix=
      configure haproxy.cfg
      exec_proxy=(haproxy -db -f "$work/haproxy.cfg") ;;
    caddy)
      configure Caddyfile
      { printf '{\n\tadmin off\n\tauto_https off\n\tskip_install_trust\n}\n'; cat "$work/Caddyfile"; } >"$work/Caddyfile.main"
      exec_proxy=(env HOME="$work/caddy" XDG_DATA_HOME="$work/caddy" XDG_CONFIG_HOME="$work/caddy" caddy run --config "$work/Caddyfile.main" --adapter caddyfile) ;;
    varnish)
      scheme=http prefix=
      configure varnish.vcl
      exec_proxy=(varnishd -F -a "127.0.0.1:$port" -f "$work/varnish.vcl" -n "$work/varnish" -s malloc,64m) ;;
    apache)
      configure apache.conf
      cat >"$work/apache.main" <<END
ServerRoot /usr/lib/apache2
ServerName localhost
PidFile $work/apache/pid
ErrorLog $work/apache/error.log
User www-data
Group www-data
$(for module in mpm_event ssl proxy proxy_http auth_basic authn_core authn_file authz_core authz_user headers reqtimeout socache_shmcb; do
  [ ! -e "/usr/lib/apache2/modules/mod_$module.so" ] || echo "LoadModule ${module}_module modules/mod_$module.so"; done)
# Each follower takes a thread of Apache.
ServerLimit 16
ThreadsPerChild 64
MaxRequestWorkers 1024
Include $work/apache.conf
END
      exec_proxy=(apache2 -f "$work/apache.main" -D FOREGROUND) ;;
    *) echo "There is no configuration for $1." >&2; exit 1 ;;
  esac
  command -v "$([ "$1" = varnish ] && echo varnishd || { [ "$1" = apache ] && echo apache2 || echo "$1"; })" >/dev/null || { echo "$1 is missing." >&2; exit 1; }
  "${exec_proxy[@]}" >"$work/$1.log" 2>&1 &
  proxy_pid=$!
  for _ in $(seq "${PROXY_START_TENTHS:-600}"); do
    curl -fsk -u log:secret -o "$work/answer" "$scheme://127.0.0.1:$port$prefix/healthz" 2>"$work/curl.err" && return 0
    kill -0 "$proxy_pid" 2>/dev/null || break
    sleep 0.1
  done
  curl -sSik -u log:secret "$scheme://127.0.0.1:$port$prefix/healthz" >&2 || true
  cat "$work/$1.log" "$work/$1/error.log" >&2 2>/dev/null || true
  echo "$1 did not start." >&2
  exit 1
}

for proxy in "$@"; do
  start_proxy "$proxy"
  timeout 600 python3 "$repository/tests/scripts/proxies.py" "$proxy" "$scheme://127.0.0.1:$port$prefix" "$url" || { tail -n 20 "$work/$proxy.log" "$work/server.log" >&2; exit 1; }
  stop_proxy
done
