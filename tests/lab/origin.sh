# shellcheck shell=bash disable=SC2154 # variables are lab's
# SPDX-License-Identifier: GPL-2.0-or-later
# The web server behind the server-side router, and on the far host.

origin_pid() { # NAMESPACE: the pid of its nginx, if that runs
	local pid

	pid=$(cat "$state/origin/$1.pid" 2>/dev/null) || return 0
	# A pid may have become somebody else's; the namespace cannot have.
	[[ ! /proc/$pid/ns/net -ef /run/netns/$prefix$1 ]] || echo "$pid"
}

# Bytes that look random, and are the same each time
make_object() { # NAME BYTES
	[[ -e $objects/$1 ]] ||
		head -c "$2" /dev/zero | openssl enc -aes-128-ctr -K "$(printf %032x "$2")" \
			-iv 00000000000000000000000000000000 -out "$objects/$1"
}

origin_listen() { # PORT...
	printf 'listen %s backlog=16384 reuseport;\n' "${@}" "${@/#/[::]:}"
}

origin_config() { # NAMESPACE PORT...
	cat <<NGINX
user root; # as the objects' owner
worker_processes 2;
pid $1.pid;
error_log $1.log;
events {
	worker_connections 8192;
	accept_mutex off;
}
http {
	access_log off;
	default_type application/octet-stream;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000;
	client_max_body_size 0;
	client_body_temp_path $1.body;
	proxy_temp_path $1.proxy;
	fastcgi_temp_path $1.fastcgi;
	uwsgi_temp_path $1.uwsgi;
	scgi_temp_path $1.scgi;
	server {
		$(origin_listen "${@:2}")
		root $objects;
		open_file_cache max=16;
		location = /who {
			return 200 "\$remote_addr:\$remote_port \$server_addr:\$server_port\n";
		}
		location /slow/ { # the same objects, half a minute a megabyte, or HAPEP_PATIENCE times that
			limit_rate $((32768 / ${HAPEP_PATIENCE:-1}));
			alias $objects/;
		}
		location /put/ {
			open_file_cache off;
			alias $1.put/;
			dav_methods PUT DELETE;
		}
	}
}
NGINX
}

origin_start() { # PORT...
	local objects=$state/origin/objects part base files

	for part in nginx openssl; do
		command -v "$part" >/dev/null || die 1 "$part is missing: 'make deps' installs it"
	done
	mkdir -p "$objects"
	make_object 1k 1024
	make_object 8k 8192
	make_object 64k 65536
	make_object 1m 1048576
	make_object 100m 104857600
	files=$(ulimit -Hn)
	for part in server ${far:+far}; do
		base=$state/origin/$part
		mkdir -p "$base.put"
		origin_config "$base" "$@" >"$base.conf"
		(ulimit -n "$files" && enter "$part" nginx -c "$base.conf" -e "$base.log") \
			{lock_fd}<&- || die 1 "cannot start nginx in $part: see above"
	done
	echo "lab '$name': origin listens on $*"
}

origin_stop() {
	local part pid tries

	for part in server far; do
		pid=$(origin_pid "$part")
		[[ $pid ]] || continue
		kill "$pid"
		for ((tries = 0; tries < 100; tries++)); do
			[[ $(origin_pid "$part") ]] || continue 2
			sleep 0.02
		done
		die 1 "nginx in $part (pid $pid) does not end; 'lab --name $name down' ends it"
	done
}
