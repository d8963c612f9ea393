# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# machine.sh: the guest's hardware, from --topology, --memory and --nic to QEMU's options.

nic_model=() nic_node=() nic_queues=() nic_options=()

# nic_add SPEC: MODEL[@NODE][:QUEUES][:OPTIONS]
nic_add() {
	local spec=$1 re='^([a-z0-9-]+)(@([0-9]+))?(:([0-9]*))?(:([^:]+))?$'
	[[ $spec =~ $re ]] || bad_usage "--nic: expected MODEL[@NODE][:QUEUES][:OPTIONS]," \
		"such as virtio-net-pci@1:4:mq=on, got '$spec'"
	local model=${BASH_REMATCH[1]} queues=${BASH_REMATCH[5]:-1}
	((queues >= 1 && queues <= 256)) ||
		bad_usage "--nic $spec: expected 1..256 queues, got $queues"
	((queues == 1)) || [[ $model == virtio-net* || $model == vmxnet3 ]] ||
		bad_usage "--nic $spec: expected one queue: only virtio-net-pci and vmxnet3" \
			"have more in QEMU"
	nic_model+=("$model")
	nic_node+=("${BASH_REMATCH[3]:-0}")
	nic_queues+=("$queues")
	nic_options+=("${BASH_REMATCH[7]}")
}

# topology_parse SxCxT MIB: sets sockets, cores, threads, cpus and node_memory.
topology_parse() {
	local i
	[[ $1 =~ ^([1-8])x([1-9][0-9]{0,2})x([1-9])$ ]] ||
		bad_usage "--topology: expected SOCKETSxCORESxTHREADS, such as 2x14x2," \
			"of at most 8 sockets, got '$1'"
	sockets=${BASH_REMATCH[1]} cores=${BASH_REMATCH[2]} threads=${BASH_REMATCH[3]}
	cpus=$((sockets * cores * threads))
	((cpus <= 255)) || bad_usage "--topology $1: expected at most 255 CPUs, got $cpus"
	[[ $2 =~ ^[1-9][0-9]{2,6}$ && $2 -ge 512 ]] ||
		bad_usage "--memory: expected MiB, 512 or more, got '$2'"
	node_memory=$(($2 / sockets))
	for i in "${!nic_node[@]}"; do
		((nic_node[i] < sockets)) || bad_usage "--nic ${nic_model[i]}@${nic_node[i]}:" \
			"expected a node of 0..$((sockets - 1)) (--topology $1)"
	done
}

# machine_args ARRAY: QEMU's options into ARRAY. Each node has its own root bus, as on a
# real blade; hence the rest of the devices must say bus=pcie.0.
machine_args() {
	local -n _args=$1
	local i j
	_args=(-M q35 -accel "$accel" -cpu "$cpu" -m $((node_memory * sockets))
		-smp "$cpus,sockets=$sockets,cores=$cores,threads=$threads")
	for ((i = 0; i < sockets; i++)); do
		_args+=(-object "memory-backend-ram,id=memory$i,size=${node_memory}M"
			-numa "node,nodeid=$i,memdev=memory$i"
			-numa "cpu,node-id=$i,socket-id=$i"
			-device "pxb-pcie,id=node$i,bus=pcie.0,numa_node=$i,bus_nr=$((
				(i + 1) * 256 / (sockets + 1)))")
		for ((j = 0; j < i; j++)); do
			_args+=(-numa "dist,src=$j,dst=$i,val=21")
		done
	done
	for i in "${!nic_model[@]}"; do
		machine_nic "$1" "$i"
	done
}

machine_nic() {
	local -n _nic_args=$1
	local i=$2 device tap
	tap=tap,id=tap$i,ifname=tap$i,queues=${nic_queues[i]},vhost=off
	device=${nic_model[i]},netdev=tap$i,bus=port$i,mac=$(nic_mac "$i")
	# QEMU's own RSS waits for room in the packet's queue and is woken by that of the
	# tap's queue: one burst fills 256 descriptors, and the NIC is deaf from then on.
	[[ ${nic_model[i]} != virtio-net* ]] ||
		device+=,rx_queue_size=1024,vectors=$((2 * nic_queues[i] + 2))
	_nic_args+=(
		-netdev "$tap,script=no,downscript=no"
		-device "pcie-root-port,id=port$i,slot=$i,chassis=$((i + 1)),bus=node${nic_node[i]}"
		-device "$device${nic_options[i]:+,${nic_options[i]}}")
}

# guest-stage2 knows the NICs apart by these.
nic_mac() {
	printf '02:00:00:00:00:%02x' $(($1 + 1))
}
