# Makes a network of six hosts on a bridge: this namespace has the caller, and five more a server
# each. Every host loses a share of the packets that it receives. Runs the rest of the command line
# with the ids of processes on the five hosts in HOSTS.
set -e
loss=$1
shift
lose="nft 'add table inet storm'
nft 'add chain inet storm lose { type filter hook input priority 0; }'
nft 'add rule inet storm lose ip saddr 10.8.0.0/24 numgen random mod 100 < $loss drop'"
HOSTS=
trap 'kill $HOSTS' EXIT
ip link set lo up
ip link add wire type bridge mcast_snooping 0
ip addr add 10.8.0.254/24 dev wire
ip link set wire up
eval "$lose"
for host in 1 2 3 4 5; do
    unshare --net sleep 3600 &
    pid=$!
    HOSTS="$HOSTS $pid"
    while [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    ip link add wire$host type veth peer name wire netns /proc/$pid/ns/net
    ip link set wire$host master wire up
    nsenter --net=/proc/$pid/ns/net sh -ec "ip addr add 10.8.0.$host/24 dev wire
        ip link set lo up
        ip link set wire up
        $lose"
done
export HOSTS
"$@"
