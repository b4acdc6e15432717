#!/bin/sh
# Makes the captures of this folder: real servers and clients on the loopback interface of a network namespace of its own.
# Run as root: unshare --net --mount --pid --fork sh capture.sh TOOLS OUT
#   TOOLS  directory with usr/ of nginx, redis-server, redis-tools, mariadb-server, mariadb-client and dnsmasq (Debian 12)
#   OUT    where the captures go
# The captures here: nginx 1.22, Redis 7.0.15, MariaDB 10.11.19, dnsmasq 2.90, mysql2 3.
# Needs tcpdump, curl, python3, node, and mysql2 3.x where node finds it (NODE_PATH).
set -eu
TOOLS=$1
OUT=$2
HERE=$(cd "$(dirname "$0")" && pwd)
DATA=$(mktemp -d)
export PATH="$TOOLS/usr/sbin:$TOOLS/usr/bin:$PATH" LD_LIBRARY_PATH="$TOOLS/usr/lib/x86_64-linux-gnu"
ip link set lo up mtu 1500
# As a network card would show them, not as segmentation offload does.
ethtool -K lo tso off gso off gro off 2>/dev/null || true

capture() { # NAME FILTER: records until stop
  tcpdump -q -i lo -w "$OUT/$1.pcap" --immediate-mode -U "$2" 2>/dev/null &
  TCPDUMP=$!
  sleep 1
}
stop() {
  sleep 1
  kill "$TCPDUMP"
  wait "$TCPDUMP" || true
}

cat > "$DATA/nginx.conf" <<CONF
daemon off; user root; pid $DATA/nginx.pid; error_log stderr;
events {}
http {
  access_log off; client_body_temp_path $DATA/b; proxy_temp_path $DATA/p;
  fastcgi_temp_path $DATA/f; uwsgi_temp_path $DATA/u; scgi_temp_path $DATA/s;
  server {
    listen 127.0.0.1:80;
    location /hello { return 200 "hello\n"; }
    location /large { root $DATA/www; }
    location /missing { return 404; }
    location /moved { return 301 /hello; }
    location /chunked { proxy_pass http://127.0.0.1:81/; proxy_http_version 1.1; gzip on; gzip_types *; gzip_min_length 1; }
    location /busy { return 503 "busy\n"; }
  }
  server { listen 127.0.0.1:81; location / { root $DATA/www; index large.txt; } }
}
CONF
mkdir -p "$DATA/www/large"
seq 1 4000 > "$DATA/www/large/index.html"
seq 1 4000 > "$DATA/www/large.txt"
nginx -e stderr -p "$DATA" -c "$DATA/nginx.conf" &
NGINX=$!
sleep 1
capture http 'tcp port 80'
python3 "$HERE/http-client.py"
stop
kill $NGINX

redis-server --port 6379 --save '' --dir "$DATA" > /dev/null &
REDIS=$!
sleep 1
capture redis 'tcp port 6379'
redis-cli set order:17 paid
redis-cli get order:17
redis-cli incr order:17 || true
redis-cli -3 hset cart:9 apple 2 pear 1
redis-cli -3 hgetall cart:9
redis-cli mget order:17 nothing
python3 "$HERE/redis-client.py"
stop
kill $REDIS

mariadb-install-db --no-defaults --user=root --basedir="$TOOLS/usr" --datadir="$DATA/mysql" --auth-root-authentication-method=normal > /dev/null
mariadbd --no-defaults --user=root --basedir="$TOOLS/usr" --datadir="$DATA/mysql" --socket="$DATA/mysql.sock" --bind-address=127.0.0.1 --port=3306 2> /dev/null &
MARIADB=$!
sleep 6
mariadb --no-defaults -S "$DATA/mysql.sock" -u root -e "create user shop@localhost identified by 'secret'; create database shop; grant all on shop.* to shop@localhost"
capture mysql 'tcp port 3306'
mariadb --no-defaults --skip-ssl -h 127.0.0.1 -u shop -psecret shop -e "create table orders (id int, name varchar(40)); insert into orders values (1, 'first'), (2, 'second'); select * from orders where id = 1; select * from absent" || true
node "$HERE/mysql-client.mjs"
stop
capture mysql-compressed 'tcp port 3306'
COMPRESS=1 node "$HERE/mysql-client.mjs"
stop
kill $MARIADB

dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --listen-address=127.0.0.1 --pid-file="$DATA/dnsmasq.pid" \
  --address=/shop.test/10.0.0.7 --cname=alias.test,target.test --host-record=target.test,10.0.0.8,fd00::8 --local=/test/ &
DNSMASQ=$!
sleep 1
capture dns 'port 53'
python3 "$HERE/dns-client.py"
stop
kill $DNSMASQ
