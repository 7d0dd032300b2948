# Varnish as a cache in front of LogHttp. It goes to /etc/varnish/default.vcl. Varnish takes no TLS and asks for no
# password: both belong to a proxy in front of it (HAProxy or nginx, as beside this file).
vcl 4.1;

backend loghttp {
    .host = "127.0.0.1";
    .port = "8080";
    # Longer than the longest wait (MaxWait, 300 s).
    .first_byte_timeout = 330s;
    .between_bytes_timeout = 330s;
}

sub vcl_recv {
    # Bodies and responses without an end pass as they come. Varnish sends X-Forwarded-For and Via by itself, so the reports
    # of a stream wait for its end.
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    if (req.url ~ "[?&]follow=true" || req.url ~ "^/stream" || req.http.Accept ~ "text/event-stream") {
        return (pipe);
    }
    # Only what names a partition and, with v, the topic's id can be kept. All else must not wait for a copy.
    if (req.url !~ "[?&]partition=" || req.url !~ "[?&]v=") {
        return (pass);
    }
    return (hash);
}

sub vcl_pipe {
    set bereq.http.Connection = "close";
    return (pipe);
}

sub vcl_backend_response {
    # LogHttp says itself what may be kept, and for how long. Nothing stale is served.
    set beresp.grace = 0s;
    if (beresp.http.Cache-Control ~ "no-store|no-cache|private" || beresp.status >= 500) {
        set beresp.uncacheable = true;
        set beresp.ttl = 5s;
    }
}
