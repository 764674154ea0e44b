#!/bin/sh
# Runs three hosts on one bridge, each a network namespace with a real address and two nodes that are
# bound to all addresses. tests/namespaces.rs runs this script in its own namespaces, so that it does
# not change the machine's network.
set -eu
kad=$1
bridge=bridge

mount -t tmpfs none /run
mkdir -p /run/netns
ip link add name "$bridge" type bridge
ip link set "$bridge" up
for host in 1 2 3; do
  ip netns add "host$host"
  ip link add name "outside$host" type veth peer name "inside$host"
  ip link set "inside$host" netns "host$host"
  ip link set "outside$host" master "$bridge" up
  ip -n "host$host" address add "11.0.$host.1/8" dev "inside$host"
  ip -n "host$host" link set "inside$host" up
  ip -n "host$host" link set lo up
done

nodes=
trap 'kill $nodes 2>/dev/null || true' EXIT
start() {
  host=$1
  shift
  ip netns exec "host$host" "$kad" node "$@" &
  nodes="$nodes $!"
}
start 1 --listen 0.0.0.0:8468
sleep 0.5
start 1 --listen 0.0.0.0:8469 --bootstrap 11.0.1.1:8468
start 2 --listen 0.0.0.0:8468 --bootstrap 11.0.1.1:8468
start 2 --listen 0.0.0.0:8469 --bootstrap 11.0.1.1:8468
start 3 --listen 0.0.0.0:8468 --bootstrap 11.0.1.1:8468
start 3 --listen 0.0.0.0:8469 --bootstrap 11.0.1.1:8468
sleep 2

on() {
  host=$1
  shift
  ip netns exec "host$host" "$kad" "$@"
}
on 1 put colour blue --bootstrap 11.0.2.1:8468
for host in 1 2 3; do
  for through in 1 2 3; do
    [ "$(on $host get colour --bootstrap "11.0.$through.1:8469")" = blue ]
  done
done

# Disconnects the first host, which all others bootstrapped from. The other hosts still find the value
# and each other.
ip -n host1 link set inside1 down
[ "$(on 3 get colour --bootstrap 11.0.2.1:8468)" = blue ]
on 2 put shape round --bootstrap 11.0.3.1:8468
ip -n host1 link set inside1 up
[ "$(on 1 get shape --bootstrap 11.0.3.1:8469)" = round ]
echo "six nodes on three hosts found all values"
