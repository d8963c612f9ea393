#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# NO-NF where the kernel has netfilter: effective as long as the namespace has no hook,
# whoever registers it and however; else degraded, and up refuses. Strict is refused.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

inside() { blade ip netns exec pep0 "$@"; }
up() { blade "$hapep" up --quiet --config "$conf"; }
down() { blade "$hapep" down --quiet; }
field() { blade "$hapep" status --json | jq -r "$1"; }

strict_refused() {
	local said status
	said=$(blade "$hapep" up --config "$scratch/strict.conf" 2>&1)
	status=$?
	expect "no_nf = strict where the kernel has netfilter: exit 1" 1 "$status"
	check "it says what to do" grep -qE 'CONFIG_NETFILTER=n.*kernel/build.*apt install.*no_nf = effective' <<<"$said"
	expect "nothing was changed" "$before" "$(state)"
}

state() {
	blade bash -c 'ip link; tc qdisc; ip netns; find /run ! -name xtables.lock'
}

hooks_are() { # STATE SCENARIO HOOKS
	[[ $(field '"\(.state), \(.scenario), \(.netfilter_hooks)"') == "$1, $2, "$3 ]] ||
		{ field '"\(.state), \(.scenario), \(.netfilter_hooks)"'; return 1; }
}

effective() {
	hooks_are up "NO-NF (effective)" none
}

# hook WHAT FUNCTION...: what stdin's commands register in the namespace is seen, and gone
# when nft and iptables are flushed.
hook() {
	local what=$1 function
	shift
	if ! inside bash -s >"$scratch/out" 2>&1; then
		skip "$what" "this kernel says: $(head -n 1 "$scratch/out")"
	else
		check "$what: degraded" hooks_are degraded "NO-NF (not in effect)" "*"
		for function; do
			check "$what: $function is named" grep -qE "(^|, )$function($|[, ])" \
				<<<"$(field .netfilter_hooks)"
		done
		expect "$what: that is the reason" "netfilter hooks are in the namespace" \
			"$(field .reason)"
	fi
	inside nft flush ruleset
	check "$what, gone: effective" effective
}

hooks() {
	hook "an nftables chain, IPv4" nft_do_chain_ipv4 <<-'END'
		nft 'add table ip f; add chain ip f c { type filter hook input priority 0; }'
	END
	hook "an nftables chain, IPv6" nft_do_chain_ipv6 <<-'END'
		nft 'add table ip6 f; add chain ip6 f c { type filter hook forward priority 0; }'
	END
	hook "an nftables chain of both families" nft_do_chain_inet <<-'END'
		nft 'add table inet f; add chain inet f c { type filter hook prerouting priority 0; }'
	END
	hook "an nftables chain on a device" nft_do_chain_netdev <<-'END'
		nft 'add table netdev f; add chain netdev f c { type filter hook ingress device client priority 0; }'
	END
	hook "an nftables chain for ARP" nft_do_chain_arp <<-'END'
		nft 'add table arp f; add chain arp f c { type filter hook input priority 0; }'
	END
	hook "an nftables chain for bridges" nft_do_chain_bridge <<-'END'
		nft 'add table bridge f; add chain bridge f c { type filter hook input priority 0; }'
	END
	hook "connection tracking" ipv4_conntrack_in ipv4_conntrack_local <<-'END'
		nft 'add table ip f; add chain ip f c { type filter hook input priority 0; }
			add rule ip f c ct state established counter'
	END
	hook "an iptables rule" nft_do_chain_ipv4 <<-'END'
		iptables-nft -A INPUT -p tcp --dport 1 -j DROP
	END
}

refused() {
	inside nft 'add table ip foreign; add chain ip foreign c { type filter hook input priority 0; }'
	blade "$hapep" up --config "$conf" >"$scratch/out" 2>&1
	expect "up on it: exit 1" 1 $?
	check "it names the hook and its table" \
		grep -q 'nft_do_chain_ipv4 (nftables table ip foreign)' "$scratch/out"
	check "traffic goes on" client curl -sf -m $((5 * patience)) -o /dev/null "$(url 4 /8k)"
	inside nft delete table ip foreign
	check "up, the table gone" up
	check "effective again" effective
}

# A blade that has a hook cannot be switched to NO-NF, and goes on in its scenario.
switched() {
	check "hapep scenario NF-NO-IPT" blade "$hapep" scenario NF-NO-IPT
	inside nft 'add table ip foreign; add chain ip foreign c { type filter hook input priority 0; }'
	blade "$hapep" scenario NO-NF >"$scratch/out" 2>&1
	expect "hapep scenario NO-NF with a hook there: exit 1" 1 $?
	check "it names the table" grep -q 'nftables table ip foreign' "$scratch/out"
	expect "the former scenario is in service" "up NF-NO-IPT" "$(field '"\(.state) \(.scenario)"')"
	inside nft delete table ip foreign
	check "hapep scenario NO-NF without" blade "$hapep" scenario NO-NF
	check "effective after that" effective
}

# A hook elsewhere is none of ours.
elsewhere() {
	server nft 'add table ip foreign; add chain ip foreign c { type filter hook input priority 0; }'
	blade nft 'add table ip foreign; add chain ip foreign c { type filter hook input priority 0; }'
	check "hooks in other namespaces do not count" effective
	server nft delete table ip foreign
	blade nft delete table ip foreign
}

# iptables of old registers for good: the namespace has to go.
legacy() {
	if ! inside iptables-legacy -t mangle -nL >"$scratch/out" 2>&1; then
		skip "an iptables table of old" "this kernel says: $(head -n 1 "$scratch/out")"
		return
	fi
	check "an iptables table of old: degraded" hooks_are degraded "NO-NF (not in effect)" \
		"iptable_mangle_hook (iptables table mangle)"
}

[[ -e /proc/net/netfilter ]] || { skip "netfilter's hooks" "this kernel has no netfilter"; exit; }
lab_begin
lab origin start >/dev/null
conf=$scratch/no-nf.conf
sed 's/^\[blade\]/&\nscenario = NO-NF/' "$lab_conf" >"$conf"
sed 's/^scenario.*/&\nno_nf = strict/' "$conf" >"$scratch/strict.conf"
before=$(state)
strict_refused
if ! up 2>"$scratch/out"; then
	# Security modules' hooks are in every namespace; then NO-NF must not be claimed.
	check "NO-NF refused: every namespace has a hook" \
		grep -qE 'every one of this kernel.s has: (apparmor|selinux|smack)_.*boot with lsm=' "$scratch/out"
	expect "nothing was changed by that" "$before" "$(state)"
	check "hapep scenario says so" bash -c "'$hapep' scenario --json |
		jq -e '.here[] | select(.scenario == \"NO-NF\") | .possible | not'"
	test_end
fi
check "NO-NF is effective" effective
if inside nft list hooks >"$scratch/out" 2>/dev/null && grep -q family "$scratch/out"; then
	expect "by nft's list too" 0 "$(grep -c '[0-9] [a-z_]*' "$scratch/out")"
fi
hooks
refused
switched
elsewhere
legacy
check "down" down
expect "nothing is left" "$before" "$(state)"
test_end
